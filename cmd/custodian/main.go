// Custodian says who can read and forge what after a conversation was handed over.
//
//	custodian run [-json] [-lang fr] scenario.json
//
// It exits with 0 when the evaluation ran, whatever the verdicts; 2 for a malformed scenario, whose
// field the error names; 1 otherwise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"signet.example/signet/custodian"
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

const usage = "usage: custodian run [-json] [-lang en|fr] scenario.json"

// command runs one command and returns the exit code.
func command(args []string, out, errs io.Writer) int {
	if len(args) == 0 || args[0] != "run" {
		fmt.Fprintln(errs, usage)
		return 1
	}
	flags := flag.NewFlagSet("custodian run", flag.ContinueOnError)
	flags.SetOutput(errs)
	asJSON := flags.Bool("json", false, "print the report as JSON")
	lang := flags.String("lang", "en", "language of the table, en or fr")
	if err := flags.Parse(args[1:]); err != nil {
		return 1
	}
	if flags.NArg() != 1 || *lang != "en" && *lang != "fr" {
		fmt.Fprintln(errs, usage)
		return 1
	}
	err := run(flags.Arg(0), *asJSON, *lang, out)
	if err == nil {
		return 0
	}
	fmt.Fprintln(errs, err)
	var malformed *custodian.ScenarioError
	if errors.As(err, &malformed) {
		return 2
	}
	return 1
}

func run(path string, asJSON bool, lang string, out io.Writer) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sc, err := custodian.ParseScenario(b)
	if err != nil {
		return err
	}
	report, err := custodian.Evaluate(context.Background(), sc, nil)
	if err != nil {
		return err
	}
	if !asJSON {
		return report.WriteTable(out, lang)
	}
	j, err := report.JSON()
	if err != nil {
		return err
	}
	_, err = out.Write(j)
	return err
}
