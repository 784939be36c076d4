package main

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"signet.example/signet/custodian/sweep"
)

// survival draws the share of conversations that are readable for longer than so many messages, by
// both clocks, where nothing is lost.
func survival(r *sweep.Result) (*plot.Plot, error) {
	p := newPlot("messages after one copy of the session", "conversations still readable (%)")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 1, 1000, 0, 100
	i := 0
	for _, row := range r.Rows {
		if row.Engine != "counters" || row.Loss != 0 || row.Classical == nil || row.Later.Business.Sent > 0 {
			continue
		}
		if err := line(p, row.Pattern, i, outlives(row.Classical), nil); err != nil {
			return nil, err
		}
		if err := line(p, "", i, outlives(row.Quantum), dashed); err != nil {
			return nil, err
		}
		p.X.Max = max(p.X.Max, 1.2*float64(row.Quantum.Max))
		if i++; i == len(colours) {
			break
		}
	}
	if i == 0 {
		return nil, nil
	}
	p.Legend.Top, p.Legend.Left = false, true
	p.Legend.YOffs, p.Legend.XOffs = vg.Points(70), vg.Points(165)
	p.Title.Text = "solid: today's computers; dashed: quantum computers"
	p.Title.TextStyle.Font.Size = vg.Points(9)
	return p, nil
}

// outlives is the share of a clock's runs that exceed each value.
func outlives(c *sweep.Clock) plotter.XYs {
	left := c.Runs
	at := plotter.XYs{{X: 1, Y: 100}}
	for _, h := range c.Histogram {
		x := math.Max(1, float64(h[0]))
		at = append(at, plotter.XY{X: x, Y: share(left, c.Runs)})
		left -= h[1]
		at = append(at, plotter.XY{X: x, Y: share(left, c.Runs)})
	}
	return at
}

// healing draws the classical clock's means over the loss, and the closed form.
func healing(r *sweep.Result) (*plot.Plot, error) {
	return beside(r, "messages until everything is unreadable", func(row *sweep.Row) [2]float64 { return mean(row.Classical) },
		func(e sweep.Expectation) float64 { return e.Classical })
}

// epochs draws the mean length of an epoch over the loss, and the closed form.
func epochs(r *sweep.Result) (*plot.Plot, error) {
	return beside(r, "messages in an epoch", func(row *sweep.Row) [2]float64 {
		return [2]float64{row.Epochs.Mean / 2, row.Epochs.Half / 2}
	}, func(e sweep.Expectation) float64 { return e.Epoch })
}

func beside(r *sweep.Result, label string, measured func(*sweep.Row) [2]float64, closed func(sweep.Expectation) float64) (*plot.Plot, error) {
	p := newPlot("loss (%)", label)
	p.Y.Min = 0
	var drawn []float64 // probabilities
	at, half := make(map[float64]plotter.XYs), make(map[float64][]float64)
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Closed == nil || row.Epochs == nil {
			continue
		}
		chance := row.Closed.P
		if at[chance] == nil {
			drawn = append(drawn, chance)
		}
		m := measured(row)
		at[chance] = append(at[chance], plotter.XY{X: 100 * row.Loss, Y: m[0]})
		half[chance] = append(half[chance], m[1])
	}
	if drawn == nil {
		return nil, nil
	}
	for i, chance := range drawn {
		var curve plotter.XYs
		for x := 0.0; x <= 32; x++ {
			curve = append(curve, plotter.XY{X: x, Y: closed(sweep.Closed(chance, x/100))})
		}
		if err := line(p, "", i, curve, nil); err != nil {
			return nil, err
		}
		if err := points(p, "business writes with probability "+number(chance), i, at[chance], half[chance]); err != nil {
			return nil, err
		}
		p.Y.Max = max(p.Y.Max, 1.45*curve[len(curve)-1].Y)
	}
	p.Title.Text = "points: counted, with 95 % intervals; lines: closed form"
	p.Title.TextStyle.Font.Size = vg.Points(9)
	return p, nil
}

// windows draws how long a chain that was handed over at its birth is good for forgeries.
func windows(r *sweep.Result) (*plot.Plot, error) {
	p := newPlot("receiving chains that the customer keeps", "messages while a forgery is taken")
	p.Y.Min, p.X.Min, p.X.Max = 0, 0.8, 5.2
	p.Y.Tick.Marker = tens{}
	p.X.Tick.Marker = plot.ConstantTicks([]plot.Tick{{Value: 1, Label: "1"}, {Value: 2, Label: "2"}, {Value: 3, Label: "3"}, {Value: 4, Label: "4"}, {Value: 5, Label: "5"}})
	i := -1
	at, half, closed := plotter.XYs(nil), []float64(nil), plotter.XYs(nil)
	flush := func(name string) error {
		if at == nil {
			return nil
		}
		i++
		err := points(p, name, i, at, half)
		if err == nil && closed != nil {
			err = line(p, "", i, closed, nil)
		}
		at, half, closed = nil, nil, nil
		return err
	}
	last := ""
	for _, w := range r.Windows {
		if w.Loss != 0 || w.Messages == nil {
			continue
		}
		if w.Pattern != last {
			if err := flush(last); err != nil {
				return nil, err
			}
			last = w.Pattern
		}
		at = append(at, plotter.XY{X: float64(w.Chains), Y: w.Messages.Mean})
		half = append(half, w.Messages.Half)
		if w.Closed != nil {
			closed = append(closed, plotter.XY{X: float64(w.Chains), Y: *w.Closed})
		}
	}
	if err := flush(last); err != nil || i < 0 {
		return nil, err
	}
	p.Legend.Left = true
	p.Legend.XOffs = vg.Points(4)
	p.Title.Text = "points: counted; lines: closed form"
	p.Title.TextStyle.Font.Size = vg.Points(9)
	return p, nil
}

// population draws what share of a population is readable for longer than so many messages.
func population(r *sweep.Result) (*plot.Plot, error) {
	if r.Population == nil {
		return nil, nil
	}
	p := newPlot("messages after a leak at the host", "conversations still readable (%)")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 1, 400, 0, 100
	if err := line(p, "today's computers", 0, outlives(r.Population.Classical), nil); err != nil {
		return nil, err
	}
	if err := line(p, "quantum computers", 1, outlives(r.Population.Healing), dashed); err != nil {
		return nil, err
	}
	p.Legend.Top, p.Legend.Left = false, true
	p.Legend.XOffs, p.Legend.YOffs = vg.Points(4), vg.Points(6)
	return p, nil
}
