package picture

import (
	"slices"
	"strings"

	"signet.example/signet/custodian"
)

// An event is a step that is neither a message nor a delivery.
type event struct {
	Number int
	Before int // messages sent by then
	When   string
	Text   string
	Code   string // what was handed over, by the names of the format
	Extra  string
	Cites  string
	Kind   string // "grant", "revoke", "rotate", "barrier", "block", "accepted", "refused" or "notice"
	grant  string
}

func (p *document) events() (list []event) {
	n := len(p.report.Messages)
	for i := range p.time.Marks {
		m := &p.time.Marks[i]
		e := event{Number: i + 1, Before: m.Before, When: p.say("before", m.Before)}
		if m.Before == n {
			e.When = p.say("at the end")
		}
		p.tell(&e, m)
		list = append(list, e)
	}
	return list
}

// tell puts a step in words.
func (p *document) tell(e *event, m *custodian.Mark) {
	switch s := &m.Step; {
	case s.Grant != nil:
		e.Kind, e.grant = "grant", s.Grant.Name
		p.tellGrant(e, s.Grant)
	case s.Revoke != "":
		e.Kind, e.grant, e.Text = "revoke", s.Revoke, p.say("revoke", s.Revoke)
	case s.Rotate != "":
		e.Kind, e.Text = "rotate", p.say("rotate", p.say("rotate."+s.Rotate))
	case s.Barrier:
		e.Kind, e.Text = "barrier", p.say("barrier")
	case s.Block != "":
		e.Kind, e.Text = "block", p.say("block")
	case s.Inject != nil:
		e.Kind = "refused"
		for _, x := range p.report.Injections {
			if x.Step == m.Index {
				e.Cites = x.Evidence
				if x.Accepted {
					e.Kind = "accepted"
				}
			}
		}
		e.Text = p.say(e.Kind+"."+s.Inject.To, s.Inject.By)
	default:
		e.Kind, e.Text = "notice", p.say("notice")
		if s.Notice != nil {
			p.tellNotice(e, s.Notice)
		}
	}
}

// tellNotice says who signs a statement, what it claims, and how it misbehaves.
func (p *document) tellNotice(e *event, s *custodian.Statement) {
	if s.By != "" && s.By != custodian.Business {
		e.Text = p.say("notice.by", s.By)
	}
	var says, extra []string
	for _, g := range s.Grants {
		says = append(says, strings.Join(append([]string{g.To, g.Via}, g.Atoms...), " "))
	}
	switch {
	case s.Replay > 0:
		e.Text += p.say("notice.replay", s.Replay)
	case len(says) == 0:
		e.Text += p.say("notice.private")
	default:
		e.Text += p.say("notice.says")
		e.Code = strings.Join(says, ", ")
	}
	for key, is := range map[string]bool{"notice.withheld": s.Withhold, "notice.twice": s.Equivocate} {
		if is {
			extra = append(extra, p.say(key))
		}
	}
	slices.Sort(extra)
	e.Extra = strings.Join(extra, ", ")
}

func (p *document) tellGrant(e *event, g *custodian.Grant) {
	from := custodian.Business
	if g.From != "" {
		from = g.From
	}
	if g.Via == "quota" {
		e.Text = p.say("quota."+from, g.To, g.Count)
	} else {
		e.Text = p.say("grant."+from, g.To, p.say("via."+g.Via))
		e.Code = strings.Join(g.Atoms, ", ")
	}
	for i := range p.time.Spans {
		if x := &p.time.Spans[i]; x.Grant.Name == g.Name && len(x.Missing) > 0 {
			e.Extra = p.say("missing", strings.Join(x.Missing, ", "))
		}
	}
}
