package custodian

import (
	"fmt"
	"slices"
	"strings"
)

// notice is what an honest client would show, where no statement was made: end-to-end encrypted
// only under the headline "private". Where somebody read or wrote and it was not tried whether that
// goes on, it is unknown: nothing shows that it is over.
func (f *headlineFacts) notice(h *Headline) *Notice {
	var by []*standing
	n := &Notice{State: h.State, Text: h.History}
	switch h.State {
	case "private":
		return &Notice{State: "e2ee", Text: privateNotice}
	case "nothing":
		return n
	case "handed-on", "recorded":
		by = f.readers()
	default:
		switch now := h.Now.State; {
		case now == "reads" || now == "writes":
			by = f.chosen(func(s *standing) bool { return s.readsNow || s.givenNow || s.toNow[0] || s.toNow[1] })
			n.State, n.Text = "managed", managing(by)
		case now != "nobody" || h.State == "unknown":
			return &Notice{State: "unknown", Text: unknownNotice}
		default:
			by = f.chosen(func(s *standing) bool { return len(s.reads) > 0 || s.writes })
			n.State, n.Text = "past", past(by)
		}
	}
	var ids []string
	for _, s := range by {
		ids = append(ids, s.ids...)
	}
	n.By = strings.Join(ids, ", ")
	return n
}

func (f *headlineFacts) chosen(is func(*standing) bool) []*standing {
	return slices.DeleteFunc(slices.Clone(f.list), func(s *standing) bool { return !is(s) })
}

// verbs are what principals could do in the whole run: what was read stays readable.
func verbs(list []*standing) Text {
	reads := slices.ContainsFunc(list, func(s *standing) bool { return len(s.reads) > 0 })
	writes := slices.ContainsFunc(list, func(s *standing) bool { return s.writes })
	switch {
	case !writes:
		return Text{"read", "lire"}
	case !reads:
		return Text{"write", "écrire"}
	}
	return Text{"read and write", "lire et écrire"}
}

// managing is the notice about those who read or write now.
func managing(list []*standing) Text {
	var names []Text
	for _, s := range list {
		names = append(names, s.name())
	}
	by, can := joinTexts(names, comma), verbs(list)
	return Text{
		EN: "This chat is managed by " + by.EN + ", which can " + can.EN + " messages. It is not end-to-end encrypted to the business.",
		FR: "Cette discussion est gérée par " + by.FR + ", qui peut " + can.FR + " des messages. Elle n'est pas chiffrée de bout en bout jusqu'à l'entreprise.",
	}
}

// past is the notice about those who read or wrote and do so no more.
func past(list []*standing) Text {
	var parts []Text
	for _, s := range list {
		name, could := s.name(), verbs([]*standing{s})
		until := Text{"before the first message", "avant le premier message"}
		if s.after > 0 {
			until = Text{fmt.Sprintf("until message %d", s.after-1), fmt.Sprintf("jusqu'au message %d", s.after-1)}
		}
		parts = append(parts, Text{name.EN + " could " + could.EN + " " + until.EN + ".", name.FR + " a pu " + could.FR + " " + until.FR + "."})
	}
	return joinTexts(parts, space)
}
