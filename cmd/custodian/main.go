// Custodian says who can read and forge what after a conversation was handed over.
//
//	custodian run [-json] [-all] [-lang fr] [-html file] [-bundle file [-lab] [-sign key]] [-dimacs dir] scenario.json
//	custodian verify [-replay=false] [-mine file] [-dimacs dir] bundle.tar
//	custodian prove [-only pattern] dir scenario.json
//	custodian prove [-only pattern] dir bundle.tar
//	custodian explain [-json] [-lang fr] [-message n] [-principal id] [-forge] [-quantum] scenario.json
//	custodian diff [-json] [-lang fr] before.json after.json
//	custodian advise -want G2,G6 [-principal id] [-json] [-lang fr] scenario.json
//	custodian sweep [-json file] [-csv file] [-workers n] plan.json
//
// Run exits with 0 when the evaluation ran, whatever the verdicts; 2 for a malformed scenario,
// whose field the error names; 1 otherwise. It prints the first screen of the report, at most 40
// lines; with -all, every verdict and the limits; with -json, the report. With -html it writes the
// page that draws the report too, in the language of -lang; with -bundle the witness bundle, which
// holds the keys of single messages; with -lab, every value that was handed over, and with -sign,
// the signature of the author: the file has what Store of a custody root key returned (package
// notice).
//
// Verify checks a bundle with nothing but the bundle (docs/custody-bundle.md) and prints what it
// found itself: who reads and could write, every verdict, what a bundle cannot show. A lab bundle
// has its scenario, which is played again and has to give the same bytes; with -replay=false it is
// called consistent, not replayed. With -mine it compares the bundle with the customer's own list,
// a line for each message: "sent" or "received", and the SHA-256 of the body. It exits with 0 if
// the report in the bundle says what was found, 1 otherwise.
//
// Prove writes the questions behind a report into a new directory, each as clauses for a standard
// prover and with its answer: a proof or a model (docs/custody-proofs.md). From a bundle they are
// made from its transcript alone, once it verified, and are the same bytes. The flag -dimacs of run
// and verify does the same beside their own work.
//
// Explain says, step by step, why a principal reads a message (or could forge one in its place),
// and where each secret came from; or what it lacks. Diff says which verdicts differ between two
// scenarios, or between one and itself -without some secrets, and which secrets make the
// difference. Advise finds a smallest set of secrets to withhold so that guarantees hold, and tries
// it.
//
// Sweep plays a plan of many conversations (docs/experiments.md) and prints a table of them. It
// exits with 2 for a malformed plan.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"signet.example/signet/custodian"
	"signet.example/signet/custodian/notice"
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

const usage = `usage: custodian run [-json] [-all] [-lang en|fr] [-html file] [-bundle file [-lab] [-sign key]]
                     [-dimacs dir] scenario.json
       custodian verify [-replay=false] [-mine file] [-dimacs dir] bundle.tar
       custodian prove [-only pattern] dir scenario.json
       custodian prove [-only pattern] dir bundle.tar
       custodian explain [-json] [-lang en|fr] [-message n] [-principal id]
                         [-forge] [-quantum] scenario.json
       custodian diff [-json] [-lang en|fr] before.json after.json
       custodian diff [-json] [-lang en|fr] -without grant:atom,… scenario.json
       custodian advise -want G2,G6 [-principal id] [-json] [-lang en|fr] scenario.json
       custodian sweep [-json file] [-csv file] [-workers n] plan.json`

// command runs one command and returns the exit code.
func command(args []string, out, errs io.Writer) int {
	if len(args) > 0 && commands[args[0]] != nil {
		return commands[args[0]](args[1:], out, errs)
	}
	fmt.Fprintln(errs, usage)
	return 1
}

var commands = map[string]func(args []string, out, errs io.Writer) int{
	"run": runCommand, "verify": verifyCommand, "prove": proveCommand, "explain": explainCommand,
	"diff": diffCommand, "advise": adviseCommand, "sweep": sweepCommand,
}

// settings are the flags of run.
type settings struct {
	json, lab    bool
	all          bool
	lang, bundle string
	html         string
	sign         string
	dimacs       string
}

func runCommand(args []string, out, errs io.Writer) int {
	var s settings
	flags := newFlags("run", errs)
	asJSON, lang := outputFlags(flags)
	flags.BoolVar(&s.all, "all", false, "print every verdict with its evidence, and the limits")
	flags.StringVar(&s.html, "html", "", "write the page that draws the report to this file")
	flags.StringVar(&s.bundle, "bundle", "", "write the witness bundle to this file")
	flags.BoolVar(&s.lab, "lab", false, "with every value that was handed over in the bundle")
	flags.StringVar(&s.sign, "sign", "", "sign the bundle with the custody root key in this file")
	flags.StringVar(&s.dimacs, "dimacs", "", "write the questions for a standard prover into this directory")
	if err := flags.Parse(args); err != nil {
		return 1
	}
	s.json, s.lang = *asJSON, *lang
	if flags.NArg() != 1 || !isLanguage(s.lang) || s.bundle == "" && (s.lab || s.sign != "") {
		fmt.Fprintln(errs, usage)
		return 1
	}
	return exitCode(run(flags.Arg(0), &s, out), errs)
}

func run(path string, s *settings, out io.Writer) error {
	sc, err := readScenario(path)
	if err != nil {
		return err
	}
	report, err := evaluate(sc, s)
	if err != nil {
		return err
	}
	if s.html != "" {
		if err := writePage(s.html, report, s.lang); err != nil {
			return err
		}
	}
	if s.dimacs != "" {
		if err := proveScenario(sc, &proofs{dir: s.dimacs}); err != nil {
			return err
		}
	}
	switch {
	case !s.json && s.all:
		return report.WriteTable(out, s.lang)
	case !s.json:
		return report.WriteSummary(out, s.lang)
	}
	j, err := report.JSON()
	if err != nil {
		return err
	}
	_, err = out.Write(j)
	return err
}

func evaluate(sc *custodian.Scenario, s *settings) (*custodian.Report, error) {
	if s.bundle == "" {
		return custodian.Evaluate(context.Background(), sc, nil)
	}
	profile := custodian.Publishable
	if s.lab {
		profile = custodian.Lab
	}
	var key *notice.RootKey
	if s.sign != "" {
		stored, err := os.ReadFile(s.sign)
		if err != nil {
			return nil, err
		}
		key, err = notice.LoadRoot(stored)
		clear(stored)
		if err != nil {
			return nil, err
		}
	}
	report, bundle, err := custodian.EvaluateBundle(context.Background(), sc, nil, profile)
	if err == nil && key != nil {
		bundle, err = custodian.SignBundle(bundle, key)
	}
	if err != nil {
		return nil, err
	}
	return report, os.WriteFile(s.bundle, bundle, 0o600)
}
