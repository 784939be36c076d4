package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"signet.example/signet/custodian/sweep"
)

// sweepCommand plays a plan. It exits with 2 for a plan that is malformed.
func sweepCommand(args []string, out, errs io.Writer) int {
	var jsonFile, csvFile string
	var workers int
	flags := newFlags("sweep", errs)
	flags.StringVar(&jsonFile, "json", "", "write the result as JSON to this `file`, - for the standard output instead of the table")
	flags.StringVar(&csvFile, "csv", "", "write the rows as CSV to this `file`, - for the standard output instead of the table")
	flags.IntVar(&workers, "workers", 0, "how many repetitions are played at once (default: as many as there are processors)")
	if err := flags.Parse(args); err != nil {
		return 1
	}
	if flags.NArg() != 1 || jsonFile == "-" && csvFile == "-" {
		fmt.Fprintln(errs, usage)
		return 1
	}
	return exitCode(sweepPlan(flags.Arg(0), jsonFile, csvFile, workers, out, errs), errs)
}

func sweepPlan(path, jsonFile, csvFile string, workers int, out, errs io.Writer) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	plan, err := sweep.ParsePlan(b)
	if err != nil {
		return err
	}
	bar := newBar(errs)
	result, err := sweep.Run(context.Background(), plan, &sweep.Options{Workers: workers, Progress: bar.show})
	bar.remove()
	if err != nil {
		return err
	}
	if err := toFile(jsonFile, out, result.WriteJSON); err != nil {
		return err
	}
	if err := toFile(csvFile, out, result.WriteCSV); err != nil {
		return err
	}
	if jsonFile == "-" || csvFile == "-" {
		return nil
	}
	return result.WriteTable(out)
}

// toFile writes to a file, to out if it is called -, and not at all if it has no name.
func toFile(name string, out io.Writer, write func(io.Writer) error) error {
	switch name {
	case "":
		return nil
	case "-":
		return write(out)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// A bar shows progress on a terminal, and nothing elsewhere.
type bar struct {
	w     io.Writer // nil: not a terminal
	drawn time.Time
}

func newBar(w io.Writer) *bar {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &bar{w: w}
		}
	}
	return &bar{}
}

func (b *bar) show(done, total int64) {
	if b.w == nil || done < total && time.Since(b.drawn) < 100*time.Millisecond {
		return
	}
	b.drawn = time.Now()
	const width = 40
	share := float64(done) / float64(max(total, 1))
	full := int(share * width)
	fmt.Fprintf(b.w, "\r\x1b[K[%s%s] %3.0f %%", strings.Repeat("=", full), strings.Repeat(" ", width-full), 100*share)
}

func (b *bar) remove() {
	if b.w != nil {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
