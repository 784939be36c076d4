package picture

import (
	"slices"
	"strings"

	"signet.example/signet/custodian"
)

// span is the messages of a column.
func (c *chart) span(column, messages int) (from, until int) {
	return column * c.per, min((column+1)*c.per, messages)
}

// named is a run of messages in words.
func (p *document) named(from, until int) string {
	if until == from+1 {
		return p.say("one", from)
	}
	return p.say("many", from, until-1)
}

// bars draws the messages between the two ends.
func (p *document) bars(c *chart) {
	n := len(p.report.Messages)
	for i := range c.columns {
		from, until := c.span(i, n)
		b := bar{X: pad + i*c.width + c.width/2}
		up := 0
		b.Lost = true
		for m := from; m < until; m++ {
			x, t := &p.report.Messages[m], &p.time.Moments[m]
			business := x.From == custodian.Business
			up += one(business)
			b.Up, b.Down = b.Up || business, b.Down || !business
			b.TurnUp, b.TurnDown = b.TurnUp || t.Turn && business, b.TurnDown || t.Turn && !business
			b.Session = b.Session || m == 0 || t.Session > p.latest(m)
			b.Lost = b.Lost && !x.Delivered
			b.Late = b.Late || t.Taken > m+1
		}
		b.Cut = 14 * up / (until - from)
		b.Title = p.describe(&b, from, until)
		c.Bars = append(c.Bars, b)
	}
}

// latest is the last session that there was before a message.
func (p *document) latest(message int) (s int) {
	if message > 0 {
		s = p.sessions[message-1]
	}
	return s
}

func (p *document) describe(b *bar, from, until int) string {
	key := "is.mixed"
	switch {
	case !b.Down:
		key = "is.business"
	case !b.Up:
		key = "is.customer"
	}
	parts := []string{p.say(key, p.named(from, until))}
	add := func(is bool, key string, args ...any) {
		if is {
			parts = append(parts, p.say(key, args...))
		}
	}
	add(b.Lost, "is.lost")
	add(b.Late && !b.Lost, "is.late")
	add(b.Session, "is.session")
	add(b.TurnUp || b.TurnDown, "is.turn")
	switch t := &p.time.Moments[until-1]; {
	case t.Need > 0:
		add(true, "is.chunk", t.Epoch, t.Object, t.Have, t.Need)
	case t.PQ:
		add(true, "is.epoch", t.Epoch)
	}
	return strings.Join(parts, ", ")
}

// flags draws what the customer's client said, from each change on.
func (p *document) flags(c *chart) {
	last := ""
	for i := range p.time.Moments {
		m := &p.time.Moments[i]
		if m.Shown != last || i == 0 {
			last = m.Shown
			c.Flags = append(c.Flags, p.flag(c.x(i), last, m.ShownText))
		}
	}
	if last != "" && p.report.Notice != nil && p.report.Notice.State != last && (p.report.Notice.State != "e2ee" || last != "encrypted") {
		c.Flags = append(c.Flags, p.flag(c.x(len(p.time.Moments)), p.report.Notice.State, p.report.Notice.Text))
	}
}

func (p *document) flag(x int, state string, text custodian.Text) flagpole {
	if state == "" {
		return flagpole{X: x, Kind: "none", Title: p.say("flag.none")}
	}
	if _, known := words["flag."+state]; !known {
		state = "unknown"
	}
	return flagpole{X: x, Kind: state, Title: p.say("flag."+state) + " — " + text.In(p.Lang)}
}

// An ability is what a party can do with the messages of a column.
type ability struct {
	kind         string
	count, total int
}

// ribbons draws what a party can read and could have forged.
func (p *document) ribbons(c *chart, who string, top int) {
	p.runs(c, func(from, until int) ability { return p.reading(who, from, until) }, func(a ability, x, w, from, until int) {
		r := ribbon{X: x, W: w, Y: top + 30, H: 8, Kind: a.kind}
		if a.kind == "read" {
			r.H = max(3, 8*a.count/a.total)
			r.Y += 8 - r.H
			r.Title = p.say("is.read", p.named(from, until), who, a.count, a.total)
		} else {
			r.Title = p.say("is."+a.kind, p.named(from, until), who)
		}
		c.Ribbons = append(c.Ribbons, r)
	})
	p.runs(c, func(from, until int) ability { return p.forging(who, from, until) }, func(a ability, x, w, from, until int) {
		if a.count > 0 {
			c.Ribbons = append(c.Ribbons, ribbon{
				X: x, W: w, Y: top + 39, H: 4, Kind: "forge",
				Title: p.say("is.forged", p.named(from, until), who, a.count, a.total),
			})
		}
	})
}

// runs joins columns of the same ability.
func (p *document) runs(c *chart, of func(from, until int) ability, draw func(a ability, x, w, from, until int)) {
	n := len(p.report.Messages)
	for i := 0; i < c.columns; {
		from, until := c.span(i, n)
		a, start := of(from, until), i
		for i++; i < c.columns; i++ {
			f, u := c.span(i, n)
			next := of(f, u)
			if next.kind != a.kind || next.count*(until-from) != a.count*(u-f) {
				break
			}
			a.count, a.total = a.count+next.count, a.total+next.total
			until = u
		}
		draw(a, pad+start*c.width, (i-start)*c.width, from, until)
	}
}

func (p *document) reading(who string, from, until int) ability {
	a := ability{kind: "safe", total: until - from}
	later, disputed := false, false
	for m := from; m < until; m++ {
		x := &p.report.Messages[m]
		a.count += one(slices.Contains(x.ReadableBy, who))
		later = later || slices.Contains(x.QuantumReadable, who)
		disputed = disputed || slices.Contains(p.time.Moments[m].Disagreed, who)
	}
	switch {
	case disputed:
		a.kind, a.count = "disputed", 0
	case a.count > 0:
		a.kind = "read"
	case later:
		a.kind = "quantum"
	}
	return a
}

func (p *document) forging(who string, from, until int) ability {
	a := ability{total: until - from}
	for m := from; m < until; m++ {
		a.count += one(slices.Contains(p.report.Messages[m].ForgeableBy, who))
	}
	return a
}

// axis draws the numbers of messages and the epochs of the post-quantum ratchet.
func (p *document) axis(c *chart) {
	n := len(p.report.Messages)
	c.Axis, c.AxisLabel = c.Bottom+15, p.say("lane.axis")
	c.Height = c.Bottom + 22
	every := 1
	for _, next := range []int{2, 5, 10, 20, 50, 100, 200, 500} {
		if every*c.width >= 7*digits(n)+10 {
			break
		}
		every = next
	}
	for i := 0; i < c.columns; i += every {
		c.Ticks = append(c.Ticks, tick{X: pad + i*c.width + c.width/2, Label: i * c.per})
	}
	if !slices.ContainsFunc(p.time.Moments, func(m custodian.Moment) bool { return m.PQ }) {
		return
	}
	c.PQ, c.PQLabel = c.Bottom+24, p.say("lane.pq")
	c.Height = c.PQ + 10 + 18
	end := 0 // of the last label
	for i := 0; i < c.columns; {
		from, _ := c.span(i, n)
		e, s, start := p.time.Moments[from].Epoch, p.time.Moments[from].Session, i
		for i < c.columns && p.time.Moments[i*c.per].Epoch == e && p.time.Moments[i*c.per].Session == s {
			p.chunk(c, i)
			i++
		}
		if e == 0 {
			continue
		}
		x := epoch{X: pad + start*c.width, W: (i - start) * c.width, Shade: len(c.Epochs) % 2, Title: p.say("is.epoch", e)}
		label := p.say("epoch", e)
		if size := textWidth(label, 11); x.X >= end && x.X+size <= c.Width {
			x.Label, end = label, x.X+size+8
		}
		c.Epochs = append(c.Epochs, x)
	}
}

// chunk draws how much of the object that a column's last message carries was sent.
func (p *document) chunk(c *chart, column int) {
	_, until := c.span(column, len(p.report.Messages))
	if m := &p.time.Moments[until-1]; m.Need > 0 {
		h := max(1, 10*m.Have/m.Need)
		c.Chunks = append(c.Chunks, chunk{X: pad + column*c.width + 2, W: c.width - 4, Y: c.PQ + 10 - h, H: h})
	}
}
