package check

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// sentencesDigest is of the templates of sentences that this verifier knows how to fill in, as
// sentences.txt has them.
const sentencesDigest = "9327a5961eb3cbdb2d7a029b27d43e9d1916bb52470dd816100854339d8f7320"

// readSentences reads the templates. A bundle made with others is refused.
func (v *verifier) readSentences() error {
	b, err := v.files.take("sentences.txt")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	if hex.EncodeToString(sum[:]) != sentencesDigest || v.report.Tool.Sentences != "sha256:"+sentencesDigest {
		return refuse("the templates of sentences are not those that this verifier knows")
	}
	v.words = make(map[string]sentence)
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(f) == 3 {
			v.words[f[0]] = sentence{f[1], f[2]}
		}
	}
	return nil
}

// fill puts values in the place of names, in both languages.
func (s sentence) fill(pairs ...string) sentence {
	r := strings.NewReplacer(pairs...)
	return sentence{r.Replace(s.EN), r.Replace(s.FR)}
}

func (s sentence) then(t sentence) sentence { return sentence{s.EN + " " + t.EN, s.FR + " " + t.FR} }

func plural(n int) string {
	if n == 1 {
		return "message"
	}
	return "messages"
}

// sentenceOf puts a verdict in words.
func (v *verifier) sentenceOf(x *verdict) sentence {
	s := v.words[x.ID+"."+x.Verdict]
	special := func(name string, fits bool) {
		if t, ok := v.words[name]; ok && fits {
			s = t
		}
	}
	special("unknown", x.Verdict == "unknown")
	special(x.ID+".unknown", x.Verdict == "unknown")
	special(x.ID+".none", x.Verdict == "held" && x.Of == 0)
	special(x.ID+".self", x.Verdict == "lost" && x.Messages == 0)
	s = s.fill("{who}", x.Principal, "{n}", strconv.Itoa(x.Messages), "{of}", strconv.Itoa(x.Of), "{messages}", plural(x.Of), "{nmessages}", plural(x.Messages))
	switch {
	case x.ID == "G5" && x.Verdict == "held" && x.Healing != nil:
		c, q := v.clock(x.Healing.Classical), v.clock(x.Healing.Quantum)
		t := v.words["G5.back"]
		s = s.then(sentence{sentence{EN: t.EN}.fill("{c}", c.EN, "{q}", q.EN).EN, sentence{FR: t.FR}.fill("{c}", c.FR, "{q}", q.FR).FR})
	case x.ID == "G8" && x.Verdict == "lost" && x.Messages >= x.Of:
		s = s.then(v.words["G8.still"])
	case x.ID == "G13" && x.Verdict == "lost" && x.Metadata.Timing:
		s = s.then(v.words["G13.timing"].fill("{bytes}", strconv.Itoa(x.Metadata.Bytes)))
	case x.ID == "G13" && x.Verdict == "lost":
		s = s.then(v.words["G13.texts"])
	}
	for _, strategy := range v.untried(x) {
		s = s.then(v.words["untried."+strategy])
	}
	return s
}

// untried lists the strategies that a verdict depends on and that were not tried.
func (v *verifier) untried(x *verdict) (list []string) {
	if x.Verdict != "held" || x.Of == 0 && x.ID != "G9" {
		return nil
	}
	i := v.principal(x.Principal)
	among := func(ids ...string) bool { return slices.Contains(ids, x.ID) }
	if among("G2", "G3", "G9") && slices.ContainsFunc(v.text.Grants, func(g grant) bool { return g.Via == "oracle" && v.views[i].members[v.principal(g.To)] }) {
		list = append(list, "S5")
	}
	if among("G3", "G5", "G12") && v.mayFork(i) {
		list = append(list, "S6")
	}
	if among("G5") {
		list = append(list, "S9")
	}
	return list
}

// mayFork reports whether a principal has an authenticator of a post-quantum half and has forged a
// message.
func (v *verifier) mayFork(i int) bool {
	forged := slices.ContainsFunc(v.evidence.Forgeries, func(f forgery) bool { return v.principal(f.Principal) == i })
	return forged && slices.ContainsFunc(v.text.Events, func(e event) bool {
		return e.Kind == "parcel" && v.views[i].members[v.principal(e.To)] &&
			slices.ContainsFunc(v.parcels[e.At], func(x entry) bool { return x.kind == 24 })
	})
}

func (v *verifier) clock(n *int) sentence {
	if n == nil {
		return v.words["G5.never"]
	}
	return v.words["G5.after"].fill("{k}", strconv.Itoa(*n), "{kmessages}", plural(*n))
}

// absence is why a verdict is unknown.
func (v *verifier) absence(x *verdict) string {
	name := "absence.claimed"
	switch {
	case x.ID == "G5":
		name = "absence.G5"
	case len(v.notices.taken()) == 0:
		name = "absence.accepted"
	}
	return v.words[name].fill("{who}", x.Principal).EN
}

// numbered lists the English of the templates of a name and a number, from 1.
func (v *verifier) numbered(name string) (list []string) {
	for {
		s, ok := v.words[name+strconv.Itoa(len(list)+1)]
		if !ok {
			return list
		}
		list = append(list, s.EN)
	}
}

// checkSentences makes assumptions, limits and logs again.
func (v *verifier) checkSentences() error {
	want := v.numbered("assumption.")
	for _, p := range v.text.Principals {
		if p.SameAs != "" {
			want = append(want, v.words["assumption.sharing"].fill("{who}", p.ID, "{other}", p.SameAs).EN)
		}
	}
	if !slices.Equal(v.report.Assumptions, want) {
		return refuse("the assumptions are not those of every report")
	}
	want = v.numbered("limit.")
	if n := len(want); len(v.report.Limits) < n || !slices.Equal(v.report.Limits[:n], want) {
		return refuse("the limits are not those of every report")
	}
	notes := v.report.Limits[len(want):]
	for _, s := range notes {
		if !v.isNote(s) {
			return refuse("a limit that no template makes")
		}
	}
	if v.empties == nil {
		v.empties = v.emptyNotes()
	}
	said := make(map[string]bool)
	for _, s := range notes {
		said[s] = true
	}
	for s, note := range v.empties {
		if note.must && !said[s] {
			return refuse("what was granted was neither handed over nor said to be missing")
		}
	}
	return v.checkLogs()
}

// isNote reports whether a sentence is a note about this run that does not contradict the
// transcript.
func (v *verifier) isNote(s string) bool {
	for _, name := range []string{"statement", "idle", "fresh", "uncounted", "strict"} {
		if s == v.words["note."+name].EN {
			return true
		}
	}
	if s == v.words["note.keyless"].EN {
		return !slices.ContainsFunc(v.probes, func(p *event) bool {
			return slices.ContainsFunc(p.Takes, func(w way) bool { return w.PQ && !w.Keyless })
		})
	}
	for _, name := range []string{"ended", "refused"} {
		before, after, _ := strings.Cut(v.words["note."+name].EN, "{n}")
		digits := strings.TrimSuffix(strings.TrimPrefix(s, before), after)
		n, err := strconv.Atoi(digits)
		if err == nil && s == before+strconv.Itoa(n)+after {
			return n >= 0 && n < len(v.messages) && !v.messages[n].Delivered && (name == "refused" || v.messages[n].From == ends[1])
		}
	}
	for n := range v.words {
		before, after, ok := strings.Cut(v.words[n].EN, "{step}")
		step, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(s, before), after))
		if ok && strings.HasPrefix(n, "note.check.") && err == nil && step >= 0 && s == before+strconv.Itoa(step)+after {
			return v.text.Custody != nil
		}
	}
	if v.empties == nil {
		v.empties = v.emptyNotes()
	}
	return v.empties[s].may
}

// A missing is a note that an atom did not exist: whether it may be there, and whether it must.
type missing struct{ may, must bool }

// emptyNotes are the notes that an atom did not exist. Of archived sessions a parcel does not tell.
func (v *verifier) emptyNotes() map[string]missing {
	list := make(map[string]missing)
	for i := range v.text.Grants {
		g := &v.text.Grants[i]
		atoms := g.Atoms
		if g.Via == "quota" {
			atoms = []string{"sending-chain"}
		}
		for _, a := range atoms {
			empty := v.empty(g, a)
			list[v.words["note.empty"].fill("{grant}", g.Name, "{atom}", a).EN] = missing{empty, empty && !slices.Contains(g.Atoms, "archived")}
		}
	}
	return list
}

// empty reports whether nothing was handed over for an atom when its grant began.
func (v *verifier) empty(g *grant, atom string) bool {
	h := v.held[g.Name]
	if g.Via == "quota" {
		return len(h.at) == 0
	}
	if atom == "archived" || slices.Contains(g.Atoms, "archived") { // an entry does not say of which session it is
		return true
	}
	at := slices.Index(h.at, g.At)
	if at < 0 {
		return true
	}
	for _, s := range secrets {
		if s.name == atom {
			return !slices.ContainsFunc(v.parcels[g.At], func(e entry) bool { return slices.Contains(s.kinds, e.kind) })
		}
	}
	return false
}

// checkLogs: there is one for each oracle, in the order of the grants, with the number of its
// answers.
func (v *verifier) checkLogs() error {
	var want []string
	for i := range v.text.Grants {
		g := &v.text.Grants[i]
		if g.Via != "oracle" {
			continue
		}
		n := 0
		for _, at := range v.held[g.Name].at {
			n += len(v.parcels[at])
		}
		want = append(want, v.words["calls."+g.From].fill("{grant}", g.Name, "{who}", g.To, "{k}", fmt.Sprint(n)).EN)
	}
	var logs, absent, unknown []string
	for _, e := range v.report.Evidence {
		switch e.Kind {
		case "log":
			logs = append(logs, e.Claim)
		case "absence":
			absent = append(absent, e.ID)
		}
	}
	for _, x := range v.report.Verdicts {
		if x.Verdict == "unknown" {
			unknown = append(unknown, x.Evidence...)
		}
	}
	slices.Sort(absent)
	slices.Sort(unknown)
	if !slices.Equal(logs, want) || !slices.Equal(absent, unknown) {
		return refuse("the report has evidence that no template makes")
	}
	return nil
}
