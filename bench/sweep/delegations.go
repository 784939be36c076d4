package main

import (
	"cmp"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"signet.example/signet/custodian/sweep"
)

// A mandate is what a delegation came to over all rows of a grid that were evaluated.
type mandate struct {
	name   string
	served int64
	sweep.Span
}

// mandates adds up the rows in turns, in which both ends speak.
func mandates(r *sweep.Result) (list []*mandate) {
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Engine != "evaluate" || row.During.Customer.Sent == 0 || row.Loss != 0 {
			continue
		}
		var m *mandate
		for _, x := range list {
			if x.name == row.Delegation {
				m = x
			}
		}
		if m == nil {
			m = &mandate{name: row.Delegation}
			list = append(list, m)
		}
		m.served += row.Served
		m.Business, m.Customer = sum(m.Business, row.During.Business), sum(m.Customer, row.During.Customer)
	}
	return list
}

func sum(a, b sweep.Tally) sweep.Tally {
	return sweep.Tally{Sent: a.Sent + b.Sent, Read: a.Read + b.Read, Quantum: a.Quantum + b.Quantum, Forgeable: a.Forgeable + b.Forgeable}
}

// exposure draws three bars for each delegation.
func exposure(r *sweep.Result) (*plot.Plot, error) {
	list := mandates(r)
	if list == nil {
		return nil, nil
	}
	p := newPlot("messages of the mandate that are readable (%)", "")
	width := vg.Points(5)
	names := make([]string, len(list))
	for i, b := range []struct {
		name string
		of   func(*mandate) float64
	}{
		{"quantum computers, both ends", func(m *mandate) float64 {
			return share(m.Business.Quantum+m.Customer.Quantum, m.Business.Sent+m.Customer.Sent)
		}},
		{"the customer's messages", func(m *mandate) float64 { return share(m.Customer.Read, m.Customer.Sent) }},
		{"the business's messages", func(m *mandate) float64 { return share(m.Business.Read, m.Business.Sent) }},
	} {
		values := make(plotter.Values, len(list))
		for j, m := range list {
			values[len(list)-1-j], names[len(list)-1-j] = b.of(m), m.name
		}
		bars, err := plotter.NewBarChart(values, width)
		if err != nil {
			return nil, err
		}
		bars.Horizontal, bars.Offset = true, width*vg.Length(i-1)
		bars.Color, bars.LineStyle.Width = []draw.LineStyle{{Color: colour(3)}, {Color: colour(2)}, {Color: colour(0)}}[i].Color, 0
		p.Add(bars)
		p.Legend.Add(b.name, bars)
	}
	p.NominalY(names...)
	p.X.Min, p.X.Max = 0, 150 // room for the legend
	p.X.Tick.Marker = plot.ConstantTicks([]plot.Tick{{Value: 0, Label: "0"}, {Value: 25}, {Value: 50, Label: "50"}, {Value: 75}, {Value: 100, Label: "100"}})
	return p, nil
}

// frontier draws each delegation by what its holder can do and what it reads: the share of the
// business's messages that it could have written, over the share of all messages that it reads.
func frontier(r *sweep.Result) (*plot.Plot, error) {
	list := mandates(r)
	if list == nil {
		return nil, nil
	}
	p := newPlot("messages of the mandate that the delegate reads (%)", "messages it could write for the business (%)")
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -5, 150, -5, 105
	for i, m := range list {
		s, err := plotter.NewScatter(plotter.XYs{m.place()})
		if err != nil {
			return nil, err
		}
		s.GlyphStyle = draw.GlyphStyle{Color: colour(i), Shape: shape(i + i/len(colours)), Radius: vg.Points(5)}
		p.Add(s)
		p.Legend.Add(m.name, s)
	}
	if err := line(p, "least privilege", len(colours)-1, best(list), dashed); err != nil {
		return nil, err
	}
	ticks := plot.ConstantTicks([]plot.Tick{{Value: 0, Label: "0"}, {Value: 25, Label: "25"}, {Value: 50, Label: "50"}, {Value: 75, Label: "75"}, {Value: 100, Label: "100"}})
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks, ticks
	return p, nil
}

// place is where a mandate stands in the figure.
func (m *mandate) place() plotter.XY {
	return plotter.XY{
		X: share(m.Business.Read+m.Customer.Read, m.Business.Sent+m.Customer.Sent),
		Y: share(m.served, m.Business.Sent),
	}
}

// best is the frontier: nobody who reads less can write more.
func best(list []*mandate) (at plotter.XYs) {
	var all plotter.XYs
	for _, m := range list {
		all = append(all, m.place())
	}
	slices.SortFunc(all, func(a, b plotter.XY) int { return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(b.Y, a.Y)) })
	y := -1.0
	for _, x := range all {
		if x.Y <= y {
			continue
		}
		if y >= 0 {
			at = append(at, plotter.XY{X: x.X, Y: y})
		}
		at, y = append(at, x), x.Y
	}
	return append(at, plotter.XY{X: 100, Y: y})
}
