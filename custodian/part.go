package custodian

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"signet.example/signet/custodian/attack"
)

// A Part is a part of the ciphertexts: a message is in it if every field that is set admits it.
// What has no number, a statement or what was injected, is not admitted by Percent and Messages. At
// least one field is set.
type Part struct {
	From     string // Customer or Business
	Percent  int    // from 1 to 99: so many in a hundred, drawn by the scenario's seed
	Messages []int  // these, in ascending order; nil: all
	Except   []int  // not these, in ascending order
}

// admits reports whether message number, or -1, of an end is in the part of the principal in this
// place of the list.
func (p *Part) admits(seed uint64, place, number int, from attack.Side) bool {
	switch {
	case p.From != "" && p.From != endNames[from]:
		return false
	case number < 0:
		return p.Percent == 0 && p.Messages == nil
	case p.Messages != nil && !slices.Contains(p.Messages, number), slices.Contains(p.Except, number):
		return false
	case p.Percent == 0:
		return true
	}
	b := []byte("custody-view-v1\x00")
	for _, n := range []uint64{seed, uint64(place), uint64(number)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	sum := sha256.Sum256(b)
	return uint64(binary.BigEndian.Uint32(sum[:])) < uint64(p.Percent)<<32/100
}

// sees reports whether a principal sees message number, or -1, of an end.
func (sc *Scenario) sees(place, number int, from attack.Side) bool {
	p := &sc.Principals[place]
	if p.Part != nil {
		return p.Part.admits(sc.Seed, place, number, from)
	}
	return p.seesAll()
}

func (p *Principal) seesAll() bool {
	return p.Part == nil && (p.Sees == "all" || p.Sees == "" && p.Role != Outsider)
}

func (p *Part) check(at string) error {
	ascending := func(field string, list []int) error {
		for i, n := range list {
			if n < 0 || i > 0 && n <= list[i-1] {
				return wrong(fmt.Sprintf("%s.%s[%d]", at, field, i), "not in ascending order")
			}
		}
		return nil
	}
	switch {
	case p.From == "" && p.Percent == 0 && p.Messages == nil && p.Except == nil:
		return wrong(at, "a part of nothing")
	case p.From != "" && !isEnd(p.From):
		return wrong(at+".from", "%q is neither %q nor %q", p.From, Customer, Business)
	case p.Percent < 0 || p.Percent > 99:
		return wrong(at+".percent", "%d is not from 1 to 99", p.Percent)
	}
	if err := ascending("messages", p.Messages); err != nil {
		return err
	}
	return ascending("except", p.Except)
}

// parseSees reads "all", "none" or a part.
func parseSees(p *Principal) reader {
	return func(f string, b []byte) error {
		if len(b) == 0 || b[0] != '{' {
			return text(&p.Sees)(f, b)
		}
		p.Part = new(Part)
		return object(f, b, map[string]reader{
			"from": text(&p.Part.From), "messages": integers(&p.Part.Messages), "except": integers(&p.Part.Except),
			"percent": func(f string, b []byte) error {
				if err := integer(&p.Part.Percent)(f, b); err != nil {
					return err
				}
				if p.Part.Percent == 0 {
					return wrong(f, "0 is not from 1 to 99")
				}
				return nil
			},
		})
	}
}

// MarshalJSON writes the part in its fixed format.
func (p *Part) MarshalJSON() ([]byte, error) {
	out := struct {
		From     string `json:"from,omitempty"`
		Percent  int    `json:"percent,omitempty"`
		Messages *[]int `json:"messages,omitempty"`
		Except   *[]int `json:"except,omitempty"`
	}{From: p.From, Percent: p.Percent}
	if p.Messages != nil {
		out.Messages = &p.Messages
	}
	if p.Except != nil {
		out.Except = &p.Except
	}
	return json.Marshal(out)
}
