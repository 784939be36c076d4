package notice

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// Texts. To add a language, write its sentences in a file of its own and name it in languages: a
// test asks for every sentence.

type sentences map[string]string

var languages = []struct {
	tag language.Tag
	sentences
}{
	{language.English, english}, // the first is for whoever asks for a language that is not here
	{language.French, french},
}

// The names of the sentences.
const (
	textEncrypted   = "encrypted"
	textManaged     = "managed"        // holder, verbs
	textTogether    = "together"       // holders, verbs
	textNotEnd      = "not to the end" // business
	textOperator    = "operator"       // holder
	textChanged     = "changed"        // date, path
	textRevoked     = "revoked"        // holder, verbs
	textUntil       = "until chains"   // number, business
	textBarrier     = "until barrier"
	textIdentity    = "until identity" // business
	textExpired     = "expired"        // business
	textUnknown     = "unknown"
	textLied        = "contradicted"
	textForgeable   = "forgeable" // who
	textReadWrite   = "read and write"
	textRead        = "read"
	textReadOwn     = "read business" // business
	textReadYours   = "read customer"
	textWriteOnly   = "write only"       // business
	textQuota       = "quota"            // number, business
	textWriteAsYou  = "write as you"     // business
	textOpen        = "open"             // business
	textItself      = "itself"           // business
	textAnd         = "and"              // two parts
	textComma       = "comma"            // two parts
	textArrow       = "arrow"            // two parts
	textDate        = "date"             // day, month, year
	textFirstOfDate = "first of a month" // day, month, year
)

// one after the name of a sentence names its form for one of what its first argument counts.
const one = " one"

func reasonText(r Reason) string { return "reason " + strconv.Itoa(int(r)) }

var texts = func() *catalog.Builder {
	b := catalog.NewBuilder(catalog.Fallback(languages[0].tag))
	for _, l := range languages {
		for key, text := range l.sentences {
			m := catalog.String(text)
			if single, ok := l.sentences[key+one]; ok {
				m = plural.Selectf(1, "%d", plural.One, single, plural.Other, text)
			}
			if err := b.Set(l.tag, key, m); err != nil {
				panic("notice: a sentence of the catalog is malformed")
			}
		}
	}
	return b
}()

var matcher = func() language.Matcher {
	var tags []language.Tag
	for _, l := range languages {
		tags = append(tags, l.tag)
	}
	return language.NewMatcher(tags)
}()

// Languages returns the BCP 47 tags of the languages that Text knows.
func Languages() (tags []string) {
	for _, l := range languages {
		tags = append(tags, l.tag.String())
	}
	return tags
}

// A speaker puts a state into words of one language.
type speaker struct {
	*message.Printer
	business string
}

func (p *speaker) say(key string, args ...any) string {
	return p.Sprintf(message.Key(key, key), args...)
}

// Text puts the state in words, in the language that fits lang best: a BCP 47 tag or an
// Accept-Language list. What no language fits is English. The names in it are as the business gave
// them; they cannot break the line or turn the direction of the text.
func (s *State) Text(lang string) string {
	_, i := language.MatchStrings(matcher, lang)
	p := &speaker{message.NewPrinter(languages[i].tag, message.Catalog(texts)), s.Business}
	var out []string
	switch s.Kind {
	case Encrypted:
		out = append(out, p.say(textEncrypted))
	case Managed:
		out = p.managed(s)
	case Changed:
		out = append(out, p.say(textChanged, p.date(s.Since), p.path(s.Path)))
		out = append(out, p.managed(s)...)
		out = append(out, p.revoked(s)...)
	case Revoked:
		out = p.revoked(s)
	case Expired:
		out = append(out, p.say(textExpired, s.Business))
	case Contradicted:
		out = append(out, p.say(textLied), p.say(reasonText(s.Reason), s.Business))
	default:
		out = append(out, p.say(textUnknown))
		if s.Reason != 0 {
			out = append(out, p.say(reasonText(s.Reason), s.Business))
		}
	}
	if s.ForgeableBy != "" {
		out = append(out, p.say(textForgeable, s.ForgeableBy))
	}
	return strings.Join(out, " ")
}

func (p *speaker) managed(s *State) (out []string) {
	for _, h := range s.Holders {
		key := textManaged
		if len(h.Names) > 1 {
			key = textTogether
		}
		out = append(out, p.say(key, p.list(h.Names), p.verbs(h.Power)))
	}
	if len(s.Holders) > 0 {
		out = append(out, p.say(textNotEnd, s.Business))
	}
	for _, h := range s.Holders {
		if h.Operator && len(h.Names) == 1 {
			out = append(out, p.say(textOperator, h.Names[0]))
		}
	}
	return out
}

func (p *speaker) revoked(s *State) (out []string) {
	for _, h := range s.Former {
		out = append(out, p.say(textRevoked, p.list(h.Names), p.verbs(h.Power)))
	}
	switch {
	case len(s.Former) == 0:
	case s.NewIdentity:
		out = append(out, p.say(textIdentity, s.Business))
	case s.Barrier:
		out = append(out, p.say(textBarrier))
	default:
		out = append(out, p.say(textUntil, s.Chains, s.Business))
	}
	return out
}

// verbs says what somebody can do.
func (p *speaker) verbs(can Power) string {
	here := p.here(can)
	switch {
	case can.Verbs&Open == 0 || can.Verbs&(ReadCustomer|Write) == ReadCustomer|Write:
		return here
	case can.Verbs == Open:
		return p.say(textOpen, p.business)
	}
	return p.say(textAnd, here, p.say(textOpen, p.business))
}

// here says what somebody can do in this chat.
func (p *speaker) here(can Power) string {
	v := can.Verbs
	switch {
	case v&ReadCustomer != 0 && v&Write != 0:
		return p.say(textReadWrite)
	case v&ReadCustomer != 0 && v&WriteCustomer != 0:
		return p.say(textAnd, p.say(textReadYours), p.say(textWriteAsYou, p.business))
	case v&ReadCustomer != 0 && v&ReadBusiness != 0:
		return p.say(textRead)
	case v&ReadCustomer != 0:
		return p.say(textReadYours)
	case v == WriteCustomer || v == WriteCustomer|Open:
		return p.say(textWriteAsYou, p.business)
	case v&WriteCustomer != 0:
		rest := Power{v &^ WriteCustomer, can.Quota}
		return p.say(textAnd, p.here(rest), p.say(textWriteAsYou, p.business))
	case can.Quota > 0:
		return p.say(textQuota, can.Quota, p.business)
	case v&Write != 0:
		return p.say(textWriteOnly, p.business)
	}
	return p.say(textReadOwn, p.business)
}

func (p *speaker) list(names []string) string {
	if len(names) == 0 {
		return p.say(textItself, p.business)
	}
	out := names[0]
	for i, n := range names[1:] {
		key := textComma
		if i == len(names)-2 {
			key = textAnd
		}
		out = p.say(key, out, n)
	}
	return out
}

func (p *speaker) path(steps [][]string) (out string) {
	for i, names := range steps {
		if i == 0 {
			out = p.list(names)
			continue
		}
		out = p.say(textArrow, out, p.list(names))
	}
	return out
}

func (p *speaker) date(t time.Time) string {
	t = t.UTC()
	key := textDate
	if t.Day() == 1 {
		key = textFirstOfDate
	}
	return p.say(key, t.Day(), p.say("month "+strconv.Itoa(int(t.Month()))), strconv.Itoa(t.Year()))
}
