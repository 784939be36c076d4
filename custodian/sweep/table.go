package sweep

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteTable writes the result for people: shares are of the messages sent, business / customer;
// clocks are p50 / p95 / max in messages.
func (r *Result) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	grid := ""
	for i := range r.Rows {
		x := &r.Rows[i]
		if x.Grid != grid {
			if grid != "" {
				fmt.Fprintln(t)
			}
			grid = x.Grid
			fmt.Fprintf(t, "%s (%s)\truns\treads %%\tquantum %%\tforges %%\tserves %%\tlater reads %%\thealed\tquantum\tlate\tepoch\texpected\n", grid, x.Engine)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.label(), x.Runs,
			x.During.shares(read), x.During.shares(quantum), x.During.forges(x.Engine), x.serves(), x.Later.shares(read),
			x.Classical.brief(), x.Quantum.brief(), x.Late.brief(), x.epoch(), x.expected())
	}
	if len(r.Windows) > 0 {
		fmt.Fprintf(t, "\nforgeries on a chain handed over at its birth\tchains kept\tmessages\tmean\texpected\n")
	}
	for _, x := range r.Windows {
		closed := "–"
		if x.Closed != nil {
			closed = fmt.Sprintf("%.2f", *x.Closed)
		}
		fmt.Fprintf(t, "%s, loss %s\t%d\t%s\t%.2f ± %.2f\t%s\n", x.Pattern, formatLoss(x.Loss), x.Chains, x.Messages.brief(), x.Messages.Mean, x.Messages.Half, closed)
	}
	if p := r.Population; p != nil {
		p.write(t)
	}
	return t.Flush()
}

func (p *PopulationResult) write(w io.Writer) {
	fmt.Fprintf(w, "\npopulation: one leak in each of %d conversations, %d messages\n", p.Conversations, p.Messages)
	fmt.Fprintf(w, "  readable afterwards: %s of the messages; %s with a quantum computer\n", percent(p.Read, p.After), percent(p.Quantum, p.After))
	for _, x := range []struct {
		name string
		c    *Clock
	}{{"healed", p.Classical}, {"quantum", p.Healing}} {
		fmt.Fprintf(w, "  %s: %s messages, mean %.3f ± %.3f; never in the run: %s\n", x.name, x.c.brief(), x.c.Mean, x.c.Half, percent(x.c.Never, x.c.Runs))
	}
}

func percent(n, of int64) string { return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(max(of, 1))) }

// label is what tells a row from the others.
func (r *Row) label() string {
	parts := []string{r.Delegation, r.Pattern, "loss " + formatLoss(r.Loss)}
	if r.Later.Business.Sent+r.Later.Customer.Sent > 0 {
		parts = append(parts, r.Revocation)
	}
	return strings.Join(parts, ", ")
}

func read(t *Tally) int64      { return t.Read }
func quantum(t *Tally) int64   { return t.Quantum }
func forgeable(t *Tally) int64 { return t.Forgeable }

// shares prints two shares of what was sent, in percent.
func (s *Span) shares(of func(*Tally) int64) string {
	one := func(t *Tally) string {
		if t.Sent == 0 {
			return "–"
		}
		return strings.TrimSuffix(fmt.Sprintf("%.1f", 100*float64(of(t))/float64(t.Sent)), ".0")
	}
	return one(&s.Business) + " / " + one(&s.Customer)
}

// forges prints what could have been forged, which the counters do not know.
func (s *Span) forges(engine string) string {
	if engine == "counters" {
		return "–"
	}
	return s.shares(forgeable)
}

// serves prints what share of the business's messages the delegate could have written.
func (r *Row) serves() string {
	if r.Engine == "counters" || r.During.Business.Sent == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", 100*float64(r.Served)/float64(r.During.Business.Sent))
}

func (c *Clock) brief() string {
	switch {
	case c == nil:
		return "–"
	case c.Never == c.Runs:
		return "never"
	}
	s := fmt.Sprintf("%d / %d / %d", c.P50, c.P95, c.Max)
	if c.Never > 0 {
		s += fmt.Sprintf(" (never %d of %d)", c.Never, c.Runs)
	}
	return s
}

func (r *Row) expected() string {
	if r.Closed == nil {
		return "–"
	}
	return fmt.Sprintf("healed %.2f (%.2f ± %.2f), epoch %.1f", r.Closed.Classical, r.Classical.Mean, r.Classical.Half, r.Closed.Epoch)
}

// epoch prints the mean length of an epoch.
func (r *Row) epoch() string {
	if r.Epochs == nil || r.Epochs.Never == r.Epochs.Runs {
		return "–"
	}
	return fmt.Sprintf("%.1f ± %.1f", r.Epochs.Mean/2, r.Epochs.Half/2)
}
