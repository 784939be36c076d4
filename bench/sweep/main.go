// Sweep draws what the custodian's experiments came to.
//
//	go run ./cmd/custodian sweep -json result.json examples/plans/small.json
//	go run ./bench/sweep -out docs/img/sweep result.json
//
// Every figure is written as SVG and as PNG: those that the rows of the result allow. It is in this
// module because the plotting library is; it links no peer.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"signet.example/signet/custodian/sweep"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "sweep:", err)
		}
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("sweep", flag.ContinueOnError)
	f.SetOutput(stderr)
	out := f.String("out", ".", "write the figures to this `directory`")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return errors.New("usage: sweep [-out directory] result.json")
	}
	r, err := read(f.Arg(0))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o777); err != nil {
		return err
	}
	for _, x := range figures {
		p, err := x.draw(r)
		if err == nil && p != nil {
			err = x.save(*out, p)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
		if p != nil {
			fmt.Fprintf(stdout, "%s: %s\n", x.name, x.what)
		}
	}
	return nil
}

// read reads a result of custodian sweep -json.
func read(name string) (*sweep.Result, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r := new(sweep.Result)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if r.Format != "custody-sweep-result-v1" {
		return nil, fmt.Errorf("%s is not what custodian sweep -json writes", name)
	}
	return r, nil
}
