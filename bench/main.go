// Bench holds signet beside its peers: it measures the same work in go.mau.fi/libsignal, in the
// official client through Node, and in the bare primitives, and prints a table of it.
//
//	go run ./bench [-quick] [-run regexp] [-json file] [-csv file] [-plots directory]
//
// It runs in the source tree. The official client is measured if Node is installed and npm ci was
// run in interop/official; what cannot be measured is said in the table. docs/performance.md has
// the results and how to read them.
//
// Everything else is in the tests: conversations with the peer in both roles. The module links
// peers under the GPL and is imported by nothing; README.md says more.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/bench/internal/node"
	"signet.example/signet/bench/internal/ops"
	"signet.example/signet/bench/internal/report"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	quick, list              bool
	match                    *regexp.Regexp
	json, csv, plots, clock  string
	postgres, officialClient string
	plan                     measure.Plan
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	var match string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&o.quick, "quick", false, "fewer and shorter samples: under three minutes on two processors")
	f.BoolVar(&o.list, "list", false, "print the operations and end")
	f.StringVar(&match, "run", "", "measure only operations whose names match this `regexp`")
	f.StringVar(&o.json, "json", "", "write the results as JSON to this `file`, - for the standard output instead of the table")
	f.StringVar(&o.csv, "csv", "", "write the results with their spread as CSV to this `file`, - for the standard output instead of the table")
	f.StringVar(&o.plots, "plots", "", "write plots as SVG and PNG to this `directory`")
	f.StringVar(&o.clock, "clock", "wall", "wall, or cpu: processor time of the process, for machines that do other things too")
	f.StringVar(&o.postgres, "postgres", "", "the `URL` of a PostgreSQL database; a server is started if there is none")
	f.StringVar(&o.officialClient, "official", "auto", "measure the official client: auto, or no")
	f.IntVar(&o.plan.Rounds, "rounds", 0, "samples of each implementation (default 25, 5 with -quick)")
	f.DurationVar(&o.plan.Sample, "sample", 0, "how long one sample takes (default 60ms, 15ms with -quick)")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q: there are no arguments", f.Arg(0))
	}
	if o.json == "-" && o.csv == "-" {
		return nil, errors.New("-json and -csv cannot both go to the standard output")
	}
	o.defaults()
	var err error
	o.match, err = regexp.Compile(match)
	if err != nil {
		return nil, err
	}
	switch {
	case o.clock == "cpu" && measure.HasCPU:
		o.plan.Clock = measure.CPU
	case o.clock != "wall":
		return nil, fmt.Errorf("-clock %q: there is no such clock here", o.clock)
	}
	return o, nil
}

func (o *options) defaults() {
	rounds, sample := 25, 60*time.Millisecond
	if o.quick {
		rounds, sample = 5, 15*time.Millisecond
		o.plan.Patience = time.Second
	}
	if o.plan.Rounds <= 0 {
		o.plan.Rounds = rounds
	}
	if o.plan.Sample <= 0 {
		o.plan.Sample = sample
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	list := ops.Options{Quick: o.quick, Postgres: o.postgres, Absent: "-official=" + o.officialClient}
	if o.officialClient == "auto" && !o.list {
		if list.Official, err = node.Start(); err != nil {
			list.Absent = err.Error()
		} else {
			defer list.Official.Close()
		}
	}
	all := ops.All(o.match, list)
	if len(all) == 0 {
		return errors.New("no operation has such a name: -list prints them")
	}
	if o.list {
		for _, op := range all {
			fmt.Fprintf(stdout, "%-26s %s\n", op.Name, op.What)
		}
		return nil
	}
	results, err := o.measure(all, stderr)
	if err != nil {
		return err
	}
	return o.write(results, stdout)
}

// measure measures one operation after the other, families at once.
func (o *options) measure(all []ops.Op, stderr io.Writer) ([]report.Result, error) {
	total := 0
	for _, op := range all {
		total += len(op.Cases) * o.plan.Rounds
	}
	bar := report.NewProgress(stderr, total)
	defer bar.Done()
	results := make([]report.Result, 0, len(all))
	for len(all) > 0 {
		n := together(all)
		bar.Begin(all[0].Name)
		var cases []measure.Case
		for _, op := range all[:n] {
			cases = append(cases, op.Cases...)
			results = append(results, report.Result{Op: op.Name, What: op.What, Grow: op.Grow})
		}
		rows, err := o.plan.Run(cases, bar.Tick)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			for i := len(results) - n; i < len(results); i++ {
				if results[i].Op == row.Op {
					results[i].Rows = append(results[i].Rows, row)
				}
			}
		}
		all = all[n:]
	}
	return results, nil
}

// together returns how many operations are measured at once: one, or a family.
func together(all []ops.Op) int {
	n := 1
	for all[0].Grow != "" && n < len(all) && all[n].Grow == all[0].Grow {
		n++
	}
	return n
}

// write writes what was asked for, and the table unless something else took its place.
func (o *options) write(results []report.Result, stdout io.Writer) error {
	files := []struct {
		name  string
		write func(io.Writer, []report.Result) error
	}{{o.json, report.WriteJSON}, {o.csv, report.WriteCSV}}
	table := true
	for _, f := range files {
		var err error
		switch f.name {
		case "":
		case "-":
			table = false
			err = f.write(stdout, results)
		default:
			err = toFile(f.name, results, f.write)
		}
		if err != nil {
			return err
		}
	}
	if o.plots != "" {
		if err := report.Plot(o.plots, results); err != nil {
			return err
		}
	}
	if !table {
		return nil
	}
	return report.WriteTable(stdout, results)
}

func toFile(name string, results []report.Result, write func(io.Writer, []report.Result) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f, results), f.Close())
}
