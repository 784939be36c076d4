package check

// weights have the base class of each guarantee, from 0 "info" to 4 "critical", and whether it
// takes an active attack.
var weights = map[string][2]int{
	"G1": {4, 0}, "G2": {3, 0}, "G3": {3, 0}, "G4": {4, 0}, "G5": {2, 0}, "G6": {3, 1}, "G7": {3, 1}, "G8": {3, 1},
	"G9": {4, 1}, "G10": {1, 0}, "G11": {2, 0}, "G12": {3, 0}, "G13": {2, 0}, "G14": {4, 0}, "G15": {3, 0},
	"G16": {3, 1}, "G17": {4, 1},
}

// A stretch is the messages that a witness is about: from the first to before the end.
type stretch struct{ first, end int }

// weigh reckons the severity of a verdict by the formula of docs/custody-bundle.md.
func (v *verifier) weigh(x *verdict) severity {
	s := severity{}
	s.Inputs.Base, s.Inputs.Active = weights[x.ID][0], weights[x.ID][1]
	switch x.Verdict {
	case "held":
		s.Class = "none"
		return s
	case "unknown":
		s.Class = "unknown"
		return s
	case "lost":
		s.Inputs.Exposure = v.band(x.Messages, x.Of)
		s.Inputs.Persistence = v.persistence(x.Evidence)
	}
	class := s.Inputs.Base
	if step := s.Inputs.Exposure + s.Inputs.Persistence - s.Inputs.Active; step >= 5 {
		class++
	} else if step <= 1 {
		class--
	}
	s.Class = []string{"info", "low", "medium", "high", "critical"}[min(max(class, 0), 4)]
	return s
}

// band places n of so many: none, up to 1 %, 10 %, 50 %, more.
func (v *verifier) band(n, of int) int {
	if n == 0 || of == 0 {
		return 0
	}
	b := 1
	for _, part := range []int{100, 10, 2} {
		if part*n > of {
			b++
		}
	}
	return b
}

func (v *verifier) persistence(ids []string) int {
	first, end := -1, 0
	for _, id := range ids {
		s, ok := v.about[id]
		if !ok {
			continue
		}
		if first < 0 || s.first < first {
			first = s.first
		}
		end = max(end, s.end)
	}
	switch n := end - first; {
	case first < 0:
		return 0
	case end >= len(v.messages):
		return 3
	case n <= 5:
		return 0
	case n <= 100:
		return 1
	}
	return 2
}
