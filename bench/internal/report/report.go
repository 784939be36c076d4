// Package report writes what was measured: as a table, as JSON, as CSV and as plots.
package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"signet.example/signet/bench/internal/measure"
)

// A Result is an operation with what was measured of its implementations.
type Result struct {
	Op, What string
	Grow     string // the family, if it shows how cost grows
	Rows     []measure.Row
}

// find returns the row of an implementation, nil if there is none that was measured.
func (r *Result) find(impl string) *measure.Row {
	for i := range r.Rows {
		if r.Rows[i].Impl == impl && r.Rows[i].Skipped == "" {
			return &r.Rows[i]
		}
	}
	return nil
}

// ratio is how many times longer than that of the implementation to the row's median is.
func (r *Result) ratio(row *measure.Row, to string) (float64, bool) {
	other := r.find(to)
	if other == nil || other.Nanos.Median == 0 {
		return 0, false
	}
	return row.Nanos.Median / other.Nanos.Median, true
}

// jsonRow is a row for machines. Allocations and bytes of what ran in another process are 0.
type jsonRow struct {
	Op     string `json:"op"`
	Impl   string `json:"impl"`
	Nanos  int64  `json:"ns"`
	Allocs int64  `json:"allocs"`
	Bytes  int64  `json:"bytes"`
}

// known are the implementations that JSON has rows of: its readers know no others. The variants are
// in the table and in the CSV.
var known = []string{measure.Signet, measure.Gomau, measure.Official, measure.Floor}

// WriteJSON writes {"rows": […]}, medians per iteration. What was not measured has no row.
func WriteJSON(w io.Writer, results []Result) error {
	rows := []jsonRow{}
	for i := range results {
		for _, r := range results[i].Rows {
			if r.Skipped != "" || !slices.Contains(known, r.Impl) {
				continue
			}
			rows = append(rows, jsonRow{r.Op, r.Impl, round(r.Nanos.Median), round(r.Allocs), round(r.Bytes)})
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"rows": rows})
}

func round(v float64) int64 { return int64(math.Round(v)) }

// WriteCSV writes a line for each row, with quartiles and ratios, and with the reason where nothing
// was measured.
func WriteCSV(w io.Writer, results []Result) error {
	c := csv.NewWriter(w)
	head := []string{"op", "impl", "ns", "ns_q1", "ns_q3", "allocs", "bytes", "iterations", "per_floor", "per_go.mau.fi", "not_measured"}
	if err := c.Write(head); err != nil {
		return err
	}
	for i := range results {
		res := &results[i]
		for j := range res.Rows {
			if err := c.Write(res.record(&res.Rows[j])); err != nil {
				return err
			}
		}
	}
	c.Flush()
	return c.Error()
}

func (r *Result) record(row *measure.Row) []string {
	line := make([]string, 11)
	line[0], line[1], line[10] = row.Op, row.Impl, row.Skipped
	if row.Skipped != "" {
		return line
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	line[2], line[3], line[4] = number(row.Nanos.Median), number(row.Nanos.Q1), number(row.Nanos.Q3)
	if !row.Remote {
		line[5], line[6] = number(row.Allocs), number(row.Bytes)
	}
	line[7] = strconv.Itoa(row.Iterations)
	for at, impl := range map[int]string{8: measure.Floor, 9: measure.Gomau} {
		if v, ok := r.ratio(row, impl); ok {
			line[at] = fmt.Sprintf("%.3f", v)
		}
	}
	return line
}
