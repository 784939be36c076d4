package main

import (
	"context"
	"fmt"
	"io"

	"signet.example/signet/custodian"
)

const explainUsage = `usage: custodian explain [-json] [-lang en|fr] [-message n] [-principal id]
                         [-forge] [-quantum] scenario.json`

// explainCommand says why a principal reads or forges a message, or why it does not.
func explainCommand(args []string, out, errs io.Writer) int {
	var q custodian.Question
	flags := newFlags("explain", errs)
	asJSON, lang := outputFlags(flags)
	flags.IntVar(&q.Message, "message", -1, "number of the message; the first that the principal reads if not given")
	flags.StringVar(&q.Principal, "principal", "", "id of the principal; the first that reads anything if not given")
	flags.BoolVar(&q.Forge, "forge", false, "ask who could put a message of its own in this one's place")
	flags.BoolVar(&q.Quantum, "quantum", false, "with a quantum computer")
	if flags.Parse(args) != nil {
		return 1
	}
	if flags.NArg() != 1 || !isLanguage(*lang) {
		fmt.Fprintln(errs, explainUsage)
		return 1
	}
	return exitCode(explain(flags.Arg(0), q, *asJSON, *lang, out), errs)
}

func explain(path string, q custodian.Question, asJSON bool, lang string, out io.Writer) error {
	sc, err := readScenario(path)
	if err != nil {
		return err
	}
	e, err := custodian.Play(context.Background(), sc, nil)
	if err != nil {
		return err
	}
	first := e.First(q.Principal)
	q.Principal = first.Principal
	if q.Message < 0 {
		q.Message = first.Message
	}
	x, err := e.Explain(q)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(out, x)
	}
	return x.WriteText(out, lang)
}
