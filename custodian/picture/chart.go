package picture

import (
	"fmt"
	"slices"

	"signet.example/signet/custodian"
)

// The measures of custody Annex 4, in user units.
const (
	labelWidth  = 120
	laneHeight  = 46
	columnWidth = 14 // at least
	maxColumns  = (1600 - labelWidth) / columnWidth
	totalsWidth = 116
	pad         = 10

	rowOfGrants = 26
	rowOfMarks  = 18
	maxRowsOf   = 6
)

// A chart is the picture, in two parts: the names of the lanes, which stay in view, and the lanes.
type chart struct {
	Width, Height, LabelWidth int
	Inner                     int    // where columns end
	Scale, Print              string // factors on a wide screen and on paper
	Desc                      [2]string
	Top                       int // of the lanes
	Bottom                    int
	Gutter                    int // between customer and business
	Lanes                     []lane
	Bands                     []band
	Chips                     []chip
	Bars                      []bar
	Flags                     []flagpole
	Ribbons                   []ribbon
	Epochs                    []epoch
	Chunks                    []chunk
	Ticks                     []tick
	Bin                       string // what a column stands for, if not one message
	Axis, PQ                  int    // baselines; PQ is 0 if there is no such half
	PQLabel, AxisLabel        string

	columns, per int // columns, and messages in each
	width        int // of a column
}

type lane struct {
	Y                int
	Name, Role, Full string
	Odd              bool
	Total1, Total2   string
}

// A band is a grant in time.
type band struct {
	X, W, Y, LabelX, LaneY int
	Label, Title, Via      string
	NoLabel                bool
}

// A chip numbers an event.
type chip struct {
	X, Y, W      int
	Number       int
	Title, Kind  string
	LineY, LineH int
}

type bar struct {
	X, Cut               int // of 14 units, how many are the business's
	Up, Down, Lost, Late bool
	TurnUp, TurnDown     bool
	Session              bool
	Title                string
}

type flagpole struct {
	X           int
	Kind, Title string
}

// A ribbon is a run of columns in which a party can do the same.
type ribbon struct {
	X, Y, W, H int
	Kind       string
	Title      string
}

type epoch struct {
	X, W, Shade  int
	Label, Title string
}

type chunk struct{ X, Y, W, H int }

type tick struct{ X, Label int }

func (p *document) draw() *chart {
	n := len(p.report.Messages)
	c := &chart{LabelWidth: labelWidth, per: max(1, (n+maxColumns-1)/maxColumns)}
	c.columns = (n + c.per - 1) / c.per
	c.width = max(columnWidth, min(56, (762-labelWidth-totalsWidth-pad)/max(1, c.columns)))
	c.Inner = pad + max(c.columns*c.width, 180)
	c.Width = c.Inner + totalsWidth
	if c.per > 1 {
		c.Bin = p.say("bins", c.per, c.per)
	}
	c.Desc = [2]string{p.text.EN, p.text.FR}
	rows := p.grants(c)
	c.Top = 4 + rows*rowOfGrants
	c.Top += p.chips(c)*rowOfMarks + 6
	p.lanes(c)
	for i := range c.Bands {
		b := &c.Bands[i]
		b.LaneY = c.Top + laneHeight*(2+slices.IndexFunc(p.time.Principals, func(x custodian.Principal) bool {
			return x.ID == p.time.Spans[i].Grant.To
		}))
	}
	for i := range c.Chips {
		c.Chips[i].LineY = c.Chips[i].Y + 15
		c.Chips[i].LineH = c.Bottom - c.Chips[i].LineY
	}
	p.bars(c)
	p.flags(c)
	for i, x := range p.time.Principals {
		p.ribbons(c, x.ID, c.Top+laneHeight*(i+2))
	}
	p.axis(c)
	total := float64(c.Width + labelWidth)
	c.Scale = fmt.Sprintf("%.3f", max(1, min(1.4, 1068/total)))
	c.Print = fmt.Sprintf("%.3f", min(1.2, 1010/total, 340/float64(c.Height)))
	return c
}

// x is where the boundary before a message is.
func (c *chart) x(message int) int { return pad + message*c.width/c.per }

// grants lays out the bands and their labels in rows, so that no two meet, and returns how many
// rows.
func (p *document) grants(c *chart) int {
	var ends []int // of the rows
	for i := range p.time.Spans {
		s := &p.time.Spans[i]
		b := band{X: c.x(s.Since), Via: s.Grant.Via, Y: 4}
		b.W = max(c.x(s.Until)-b.X, 2)
		number := 0
		for _, e := range p.Events {
			if e.Kind == "grant" && e.grant == s.Grant.Name {
				number, b.Title = e.Number, e.Text+" "+e.Code
			}
		}
		b.Label = fit(fmt.Sprintf("%d  %s → %s", number, s.Grant.Name, s.Grant.To), 11, c.Inner-pad)
		size := textWidth(b.Label, 11)
		b.LabelX = max(pad, min(b.X, c.Width-6-size))
		row := slices.IndexFunc(ends, func(end int) bool { return end < min(b.X, b.LabelX) })
		if row < 0 && len(ends) < maxRowsOf {
			row, ends = len(ends), append(ends, 0)
		}
		if row < 0 {
			b.NoLabel = true
		} else {
			ends[row] = max(b.X+b.W, b.LabelX+size) + 8
			b.Y = 4 + row*rowOfGrants
		}
		c.Bands = append(c.Bands, b)
	}
	return len(ends)
}

// chips lays out the numbers of events below the labels of grants, in rows too.
func (p *document) chips(c *chart) int {
	var ends []int
	top := 4
	for _, b := range c.Bands {
		top = max(top, b.Y+rowOfGrants)
	}
	for _, e := range p.Events {
		if e.Kind == "grant" {
			continue
		}
		k := chip{Number: e.Number, Kind: e.Kind, Title: e.When + " : " + e.Text, W: 12 + 7*digits(e.Number)}
		if p.Lang == "en" {
			k.Title = e.When + ": " + e.Text
		}
		k.X = c.x(e.Before)
		row := slices.IndexFunc(ends, func(end int) bool { return end < k.X-k.W/2 })
		if row < 0 && len(ends) == maxRowsOf {
			continue // the list below has it
		}
		if row < 0 {
			row, ends = len(ends), append(ends, 0)
		}
		ends[row] = k.X + k.W/2 + 2
		k.Y = top + row*rowOfMarks
		c.Chips = append(c.Chips, k)
	}
	return len(ends)
}

func digits(n int) int { return len(fmt.Sprint(n)) }

func (p *document) lanes(c *chart) {
	add := func(name, full, role string) {
		i := len(c.Lanes)
		c.Lanes = append(c.Lanes, lane{Y: c.Top + i*laneHeight, Name: fit(name, 12, labelWidth-10), Full: full, Role: fit(role, 11, labelWidth-10), Odd: i%2 == 1})
	}
	for _, end := range []string{custodian.Customer, custodian.Business} {
		add(p.say("lane."+end), p.say("lane."+end), p.say("role."+end))
	}
	for i, x := range p.time.Principals {
		add(x.ID, x.ID, p.say("role."+string(x.Role)))
		l, y := &c.Lanes[i+2], &p.Parties[i]
		l.Total1, l.Total2 = p.say("lane.reads", y.Reads, y.Total), p.say("lane.forges", y.Forges)
	}
	c.Bottom = c.Top + len(c.Lanes)*laneHeight
	c.Gutter = c.Top + laneHeight
}
