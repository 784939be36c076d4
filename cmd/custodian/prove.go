package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"signet.example/signet/custodian"
	"signet.example/signet/custodian/check"
)

const proveUsage = `usage: custodian prove [-only pattern] directory scenario.json
       custodian prove [-only pattern] directory bundle.tar`

// proveCommand writes the questions behind a report for a standard prover.
func proveCommand(args []string, out, errs io.Writer) int {
	flags := newFlags("prove", errs)
	only := flags.String("only", "*", "write only questions whose names are like this, as reads-*.acme")
	if flags.Parse(args) != nil {
		return 1
	}
	if _, err := path.Match(*only, ""); flags.NArg() != 2 || err != nil {
		fmt.Fprintln(errs, proveUsage)
		return 1
	}
	return exitCode(prove(flags.Arg(0), flags.Arg(1), *only, out), errs)
}

// prove takes a bundle for what begins with its manifest, everything else for a scenario.
func prove(dir, file, only string, out io.Writer) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	d := &proofs{dir: dir, only: only}
	if bytes.HasPrefix(b, []byte("manifest.json\x00")) {
		if _, err := check.Prove(b, d.wanted, d.write); err != nil {
			return err
		}
		return d.print(out)
	}
	sc, err := custodian.ParseScenario(b)
	if err != nil {
		return err
	}
	if err := proveScenario(sc, d); err != nil {
		return err
	}
	return d.print(out)
}

func proveScenario(sc *custodian.Scenario, d *proofs) error {
	e, err := custodian.Play(context.Background(), sc, nil)
	if err != nil {
		return err
	}
	return e.Prove(d.wanted, d.write)
}

// proofs is a directory to write into. It is made, or is an empty one: what was there before would
// be taken for a part of the answer.
type proofs struct {
	dir, only string
	made      bool
	yes, no   int
}

func (d *proofs) wanted(name string) bool {
	ok, err := path.Match(d.only, name)
	return ok && err == nil || d.only == ""
}

func (d *proofs) write(name string, data []byte) error {
	if !d.made {
		if err := os.MkdirAll(d.dir, 0o700); err != nil {
			return err
		}
		if list, err := os.ReadDir(d.dir); err != nil {
			return err
		} else if len(list) > 0 {
			return fmt.Errorf("%s: the directory is not empty", d.dir)
		}
		d.made = true
	}
	switch {
	case strings.HasSuffix(name, ".drat"):
		d.yes++
	case strings.HasSuffix(name, ".model"):
		d.no++
	}
	return os.WriteFile(filepath.Join(d.dir, name), data, 0o600)
}

func (d *proofs) print(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%d questions: %d answered with yes, each with a proof; %d with no, each with a model\n", d.yes+d.no, d.yes, d.no)
	return err
}
