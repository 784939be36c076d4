package sweep

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"signet.example/signet/custodian"
)

// Check reports the first thing that is wrong with a plan, as a *PlanError.
func (p *Plan) Check() error {
	if p.Format != planFormat {
		return wrong("format", "%q is not %q", p.Format, planFormat)
	}
	names := make(map[string]bool)
	unique := func(field, name string) error {
		list, _, _ := strings.Cut(field, "[")
		if name == "" {
			return wrong(field+".name", "missing")
		}
		if names[list+name] {
			return wrong(field+".name", "%q is used twice", name)
		}
		names[list+name] = true
		return nil
	}
	check := func(list string, n int, each func(i int, field string) (string, error)) error {
		for i := range n {
			field := fmt.Sprintf("%s[%d]", list, i)
			name, err := each(i, field)
			if err == nil {
				err = unique(field, name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	err := errors.Join( // the first of them is what is reported
		check("delegations", len(p.Delegations), func(i int, f string) (string, error) { return p.Delegations[i].Name, p.Delegations[i].check(f) }),
		check("patterns", len(p.Patterns), func(i int, f string) (string, error) { return p.Patterns[i].Name, p.Patterns[i].check(f) }),
		check("revocations", len(p.Revocations), func(i int, f string) (string, error) { return p.Revocations[i].Name, p.Revocations[i].check(f) }),
		check("grids", len(p.Grids), func(i int, f string) (string, error) { return p.Grids[i].Name, p.checkGrid(&p.Grids[i], f) }),
		p.checkWindows(),
		p.checkPopulation(),
	)
	if err == nil && len(p.Grids) == 0 && p.Windows == nil && p.Population == nil {
		return wrong("grids", "there is nothing to play")
	}
	var first *PlanError
	if errors.As(err, &first) {
		return first
	}
	return err
}

func (d *Delegation) check(field string) error {
	if d.Every < 0 || d.Every > maxMessages {
		return wrong(field+".every", "%d is not a number of messages", d.Every)
	}
	var bad *custodian.ScenarioError
	if err := d.scenario().Check(); errors.As(err, &bad) {
		return wrong(field+".grants", "%s: %s", bad.Field, bad.Problem)
	} else if err != nil {
		return wrong(field+".grants", "%v", err)
	}
	return nil
}

func (x *Pattern) check(field string) error {
	switch x.Kind {
	case Alternate, OneWay:
	case Business, Customer:
		if x.Ratio < 1 || x.Ratio > maxRatio {
			return wrong(field+".ratio", "%d is not from 1 to %d", x.Ratio, maxRatio)
		}
		return nil
	case Independent, Sticky:
		if !(x.P > 0 && x.P < 1) {
			return wrong(field+".p", "%v is not between 0 and 1", x.P)
		}
		if x.Ratio == 0 {
			return nil
		}
	default:
		return wrong(field+".kind", "%q is none", x.Kind)
	}
	if x.Ratio != 0 || x.P != 0 && x.Kind != Independent && x.Kind != Sticky {
		return wrong(field, "kind %q has no such parameter", x.Kind)
	}
	return nil
}

func (x *Revocation) check(field string) error {
	switch {
	case x.After < 0 || x.After > maxMessages:
		return wrong(field+".after", "%d is not a number of messages", x.After)
	case !slices.Contains([]string{"", "session", "prekeys", "identity"}, x.Rotate):
		return wrong(field+".rotate", "%q cannot be renewed", x.Rotate)
	case x.After == 0 && (x.Rotate != "" || x.Barrier):
		return wrong(field+".after", "missing")
	}
	return nil
}

func (p *Plan) checkGrid(g *Grid, field string) error {
	limit := maxMessages
	switch g.Engine {
	case "evaluate":
		limit = maxEvaluated
	case "counters":
	default:
		return wrong(field+".engine", "%q is none", g.Engine)
	}
	switch {
	case g.Protocol != 0 && g.Protocol != 3 && g.Protocol != 4 || g.Protocol == 3 && g.Engine == "counters":
		return wrong(field+".protocol", "%d is none for engine %s", g.Protocol, g.Engine)
	case g.After < 1 || g.After > limit:
		return wrong(field+".after", "%d is not from 1 to %d", g.After, limit)
	case g.During < 0 || g.During > g.After:
		return wrong(field+".during", "%d is not from 0 to %d", g.During, g.After)
	case g.Repetitions < 1 || g.Repetitions > maxRepetitions:
		return wrong(field+".repetitions", "%d is not from 1 to %d", g.Repetitions, maxRepetitions)
	case len(g.Instants) == 0 || len(g.Delegations) == 0 || len(g.Patterns) == 0 || len(g.Loss) == 0 || len(g.Revocations) == 0:
		return wrong(field, "an axis is empty")
	case float64(len(g.Instants))*float64(len(g.Delegations))*float64(len(g.Patterns))*float64(len(g.Loss))*float64(len(g.Revocations)) > maxCells:
		return wrong(field, "more than %d cells", maxCells)
	}
	for i, x := range g.Instants {
		if x[0] < warm || x[1] <= x[0] || x[1] > limit {
			return wrong(fmt.Sprintf("%s.instants[%d]", field, i), "[%d, %d) is not in [%d, %d)", x[0], x[1], warm, limit)
		}
	}
	for i, x := range g.Loss {
		if err := checkLoss(fmt.Sprintf("%s.loss[%d]", field, i), x); err != nil {
			return err
		}
	}
	return p.checkNames(g, field)
}

func checkLoss(field string, x float64) error {
	if math.IsNaN(x) || x < 0 || x >= 1 {
		return wrong(field, "%v is not from 0 to less than 1", x)
	}
	return nil
}

func (p *Plan) checkNames(g *Grid, field string) error {
	for _, name := range g.Delegations {
		d := p.delegation(name)
		if d == nil {
			return wrong(field+".delegations", "there is no %q", name)
		}
		if g.Engine == "counters" && !d.countable() {
			return wrong(field+".delegations", "the counters know copies of a session, and %q is something else", name)
		}
		if d.Every > 0 && g.During == 0 {
			return wrong(field+".during", "missing: %q is repeated", name)
		}
	}
	for _, name := range g.Patterns {
		if p.pattern(name) == nil {
			return wrong(field+".patterns", "there is no %q", name)
		}
	}
	for _, name := range g.Revocations {
		x := p.revocation(name)
		switch {
		case x == nil:
			return wrong(field+".revocations", "there is no %q", name)
		case g.Engine == "counters" && x.After > 0:
			return wrong(field+".revocations", "the counters know no revocation")
		case x.After > g.After:
			return wrong(field+".revocations", "%q comes after the end", name)
		}
	}
	return nil
}

func (p *Plan) checkWindows() error {
	x := p.Windows
	if x == nil {
		return nil
	}
	switch {
	case len(x.Patterns) == 0 || len(x.Loss) == 0 || len(x.Chains) == 0:
		return wrong("windows", "an axis is empty")
	case x.Before < warm || x.Before > maxMessages:
		return wrong("windows.before", "%d is not from %d to %d", x.Before, warm, maxMessages)
	case x.Messages < 1 || x.Messages > maxMessages:
		return wrong("windows.messages", "%d is not from 1 to %d", x.Messages, maxMessages)
	case x.Repetitions < 1 || x.Repetitions > maxRepetitions:
		return wrong("windows.repetitions", "%d is not from 1 to %d", x.Repetitions, maxRepetitions)
	}
	for i, n := range x.Chains {
		if n < 1 || n > maxRatio {
			return wrong(fmt.Sprintf("windows.chains[%d]", i), "%d is not from 1 to %d", n, maxRatio)
		}
	}
	for i, n := range x.Loss {
		if err := checkLoss(fmt.Sprintf("windows.loss[%d]", i), n); err != nil {
			return err
		}
	}
	for _, name := range x.Patterns {
		if p.pattern(name) == nil {
			return wrong("windows.patterns", "there is no %q", name)
		}
	}
	return nil
}

func (p *Plan) checkPopulation() error {
	x := p.Population
	if x == nil {
		return nil
	}
	switch {
	case x.Conversations < 1 || float64(x.Conversations) > maxPopulation:
		return wrong("population.conversations", "%d is not from 1 to %.0f", x.Conversations, maxPopulation)
	case x.Before < 1 || x.Before > maxMessages:
		return wrong("population.before", "%d is not from 1 to %d", x.Before, maxMessages)
	case x.After < 1 || x.After > maxMessages:
		return wrong("population.after", "%d is not from 1 to %d", x.After, maxMessages)
	case len(x.Mix) == 0 || len(x.Mix) > 256:
		return wrong("population.mix", "%d shares", len(x.Mix))
	}
	for i, s := range x.Mix {
		field := fmt.Sprintf("population.mix[%d]", i)
		if p.pattern(s.Pattern) == nil {
			return wrong(field+".pattern", "there is no %q", s.Pattern)
		}
		if s.Weight < 1 || s.Weight > 1e6 {
			return wrong(field+".weight", "%d is not from 1 to a million", s.Weight)
		}
		if err := checkLoss(field+".loss", s.Loss); err != nil {
			return err
		}
	}
	return nil
}
