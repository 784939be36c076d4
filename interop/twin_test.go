package interop

import (
	"bytes"
	"fmt"
	"strings"
)

// An outcome is what an implementation made of an input.
type outcome struct {
	word      string
	plaintext []byte
	record    []byte // afterwards
	err       error
}

// compare gives a message to both implementations in the state of e and fails unless they agree on
// the word, the plaintext and the state afterwards, and unless a failure changes nothing. It
// returns nil if there is nothing to compare: no official client, or no session yet.
func (c *conversation) compare(e *end, m Message) *outcome {
	c.t.Helper()
	if len(e.twins) < 2 {
		return nil
	}
	from := c.other(e).address()
	before, err := e.dev.Session(from)
	c.must(err)
	if before == nil {
		return nil
	}
	a := c.try(e.twins[ours], from, before, m)
	b := c.try(e.twins[official], from, before, m)
	c.tally.compared++
	c.tally.word(a.word)
	if what := difference(before, a, b); what != "" {
		c.tally.differences++
		c.fail("%s: %s\n%s: %q %v\n%s: %q %v\nfrom the state %x\nmessage of type %d: %x", e.name, what,
			ours, a.word, a.err, official, b.word, b.err, before, m.Type, m.Message)
	}
	return a
}

// try puts a device into a state and gives it a message.
func (c *conversation) try(d *Device, from Address, before []byte, m Message) *outcome {
	c.t.Helper()
	c.must(d.SetSession(from, before))
	plaintext, err := d.Decrypt(from, m)
	o := &outcome{word: Word(err), plaintext: plaintext, err: err}
	if o.word == "broken" {
		c.fail("%v\nfrom the state %x\nmessage of type %d: %x", err, before, m.Type, m.Message)
	}
	o.record, err = d.Session(from)
	c.must(err)
	return o
}

// difference says in what two outcomes from one state differ, "" if in nothing.
func difference(before []byte, a, b *outcome) string {
	switch {
	case a.word != b.word:
		return "another error"
	case a.word != "" && (!bytes.Equal(a.record, before) || !bytes.Equal(b.record, before)):
		return fmt.Sprintf("a failure changed the state: %s %v, %s %v",
			ours, !bytes.Equal(a.record, before), official, !bytes.Equal(b.record, before))
	case !bytes.Equal(a.plaintext, b.plaintext):
		return "another plaintext"
	case bytes.Equal(a.record, b.record):
		return ""
	}
	x, err := deterministic(a.record)
	y, err2 := deterministic(b.record)
	if err != nil || err2 != nil || !bytes.Equal(x, y) {
		return fmt.Sprintf("another state afterwards:\n%s %x\n%s %x", ours, a.record, official, b.record)
	}
	return ""
}

// damage shows damaged versions of a letter to both implementations, and some to e itself, which
// must refuse them and not change.
func (c *conversation) damage(e *end, l *letter) {
	c.t.Helper()
	for range 1 + c.rng.IntN(4) {
		m := c.mutate(l.message)
		if c.costly(m) {
			continue
		}
		c.note("%s sees a damaged message", e.name)
		c.tally.damaged++
		c.compare(e, m)
	}
	if l.message.Type != TypeWhisper || l.opened {
		return // parts of a first message are not authenticated
	}
	from := c.other(e).address()
	before, err := e.dev.Session(from)
	c.must(err)
	m := l.message
	m.Message = c.damaged(m.Message)
	if c.costly(m) {
		return
	}
	_, err = e.dev.Decrypt(from, m)
	after, err2 := e.dev.Session(from)
	c.must(err2)
	if err == nil || Word(err) == "broken" || !bytes.Equal(before, after) {
		c.fail("%s: a damaged message: %v, state changed: %v", e.name, err, !bytes.Equal(before, after))
	}
}

// costly reports whether a message claims to be so far ahead that a session between two devices of
// one account, which has no limit (protocol §5.6), computes for minutes before it looks at the MAC.
func (c *conversation) costly(m Message) bool {
	a, b := c.ends[0].params, c.ends[1].params
	if !strings.EqualFold(a.UUID, b.UUID) || !bytes.Equal(a.Identity, b.Identity) {
		return false
	}
	const far = 1 << 16
	h, err := ParseHeader(m)
	if err != nil {
		return true // not as this test reads it; the implementations are more lenient
	}
	return h.Counter > far || h.index() > far
}

// mutate returns a message that differs from m.
func (c *conversation) mutate(m Message) Message {
	switch p := c.rng.IntN(20); {
	case p == 0:
		return Message{Type: TypeWhisper + TypePreKey - m.Type, Message: m.Message}
	case p == 1:
		return Message{Type: m.Type, Message: c.randomBytes(c.rng.IntN(100))}
	case p == 2 && m.Type == TypePreKey:
		return Message{Type: TypePreKey, Message: c.editField(m.Message, 0)}
	case p < 8 && m.Type == TypePreKey: // the message inside
		fields, err := parseFields(m.Message[1:])
		c.must(err)
		for i := range fields {
			if fields[i].num == 4 {
				fields[i].bytes = c.damaged(fields[i].bytes)
			}
		}
		return Message{Type: TypePreKey, Message: appendFields(m.Message[:1:1], fields)}
	case p < 12:
		n := 0
		if m.Type == TypeWhisper {
			n = 8
		}
		return Message{Type: m.Type, Message: c.editField(m.Message, n)}
	}
	return Message{Type: m.Type, Message: c.damaged(m.Message)}
}

func (c *conversation) randomBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(c.rng.Uint32())
	}
	return b
}

// damaged returns b with bits flipped, bytes removed or bytes added.
func (c *conversation) damaged(b []byte) []byte {
	b = bytes.Clone(b)
	switch p := c.rng.IntN(20); {
	case p < 3:
		return b[:c.rng.IntN(len(b))]
	case p == 3:
		return append(b, c.randomBytes(1+c.rng.IntN(40))...)
	case p == 4:
		i := c.rng.IntN(len(b))
		return append(b[:i], b[i+1:]...)
	case p < 7: // the head, where the version and the first tags are
		b[c.rng.IntN(min(4, len(b)))] ^= 1 << c.rng.IntN(8)
	default:
		b[c.rng.IntN(len(b))] ^= 1 << c.rng.IntN(8)
	}
	return b
}

// editField changes one field of the protobuf between the first byte and the last n: it leaves the
// field out, repeats it, empties it, gives it another number, or changes its value.
func (c *conversation) editField(message []byte, n int) []byte {
	fields, err := parseFields(message[1 : len(message)-n])
	c.must(err)
	i := c.rng.IntN(len(fields))
	f := &fields[i]
	switch c.rng.IntN(6) {
	case 0:
		fields = append(fields[:i], fields[i+1:]...)
	case 1:
		fields = append(fields, *f)
	case 2:
		f.n, f.bytes = 0, nil
	case 3:
		f.num += 1
	case 4:
		f.n, f.bytes = f.n^1<<c.rng.IntN(64), c.randomBytes(len(f.bytes))
	default:
		f.n++
		if len(f.bytes) > 0 {
			f.bytes = c.damaged(f.bytes)
		}
	}
	b := appendFields(message[:1:1], fields)
	return append(b, message[len(message)-n:]...)
}
