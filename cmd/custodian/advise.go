package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"signet.example/signet/custodian"
)

const adviseUsage = `usage: custodian advise -want G2,G6 [-principal id] [-json] [-lang en|fr] scenario.json`

// adviseCommand finds a smallest set of secrets to withhold so that guarantees hold.
func adviseCommand(args []string, out, errs io.Writer) int {
	flags := newFlags("advise", errs)
	asJSON, lang := outputFlags(flags)
	want := flags.String("want", "", "guarantees that are to hold, such as G2,G6")
	principal := flags.String("principal", "", "for whom; everybody if not given")
	if flags.Parse(args) != nil {
		return 1
	}
	if flags.NArg() != 1 || *want == "" || !isLanguage(*lang) {
		fmt.Fprintln(errs, adviseUsage)
		return 1
	}
	return exitCode(advise(flags.Arg(0), *want, *principal, *asJSON, *lang, out), errs)
}

func advise(path, want, principal string, asJSON bool, lang string, out io.Writer) error {
	sc, err := readScenario(path)
	if err != nil {
		return err
	}
	var wishes []custodian.Wish
	for id := range strings.SplitSeq(want, ",") {
		wishes = append(wishes, custodian.Wish{Guarantee: strings.TrimSpace(id), Principal: principal})
	}
	a, err := custodian.Advise(context.Background(), sc, wishes, nil)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(out, a)
	}
	return a.WriteText(out, lang)
}
