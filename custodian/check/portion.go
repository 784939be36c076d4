package check

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
)

// A sight is what a principal of a scenario sees of the ciphertexts: "all", "none" or a part.
type sight struct {
	word string
	part *portion
}

// A portion is made of the messages that every field admits.
type portion struct {
	From     string `json:"from,omitempty"`
	Percent  uint64 `json:"percent,omitempty"`
	Messages *[]int `json:"messages,omitempty"`
	Except   *[]int `json:"except,omitempty"`
}

func (s *sight) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		return json.Unmarshal(b, &s.word)
	}
	s.part = new(portion)
	return json.Unmarshal(b, s.part)
}

func (s *sight) MarshalJSON() ([]byte, error) {
	if s.part != nil {
		return json.Marshal(s.part)
	}
	return json.Marshal(s.word)
}

// admits reports whether message number, or -1, of an end is in the part of the principal in a
// place of the list.
func (p *portion) admits(seed uint64, place, number int, from string) bool {
	switch {
	case p.From != "" && p.From != from:
		return false
	case number < 0:
		return p.Percent == 0 && p.Messages == nil
	case p.Messages != nil && !slices.Contains(*p.Messages, number), p.Except != nil && slices.Contains(*p.Except, number):
		return false
	case p.Percent == 0:
		return true
	}
	b := []byte("custody-view-v1\x00")
	for _, n := range []uint64{seed, uint64(place), uint64(number)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	sum := sha256.Sum256(b)
	return uint64(binary.BigEndian.Uint32(sum[:])) < min(p.Percent, 99)<<32/100
}

// same reports whether a principal of the transcript, in this place of the list, is that of the
// scenario.
func (v *verifier) same(seed uint64, place int, p *scripted) bool {
	x := &v.text.Principals[place]
	if p.ID != x.ID || p.Role != x.Role || p.Quantum != x.Quantum || p.SameAs != x.SameAs {
		return false
	}
	if p.Sees == nil || p.Sees.part == nil {
		return p.Sees == nil && x.Sees == "" || p.Sees != nil && p.Sees.word != "" && p.Sees.word == x.Sees
	}
	var seen []int
	for _, m := range v.messages {
		if p.Sees.part.admits(seed, place, m.Number, m.From) {
			seen = append(seen, m.Number)
		}
	}
	var others []string
	for _, end := range ends {
		if p.Sees.part.admits(seed, place, -1, end) {
			others = append(others, end)
		}
	}
	return x.Sees == "part" && slices.Equal(seen, x.Seen) && slices.Equal(others, x.Others)
}

// checkSight: who sees a part sees messages that there are, in order; nobody else lists what it
// sees.
func (v *verifier) checkSight() error {
	for i := range v.text.Principals {
		p := &v.text.Principals[i]
		good := p.Sees == "part" || len(p.Seen)+len(p.Others) == 0
		for k, n := range p.Seen {
			good = good && n >= 0 && n < len(v.messages) && (k == 0 || n > p.Seen[k-1])
		}
		for k, end := range p.Others {
			good = good && side(end) >= 0 && (k == 0 || side(end) > side(p.Others[k-1]))
		}
		if !good {
			return refuse("principal %d is malformed", i)
		}
	}
	return nil
}

// sees reports whether a principal sees a message: it or one that shares what it knows. One's own
// is always seen.
func (v *verifier) sees(x *view, m *message) bool {
	if x.all || m.By != "" && x.members[v.principal(m.By)] {
		return true
	}
	for i := range x.members {
		p := &v.text.Principals[i]
		if p.Sees != "part" {
			continue
		}
		if _, ok := slices.BinarySearch(p.Seen, m.Number); ok || m.Number < 0 && slices.Contains(p.Others, m.From) {
			return true
		}
	}
	return false
}
