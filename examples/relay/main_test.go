package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/sealed"
	"signet.example/signet/session"
)

var ctx = context.Background()

func conversed(t *testing.T, useSealed bool) *world {
	w, err := newWorld(useSealed)
	require.NoError(t, err)
	require.NoError(t, converse(ctx, w))
	return w
}

// the conversation, as somebody would tell it who knows everything.
var story = []string{
	"alice.1 bob.1", "alice.1 bob.2", "bob.1 alice.1", "bob.1 alice.2",
	"alice.1 bob.1", "alice.1 bob.2", "alice.1 carol.1", "alice.1 carol.2", // the sender key
	"alice.1 bob.1", "alice.1 bob.2", "alice.1 carol.1", "alice.1 carol.2", // the group's message
	"carol.1 alice.1", "carol.1 alice.2",
}

// Without sealed sender the log names every sender, with it none. Destinations, sizes and times are
// in both, and everybody reads the same.
func TestMeaning(t *testing.T) {
	plain, hidden := conversed(t, false), conversed(t, true)

	var told, destinations, times [2][]string
	for i, w := range []*world{plain, hidden} {
		for _, s := range w.relay.log {
			require.NotEmpty(t, s.to)
			require.NotEmpty(t, s.body)
			require.Equal(t, w.sealed, s.from == signet.Address{}, "from %v", s.from)
			require.Equal(t, w.sealed, s.kind == 0, "type %v", s.kind)
			for _, to := range s.to {
				told[i] = append(told[i], who(s.from)+" "+who(to))
				destinations[i] = append(destinations[i], who(to))
				times[i] = append(times[i], s.at.Format("15:04:05"))
			}
		}
	}
	require.Equal(t, story, told[0])
	require.Equal(t, destinations[0], destinations[1])
	require.Equal(t, times[0], times[1])
	require.Len(t, plain.relay.log, len(story))
	require.Len(t, hidden.relay.log, len(story)-3, "the group's message is one upload for four devices")

	for i, d := range hidden.devices {
		require.Equal(t, plain.devices[i].inbox, d.inbox)
	}
	require.Equal(t, []string{"bob: Yes. Where?", "carol: I will bring the potatoes."}, hidden.person(aliceID)[1].inbox)
	require.Equal(t, []string{"alice: Are you free tonight?", "alice: At mine, at eight."}, hidden.person(bobID)[1].inbox)
	require.Equal(t, []string{"alice: At mine, at eight."}, hidden.person(carolID)[1].inbox)
}

// traces returns whose names and identity keys stand in bytes.
func (w *world) traces(t *testing.T, b []byte) (found []string) {
	for _, account := range accounts {
		uuid, err := hex.DecodeString(strings.ReplaceAll(account, "-", ""))
		require.NoError(t, err)
		key := w.person(account)[0].Identity().Raw()
		if bytes.Contains(b, uuid) || bytes.Contains(b, []byte(account)) || bytes.Contains(b, key[:]) {
			found = append(found, names[account])
		}
	}
	return found
}

// What the relay keeps out of its log it could not find in the bytes, either. Without sealed sender
// a first message carries the sender's identity key and both names in the clear; with it, nothing
// names anybody but the readers of an upload.
func TestBytes(t *testing.T) {
	plain, hidden := conversed(t, false), conversed(t, true)
	first := 0
	for _, s := range plain.relay.log {
		if s.kind == session.TypePreKey {
			first++
			require.ElementsMatch(t, []string{names[s.from.Name], names[s.to[0].Name]}, plain.traces(t, s.body))
		}
	}
	require.Equal(t, 7, first)
	uploads := 0
	for _, s := range hidden.relay.log {
		if s.once == 0 {
			require.Empty(t, hidden.traces(t, s.body))
			continue
		}
		uploads++
		require.Equal(t, []string{"bob", "carol"}, hidden.traces(t, s.body))
	}
	require.Equal(t, 1, uploads)
	for _, w := range []*world{plain, hidden} {
		for _, s := range w.relay.log {
			for _, d := range w.devices {
				for _, line := range d.inbox {
					_, text, _ := strings.Cut(line, ": ")
					require.NotContains(t, string(s.body), text)
				}
			}
		}
	}
}

// The relay splits an upload into messages that each device opens, and every one of them points to
// the ciphertext in the upload.
func TestSplit(t *testing.T) {
	w, err := newWorld(true)
	require.NoError(t, err)
	alice := w.person(aliceID)[0]
	readers := append(w.person(bobID), w.person(carolID)...)
	require.NoError(t, w.share(ctx, alice, readers))
	require.NoError(t, w.deliver(ctx))
	require.NoError(t, w.writeGroup(ctx, alice, readers, strings.Repeat("potato ", 1000)))

	upload := w.relay.log[len(w.relay.log)-1].body
	u, err := sealed.ParseUpload(upload)
	require.NoError(t, err)
	keys := make(map[string]*byte)
	for _, d := range readers {
		box := w.relay.boxes[d.Address()]
		require.Len(t, box, 1)
		require.Equal(t, signet.Address{}, box[0].from)
		parts := box[0].body
		require.Len(t, parts, 3)
		require.Same(t, &upload[u.SharedAt()], &parts[2][0], "the ciphertext of %s is a copy", d)
		require.Len(t, parts[2], len(upload)-u.SharedAt())
		require.Len(t, parts[1], sealed.KeysSize)
		name := d.Address().Name
		if keys[name] == nil {
			keys[name] = &parts[1][0]
		}
		require.Same(t, keys[name], &parts[1][0], "both devices of an account get the same")
	}
	require.NotSame(t, keys[bobID], keys[carolID])
	require.NoError(t, w.deliver(ctx))
	for _, d := range readers {
		require.Equal(t, []string{"alice: " + strings.Repeat("potato ", 1000)}, d.inbox)
		require.Empty(t, w.relay.fetch(d.Address()))
	}
	require.Error(t, w.relay.upload(upload[:40]), "no upload")
}

// A message that arrives at the wrong device, or twice, is refused.
func TestMisdelivered(t *testing.T) {
	for _, useSealed := range []bool{false, true} {
		w, err := newWorld(useSealed)
		require.NoError(t, err)
		alice, bob := w.person(aliceID)[0], w.person(bobID)
		require.NoError(t, w.write(ctx, alice, bob[:1], "one potato"))
		e := w.relay.fetch(bob[0].Address())[0]
		require.Error(t, w.receive(ctx, w.person(carolID)[0], e))
		require.NoError(t, w.receive(ctx, bob[0], e))
		require.Error(t, w.receive(ctx, bob[0], e))
		require.Equal(t, []string{"alice: one potato"}, bob[0].inbox)
	}
}

func TestOutput(t *testing.T) {
	var en, fr bytes.Buffer
	require.NoError(t, run(ctx, &en, "en"))
	require.NoError(t, run(ctx, &fr, "fr"))
	for _, want := range []string{"WITHOUT SEALED SENDER", "09:00:04  bob.1     alice.1  ordinary", "09:00:04  ?         alice.1  ?", "alice -> bob    6 messages", "? -> alice  4 messages"} {
		require.Contains(t, en.String(), want)
	}
	require.Contains(t, fr.String(), "AVEC EXPÉDITEUR SCELLÉ")
	for _, word := range []string{" the ", "type         bytes", "ordinary", "first ", "nobody"} {
		require.Contains(t, en.String(), word)
		require.NotContains(t, fr.String(), word)
	}
	for _, b := range []string{en.String(), fr.String()} {
		for _, line := range strings.Split(b, "\n") {
			require.LessOrEqual(t, len([]rune(line)), 120, line)
		}
	}
	for _, t2 := range append([]text{title, without, with, columns, oneUpload, facts, toPerson, remains}, visible...) {
		require.Equal(t, strings.Count(t2.en, "%"), strings.Count(t2.fr, "%"))
		require.NotEqual(t, t2.en, t2.fr)
	}
	require.ErrorContains(t, run(ctx, &en, "xx"), fmt.Sprintf("no language %q", "xx"))
}
