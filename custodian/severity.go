package custodian

// A Severity says how much a verdict matters, apart from the verdict itself (custody B4). It is
// reckoned from integers by a formula that docs/custody-bundle.md states:
//
//	a guarantee that is held is "none", one that is unknown "unknown"; otherwise
//	step = exposure + persistence - active
//	class = base, one up if step is 5 or more, one down if it is 1 or less
type Severity struct {
	Class  string         `json:"class"` // "none", "info", "low", "medium", "high", "critical" or "unknown"
	Inputs SeverityInputs `json:"inputs"`
}

// SeverityInputs are what a class was reckoned from.
type SeverityInputs struct {
	Base        int `json:"base"`        // of the guarantee: 0 "info" to 4 "critical"
	Exposure    int `json:"exposure"`    // messages of all: 0 none, 1 to 1 %, 2 to 10 %, 3 to 50 %, 4 above
	Persistence int `json:"persistence"` // from the first message concerned to the last: 0 up to 5, 1 to 100, 2 above, 3 to the end of the run
	Active      int `json:"active"`      // 1 if somebody must write, which can be noticed
}

// classes by number, from "info".
var classes = [...]string{"info", "low", "medium", "high", "critical"}

// weights have the base class of each guarantee, and whether it takes an active attack.
var weights = map[string]struct{ base, active int }{
	"G1": {4, 0}, "G2": {3, 0}, "G3": {3, 0}, "G4": {4, 0}, "G5": {2, 0}, "G6": {3, 1}, "G7": {3, 1}, "G8": {3, 1},
	"G9": {4, 1}, "G10": {1, 0}, "G11": {2, 0}, "G12": {3, 0}, "G13": {2, 0}, "G14": {4, 0}, "G15": {3, 0},
	"G16": {3, 1}, "G17": {4, 1},
}

// weigh reckons the severity of a verdict. Of its evidence it uses which messages that is about.
func (w *writer) weigh(v *Verdict) Severity {
	weight := weights[v.g.id]
	s := Severity{Class: "none", Inputs: SeverityInputs{Base: weight.base, Active: weight.active}}
	switch v.result {
	case Held:
		return s
	case Unknown:
		s.Class = "unknown"
		return s
	case Lost:
		s.Inputs.Exposure = exposure(v.messages, v.of)
		s.Inputs.Persistence = w.evidence.persistence(v.evidence, len(w.run.messages))
	}
	class, step := s.Inputs.Base, s.Inputs.Exposure+s.Inputs.Persistence-s.Inputs.Active
	switch {
	case step >= 5:
		class++
	case step <= 1:
		class--
	}
	s.Class = classes[min(max(class, 0), len(classes)-1)]
	return s
}

// exposure is the band of n messages of so many.
func exposure(n, of int) int {
	switch {
	case n == 0 || of == 0:
		return 0
	case 100*n <= of:
		return 1
	case 10*n <= of:
		return 2
	case 2*n <= of:
		return 3
	}
	return 4
}

// A stretch is the messages that a piece of evidence is about: from the first to before the end.
// One that is about a moment between messages is about the next one.
type stretch struct{ first, end int }

// persistence is the band of the messages from the first that evidence is about to the last.
func (l *evidence) persistence(ids []string, messages int) int {
	first, end := -1, 0
	for _, id := range ids {
		s, ok := l.about[id]
		if !ok {
			continue
		}
		if first < 0 || s.first < first {
			first = s.first
		}
		end = max(end, s.end)
	}
	switch {
	case first < 0:
		return 0
	case end >= messages:
		return 3
	case end-first <= 5:
		return 0
	case end-first <= 100:
		return 1
	}
	return 2
}
