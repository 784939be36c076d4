package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"signet.example/signet/custodian"
	"signet.example/signet/custodian/sweep"
)

// What the commands share.

func newFlags(name string, errs io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("custodian "+name, flag.ContinueOnError)
	flags.SetOutput(errs)
	return flags
}

func outputFlags(flags *flag.FlagSet) (asJSON *bool, lang *string) {
	return flags.Bool("json", false, "print JSON"), flags.String("lang", "en", "language of the text, en or fr")
}

func isLanguage(s string) bool { return s == "en" || s == "fr" }

func readScenario(path string) (*custodian.Scenario, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return custodian.ParseScenario(b)
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// exitCode prints an error and returns what the command exits with: 2 for a malformed scenario
// or plan.
func exitCode(err error, errs io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(errs, err)
	var scenario *custodian.ScenarioError
	var plan *sweep.PlanError
	if errors.As(err, &scenario) || errors.As(err, &plan) {
		return 2
	}
	return 1
}
