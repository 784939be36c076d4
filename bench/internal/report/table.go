package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"signet.example/signet/bench/internal/measure"
)

// notes are printed below the table: what has to be known before a ratio is quoted.
const notes = `
Medians; ± is half of the interquartile range. /floor and /mau.fi are how many times longer the row
takes than the bare primitives and than go.mau.fi. signet and signet-state run the post-quantum
ratchet, go.mau.fi and signet-v3 have none. More than half of go.mau.fi's time in a one-way message is
the formatting of debug lines that nobody reads; its API has no way to switch that off. official-node
is timed inside of Node; what the crossing into native code costs is in the rows boundary-….
`

// WriteTable writes the results for people.
func WriteTable(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "operation\timplementation\ttime\t±\t/floor\t/mau.fi\tallocs\tbytes\t")
	for i := range results {
		res := &results[i]
		for j := range res.Rows {
			op := res.Op
			if j > 0 {
				op = ""
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t\n", op, res.Rows[j].Impl, res.cells(&res.Rows[j]))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, notes)
	return err
}

// cells are the columns after the names.
func (r *Result) cells(row *measure.Row) string {
	if row.Skipped != "" {
		return "—\t\t\t\t\t\t" + row.Skipped
	}
	ratio := func(to string) string {
		if v, ok := r.ratio(row, to); ok {
			return fmt.Sprintf("%.2f", v)
		}
		return ""
	}
	allocs, bytes := fmt.Sprintf("%.0f", row.Allocs), fmt.Sprintf("%.0f", row.Bytes)
	if row.Remote {
		allocs, bytes = "", ""
	}
	spread := 0.0
	if row.Nanos.Median > 0 {
		spread = 50 * row.Nanos.IQR() / row.Nanos.Median
	}
	return strings.Join([]string{
		duration(row.Nanos.Median), fmt.Sprintf("%.0f %%", spread),
		ratio(measure.Floor), ratio(measure.Gomau), allocs, bytes,
	}, "\t")
}

// duration prints nanoseconds with three digits.
func duration(ns float64) string {
	unit := "ns"
	for _, u := range []string{"µs", "ms", "s"} {
		if ns < 999.5 {
			break
		}
		ns, unit = ns/1000, u
	}
	digits := 2
	if ns >= 99.95 {
		digits = 0
	} else if ns >= 9.995 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, ns, unit)
}
