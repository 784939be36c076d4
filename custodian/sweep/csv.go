package sweep

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// WriteCSV writes a line for each row, with a line of names first. Fields that were not asked are
// empty.
func (r *Result) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	var names []string
	for i := -1; i < len(r.Rows); i++ {
		l := new(line)
		if i < 0 {
			l.row(&Row{})
			names = l.names
			l.values = names
		} else {
			l.row(&r.Rows[i])
		}
		if err := c.Write(l.values); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// A line is what WriteCSV writes, with its names.
type line struct{ names, values []string }

func (l *line) put(name, value string) {
	l.names, l.values = append(l.names, name), append(l.values, value)
}

func (l *line) count(name string, v int64) { l.put(name, strconv.FormatInt(v, 10)) }

func (l *line) row(r *Row) {
	l.put("grid", r.Grid)
	l.put("engine", r.Engine)
	l.put("delegation", r.Delegation)
	l.put("instants", fmt.Sprintf("%d-%d", r.Instants[0], r.Instants[1]-1))
	l.put("pattern", r.Pattern)
	l.put("loss", formatLoss(r.Loss))
	l.put("revocation", r.Revocation)
	l.count("runs", r.Runs)
	for _, s := range []struct {
		name string
		span *Span
	}{{"before", &r.Before}, {"during", &r.During}, {"later", &r.Later}} {
		for _, from := range []side{business, customer} {
			t, name := s.span.of(from), s.name+"_"+[]string{"customer", "business"}[from]
			l.count(name+"_sent", t.Sent)
			l.count(name+"_read", t.Read)
			l.count(name+"_quantum", t.Quantum)
			l.count(name+"_forgeable", t.Forgeable)
		}
	}
	l.count("refused", r.Refused)
	l.count("unknown", r.Unknown)
	l.count("served", r.Served)
	l.clock("classical", r.Classical)
	l.clock("quantum", r.Quantum)
	l.clock("recovered", r.Recovered)
	l.clock("late", r.Late)
	l.clock("epochs", r.Epochs)
	x := r.Closed
	if x == nil {
		x = &Expectation{}
	}
	for _, e := range []struct {
		name  string
		value float64
	}{{"recovered", x.Recovered}, {"classical", x.Classical}, {"epoch", x.Epoch}} {
		v := ""
		if r.Closed != nil {
			v = formatFloat(e.value)
		}
		l.put("closed_"+e.name, v)
	}
}

func (l *line) clock(name string, c *Clock) {
	if c == nil {
		for _, part := range []string{"runs", "never", "mean", "half", "p50", "p95", "max"} {
			l.put(name+"_"+part, "")
		}
		return
	}
	l.count(name+"_runs", c.Runs)
	l.count(name+"_never", c.Never)
	l.put(name+"_mean", formatFloat(c.Mean))
	l.put(name+"_half", formatFloat(c.Half))
	l.count(name+"_p50", int64(c.P50))
	l.count(name+"_p95", int64(c.P95))
	l.count(name+"_max", int64(c.Max))
}

func formatFloat(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }
