package main

import (
	"errors"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"signet.example/signet/custodian/sweep"
)

// A figure is one picture. draw returns nil if the result has nothing for it.
type figure struct {
	name, what string
	draw       func(*sweep.Result) (*plot.Plot, error)
}

var figures = []figure{
	{"exposure", "what each delegation lets the delegate read while it lasts", exposure},
	{"survival", "how many conversations are still readable so many messages after one copy", survival},
	{"healing", "messages until today's computers read nothing more, beside the closed form", healing},
	{"epochs", "messages an epoch of the post-quantum half takes, beside the closed form", epochs},
	{"windows", "messages during which a forgery is taken, by receiving chains kept", windows},
	{"frontier", "what a delegate can do for the business, and what it reads for it", frontier},
	{"population", "the two clocks over a population", population},
}

// save writes the figure with a margin, in both forms.
func (x *figure) save(dir string, p *plot.Plot) error {
	const width, height, margin = 480, 300, 7
	for _, kind := range []string{"svg", "png"} {
		c, err := draw.NewFormattedCanvas(vg.Points(width), vg.Points(height), kind)
		if err != nil {
			return err
		}
		page := draw.New(c)
		page.SetColor(color.White)
		page.Fill(page.Rectangle.Path())
		p.Draw(draw.Crop(page, vg.Points(margin), -vg.Points(margin), vg.Points(margin), -vg.Points(margin)))
		f, err := os.Create(filepath.Join(dir, x.name+"."+kind))
		if err != nil {
			return err
		}
		_, err = c.WriteTo(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Colours that most colour-blind people tell apart; shapes and dashes say the same again.
var (
	colours = []color.Color{
		color.RGBA{0x00, 0x72, 0xB2, 0xff}, color.RGBA{0xD5, 0x5E, 0x00, 0xff}, color.RGBA{0x00, 0x9E, 0x73, 0xff},
		color.RGBA{0xCC, 0x79, 0xA7, 0xff}, color.RGBA{0xE6, 0x9F, 0x00, 0xff}, color.RGBA{0x56, 0xB4, 0xE9, 0xff},
		color.RGBA{0x5A, 0x5A, 0x5A, 0xff},
	}
	shapes = []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.BoxGlyph{}, draw.CrossGlyph{},
	}
	dashed = []vg.Length{vg.Points(4), vg.Points(2)}
)

func colour(i int) color.Color       { return colours[i%len(colours)] }
func shape(i int) draw.GlyphDrawer   { return shapes[i%len(shapes)] }
func number(x float64) string        { return strconv.FormatFloat(x, 'g', -1, 64) }
func share(n, of int64) float64      { return 100 * float64(n) / float64(max(of, 1)) }
func mean(c *sweep.Clock) [2]float64 { return [2]float64{c.Mean, c.Half} }

func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.Legend.Top = true
	p.Legend.TextStyle.Font.Size = vg.Points(8)
	p.Legend.Padding = vg.Points(2)
	p.BackgroundColor = color.White
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xdd}, color.Gray{0xdd}
	p.Add(grid)
	return p
}

// tens are ticks at the tens.
type tens struct{}

func (tens) Ticks(low, high float64) (list []plot.Tick) {
	for v := math.Ceil(low/10) * 10; v <= high; v += 10 {
		list = append(list, plot.Tick{Value: v, Label: number(v)})
	}
	return list
}

// points adds measured points with their intervals, and to the legend.
func points(p *plot.Plot, name string, i int, at plotter.XYs, half []float64) error {
	s, err := plotter.NewScatter(at)
	if err != nil {
		return err
	}
	s.GlyphStyle = draw.GlyphStyle{Color: colour(i), Shape: shape(i), Radius: vg.Points(3)}
	bars := make(plotter.YErrors, len(at))
	for j := range bars {
		bars[j].Low, bars[j].High = half[j], half[j]
	}
	e, err := plotter.NewYErrorBars(struct {
		plotter.XYs
		plotter.YErrors
	}{at, bars})
	if err != nil {
		return err
	}
	e.LineStyle.Color = colour(i)
	p.Add(e, s)
	p.Legend.Add(name, s)
	return nil
}

// line adds a line; in the legend if it has a name.
func line(p *plot.Plot, name string, i int, at plotter.XYs, dashes []vg.Length) error {
	l, err := plotter.NewLine(at)
	if err != nil {
		return err
	}
	l.LineStyle = draw.LineStyle{Color: colour(i), Width: vg.Points(1.2), Dashes: dashes}
	p.Add(l)
	if name != "" {
		p.Legend.Add(name, l)
	}
	return nil
}
