// Timing looks for secrets in running times, statistically, as dudect does (Reparaz, Balasch,
// Verbauwhede: Dude, is my code constant time?, 2017): each operation runs on inputs of two classes
// in random order, and Welch's t-test says whether the two take equally long.
//
//	go run ./bench/timing [-quick] [-run regexp] [-json file]
//
// # What it says
//
// |t| above 4.5 is evidence of a difference, one in 10^5 by chance. Less is no proof that there is
// none: more samples find smaller differences, and another machine others. Inputs of both classes
// have the same outcome, and what is public is the same in both, so that what is compared is the
// handling of the secret alone. The last row is a control that leaks and has to be found.
//
// The largest |t| is reported of several tests: of all times, and of those below each of ten
// percentiles, because a difference of nanoseconds drowns in the long tail that interrupts make.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"text/tabwriter"
)

// threshold is the usual one of leakage assessment.
const threshold = 4.5

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "timing:", err)
		}
		os.Exit(1)
	}
}

// A result is what was found out about one target.
type result struct {
	Name      string  `json:"name"`
	Samples   int     `json:"samples"`   // of both classes, without the warm-up
	T         float64 `json:"t"`         // the one farthest from zero
	Below     float64 `json:"below"`     // the percentile of the times that it is about, 1 for all of them
	Nanos     float64 `json:"ns"`        // mean of the first class, of the times in that test
	Diff      float64 `json:"diff_ns"`   // by how much the second class takes longer, in that test
	Threshold float64 `json:"threshold"` // 4.5
	Control   bool    `json:"control"`   // has to be above the threshold; all others below
	OK        bool    `json:"ok"`
	what      string
}

var errFound = errors.New("a target is not as it should be")

func run(args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("timing", flag.ContinueOnError)
	f.SetOutput(stderr)
	quick := f.Bool("quick", false, "100 000 samples of each target")
	samples := f.Int("samples", 1_000_000, "how many samples of each target")
	match := f.String("run", "", "only targets whose names match this `regexp`")
	file := f.String("json", "", "write the results as JSON to this `file`, - for the standard output instead of the table")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *quick {
		*samples = min(*samples, 100_000)
	}
	if *samples < batch {
		return fmt.Errorf("-samples: at least %d", batch)
	}
	expression, err := regexp.Compile(*match)
	if err != nil {
		return err
	}
	var results []result
	bad := false
	for _, t := range targets() {
		if !expression.MatchString(t.name) {
			continue
		}
		fmt.Fprintln(stderr, t.name)
		r := assess(t, *samples)
		bad = bad || !r.OK
		results = append(results, r)
	}
	if err := write(results, *file, stdout); err != nil {
		return err
	}
	if bad {
		return errFound
	}
	return nil
}

func write(results []result, file string, stdout io.Writer) error {
	switch file {
	case "":
		return table(results, stdout)
	case "-":
		return toJSON(results, stdout)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(toJSON(results, f), f.Close(), table(results, stdout))
}

func toJSON(results []result, w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"targets": results})
}

func table(results []result, w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "target\tsamples\t|t|\tof times\tmean\tdifference\t\tclasses")
	for _, r := range results {
		verdict := "no difference found"
		switch {
		case r.Control && r.OK:
			verdict = "leaks, as it should"
		case r.Control:
			verdict = "LEAK NOT FOUND"
		case !r.OK:
			verdict = "DIFFERENCE FOUND"
		}
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%.4g %%\t%.0f ns\t%+.2f ns\t%s\t%s\n",
			r.Name, r.Samples, math.Abs(r.T), 100*r.Below, r.Nanos, r.Diff, verdict, r.what)
	}
	return t.Flush()
}
