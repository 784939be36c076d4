package report

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"signet.example/signet/bench/internal/measure"
)

// drawn are the implementations that are plotted, in the order of the bars.
var drawn = []struct {
	impl   string
	colour color.Color
}{
	{measure.Floor, color.RGBA{0xb8, 0xb8, 0xb8, 0xff}},
	{measure.SignetState, color.RGBA{0x6f, 0xa8, 0xdc, 0xff}},
	{measure.Signet, color.RGBA{0x1f, 0x4e, 0x96, 0xff}},
	{measure.Gomau, color.RGBA{0xe0, 0x8a, 0x1e, 0xff}},
	{measure.Official, color.RGBA{0x8e, 0x44, 0x6b, 0xff}},
}

// headline are the operations of the plot for readers in a hurry.
var headline = []string{"one-way-64", "ping-pong", "handshake", "group-64", "seal-100"}

// Plot writes the plots that the results allow into a directory, each as SVG and as PNG: headline
// and floor have the times over that of the bare primitives, growth the times alone.
func Plot(dir string, results []Result) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var compared, short, grown []Result
	for _, r := range results {
		switch {
		case r.Grow != "":
			grown = append(grown, r)
		case r.find(measure.Floor) != nil:
			compared = append(compared, r)
			if slices.Contains(headline, r.Op) {
				short = append(short, r)
			}
		}
	}
	const overPrimitives = "time ÷ bare primitives"
	return errors.Join(
		plotBars(dir, "headline", overPrimitives, short, overFloor),
		plotBars(dir, "floor", overPrimitives, compared, overFloor),
		plotBars(dir, "growth", "microseconds", grown, microseconds),
	)
}

func overFloor(r *Result, row *measure.Row) float64 {
	v, _ := r.ratio(row, measure.Floor)
	return v
}

func microseconds(_ *Result, row *measure.Row) float64 { return row.Nanos.Median / 1000 }

// plotBars draws a group of bars for each result, on a logarithmic scale, unless there are none.
func plotBars(dir, name, label string, results []Result, value func(*Result, *measure.Row) float64) error {
	b := newBars(results, value)
	if b == nil {
		return nil
	}
	p := plot.New()
	p.Y.Label.Text = label
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Y.Min, p.Y.Max = b.low, b.high
	names := make([]string, len(results))
	for i := range results {
		names[i] = results[i].Op
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -0.6, float64(len(results))-0.4
	if len(results) > 6 {
		p.X.Tick.Label.Rotation = math.Pi / 4
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XRight, text.YTop
	}
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	p.Add(grid, b)
	p.Legend.Top = true
	p.Legend.YOffs = vg.Points(2)
	for i, d := range drawn {
		if b.has[i] {
			p.Legend.Add(d.impl, swatch{d.colour})
		}
	}
	long := vg.Points(max(480, float64(len(results))*62))
	for _, kind := range []string{".svg", ".png"} {
		if err := p.Save(long, vg.Points(300), filepath.Join(dir, name+kind)); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}

// bars is a plotter of groups of bars with their values on top.
type bars struct {
	values    [][]float64 // by group and implementation; 0 is none
	has       []bool      // by implementation
	low, high float64
}

func newBars(results []Result, value func(*Result, *measure.Row) float64) *bars {
	b := &bars{has: make([]bool, len(drawn)), low: math.Inf(1)}
	for i := range results {
		group := make([]float64, len(drawn))
		for j, d := range drawn {
			row := results[i].find(d.impl)
			if row == nil {
				continue
			}
			if group[j] = value(&results[i], row); group[j] > 0 {
				b.has[j] = true
				b.low, b.high = min(b.low, group[j]), max(b.high, group[j])
			}
		}
		b.values = append(b.values, group)
	}
	if b.high == 0 {
		return nil
	}
	b.low, b.high = b.low/2, b.high*4 // room for the legend
	return b
}

// Plot implements plot.Plotter.
func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := text.Style{
		Font: p.X.Tick.Label.Font, Handler: p.TextHandler, XAlign: text.XCenter, YAlign: text.YBottom,
	}
	style.Font.Size = vg.Points(6)
	for i, group := range b.values {
		n := 0
		for _, v := range group {
			if v > 0 {
				n++
			}
		}
		width := (x(1) - x(0)) * 0.8 / vg.Length(len(drawn))
		left := x(float64(i)) - width*vg.Length(n)/2
		for j, v := range group {
			if v <= 0 {
				continue
			}
			right, top := left+width, y(v)
			c.FillPolygon(drawn[j].colour, []vg.Point{{X: left, Y: c.Min.Y}, {X: right, Y: c.Min.Y}, {X: right, Y: top}, {X: left, Y: top}})
			c.FillText(style, vg.Point{X: left + width/2, Y: top + 1}, brief(v))
			left = right
		}
	}
}

// brief prints a number in a few characters.
func brief(v float64) string {
	if v < 9.95 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// A swatch is the square of a colour in the legend.
type swatch struct{ color.Color }

// Thumbnail implements plot.Thumbnailer.
func (s swatch) Thumbnail(c *draw.Canvas) {
	c.FillPolygon(s.Color, []vg.Point{c.Min, {X: c.Min.X, Y: c.Max.Y}, c.Max, {X: c.Max.X, Y: c.Min.Y}})
}
