package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"signet.example/signet/custodian"
)

const diffUsage = `usage: custodian diff [-json] [-lang en|fr] before.json after.json
       custodian diff [-json] [-lang en|fr] -without grant:atom,… scenario.json`

// diffCommand says which verdicts differ between two scenarios, and which secrets are responsible.
func diffCommand(args []string, out, errs io.Writer) int {
	flags := newFlags("diff", errs)
	asJSON, lang := outputFlags(flags)
	without := flags.String("without", "", "compare one scenario with itself without these secrets, such as handover:root")
	if flags.Parse(args) != nil {
		return 1
	}
	if !isLanguage(*lang) || flags.NArg() != 2 && (flags.NArg() != 1 || *without == "") || flags.NArg() == 2 && *without != "" {
		fmt.Fprintln(errs, diffUsage)
		return 1
	}
	return exitCode(diff(flags.Args(), *without, *asJSON, *lang, out), errs)
}

func diff(paths []string, without string, asJSON bool, lang string, out io.Writer) error {
	before, err := readScenario(paths[0])
	if err != nil {
		return err
	}
	var after *custodian.Scenario
	if len(paths) == 2 {
		after, err = readScenario(paths[1])
	} else {
		after, err = less(before, without)
	}
	if err != nil {
		return err
	}
	d, err := custodian.Compare(context.Background(), before, after, nil)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(out, d)
	}
	return d.WriteText(out, lang)
}

func less(sc *custodian.Scenario, without string) (*custodian.Scenario, error) {
	var list []custodian.Withheld
	for s := range strings.SplitSeq(without, ",") {
		u, err := custodian.ParseWithheld(s)
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return sc.Without(list), nil
}
