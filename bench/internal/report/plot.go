package report

import (
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"signet.example/signet/bench/internal/measure"
)

// colours of the implementations that are drawn, in the order of the bars.
var drawn = []struct {
	impl   string
	colour color.Color
}{
	{measure.Floor, color.RGBA{0xb0, 0xb0, 0xb0, 0xff}},
	{measure.SignetState, color.RGBA{0x5b, 0x9b, 0xd5, 0xff}},
	{measure.Signet, color.RGBA{0x1f, 0x4e, 0x96, 0xff}},
	{measure.Gomau, color.RGBA{0xe0, 0x8a, 0x1e, 0xff}},
	{measure.Official, color.RGBA{0x8e, 0x44, 0x6b, 0xff}},
}

// headline are the operations of the plot for readers in a hurry.
var headline = []string{"one-way-64", "ping-pong", "handshake", "group-64"}

// Plot writes the plots that the results allow into a directory, each as SVG and as PNG: headline, and
// ratio-to-floor, and growth.
func Plot(dir string, results []Result) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var compared, grown []Result
	for _, r := range results {
		if r.Grow {
			grown = append(grown, r)
		} else if r.find(measure.Floor) != nil {
			compared = append(compared, r)
		}
	}
	return errors.Join(
		bars(dir, "headline", "times as long as the bare primitives (less is better)", pick(compared, headline), overFloor),
		bars(dir, "floor", "times as long as the bare primitives (less is better)", compared, overFloor),
		bars(dir, "growth", "microseconds (flat is better)", grown, microseconds),
	)
}

func pick(results []Result, names []string) (some []Result) {
	for _, name := range names {
		for _, r := range results {
			if r.Op == name {
				some = append(some, r)
			}
		}
	}
	return some
}

func overFloor(r *Result, row *measure.Row) float64 {
	v, _ := r.ratio(row, measure.Floor)
	return v
}

func microseconds(_ *Result, row *measure.Row) float64 { return row.Nanos.Median / 1000 }

// bars draws a group of bars for each result, unless there are none. Bars are on a logarithmic scale
// from a tenth of the smallest value of one on.
func bars(dir, name, label string, results []Result, value func(*Result, *measure.Row) float64) error {
	if len(results) == 0 {
		return nil
	}
	p := plot.New()
	p.Y.Label.Text = label
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding = vg.Points(2)
	const width = 9
	shown := 0
	var names []string
	for _, r := range results {
		names = append(names, r.Op)
	}
	var highest float64
	for i, d := range drawn {
		values, any := make(plotter.Values, len(results)), false
		for j := range results {
			if row := results[j].find(d.impl); row != nil {
				values[j] = value(&results[j], row)
				highest = max(highest, values[j])
				any = true
			}
		}
		if !any {
			continue
		}
		b, err := plotter.NewBarChart(values, vg.Points(width))
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		b.Color, b.LineStyle.Width = d.colour, 0
		b.Offset = vg.Points(width * (float64(i) - float64(len(drawn)-1)/2))
		p.Add(b)
		p.Legend.Add(strings.TrimSpace(d.impl), b)
		shown++
	}
	p.NominalX(names...)
	p.Y.Min, p.Y.Max = 0, highest*1.25
	if len(results) > 6 {
		p.X.Tick.Label.Rotation = 0.9
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = -1, -0.5
	}
	p.Add(plotter.NewGrid())
	long := vg.Points(max(420, float64(len(results)*(width*len(drawn)+14))))
	for _, kind := range []string{".svg", ".png"} {
		if err := p.Save(long, vg.Points(280), filepath.Join(dir, name+kind)); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}
