package interop

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// each runs f for both implementations.
func each(t *testing.T, f func(t *testing.T, fleet *fleet, p *Peer)) {
	fleet := newFleet(t)
	for _, name := range []string{ours, official} {
		t.Run(name, func(t *testing.T) {
			fleet.need(t, name)
			f(t, fleet, fleet.peer(name))
		})
	}
}

// Requests that cannot be served are refused with a word, and the peer goes on.
func TestBadRequests(t *testing.T) {
	const (
		device = `"op":"device","h":"x","uuid":"u","deviceId":1`
		to     = `"h":"known","to":{"uuid":"u","deviceId":1}`
		from   = `"h":"known","from":{"uuid":"u","deviceId":1}`
		key    = `"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="`
	)
	refused := []struct{ line, word string }{
		{`nonsense`, "invalid-argument"},
		{`null`, "invalid-argument"},
		{`[]`, "invalid-argument"},
		{`{`, "invalid-argument"},
		{`{}`, "invalid-argument"},
		{`{"op":"frobnicate"}`, "unknown-op"},
		{`{"op":"toString"}`, "unknown-op"},
		{`{"op":"bundle"}`, "invalid-argument"},
		{`{"op":"bundle","h":"nobody"}`, "invalid-argument"},
		{`{"op":"bundle","h":7}`, "invalid-argument"},
		{`{"op":"bundle","h":"known","oneTime":"yes"}`, "invalid-argument"},
		{`{"op":"device","h":"x","uuid":"u"}`, "invalid-argument"},
		{`{"op":"device","h":"x","uuid":"u","deviceId":0}`, "invalid-argument"},
		{`{"op":"device","h":"x","uuid":"u","deviceId":128}`, "invalid-argument"},
		{`{"op":"device","h":"x","uuid":"u","deviceId":-1}`, "invalid-argument"},
		{`{"op":"device","h":"x","uuid":"u","deviceId":1.5}`, "invalid-argument"},
		{`{` + device + `,"protocol":5}`, "invalid-argument"},
		{`{` + device + `,"identity":"AAAA"}`, "invalid-key"},
		{`{` + device + `,"identity":"AAA"}`, "invalid-argument"},
		{`{` + device + `,"registrationId":4294967296}`, "invalid-argument"},
		{`{"op":"process",` + to + `}`, "invalid-argument"},
		{`{"op":"process",` + to + `,"bundle":7}`, "invalid-argument"},
		{`{"op":"process",` + to + `,"bundle":{}}`, "invalid-argument"},
		{`{"op":"encrypt",` + to + `,"plaintext":"aGk="}`, "no-session"},
		{`{"op":"encrypt",` + to + `}`, "invalid-argument"},
		{`{"op":"encrypt",` + to + `,"plaintext":null}`, "invalid-argument"},
		{`{"op":"encrypt",` + to + `,"plaintext":"aGk"}`, "invalid-argument"},
		{`{"op":"encrypt",` + to + `,"plaintext":"aGl="}`, "invalid-argument"},
		{`{"op":"encrypt",` + to + `,"plaintext":"a-_="}`, "invalid-argument"},
		{`{"op":"encrypt",` + to + `,"plaintext":"aG\nk="}`, "invalid-argument"},
		{`{"op":"encrypt","h":"known","to":"u.1","plaintext":"aGk="}`, "invalid-argument"},
		{`{"op":"encrypt","h":"known","to":{"uuid":"u"},"plaintext":"aGk="}`, "invalid-argument"},
		{`{"op":"encrypt","h":"known","to":{"uuid":"u","deviceId":0},"plaintext":"aGk="}`, "invalid-argument"},
		{`{"op":"decrypt",` + from + `,"type":2,"message":""}`, "invalid-message"},
		{`{"op":"decrypt",` + from + `,"type":3,"message":""}`, "invalid-message"},
		{`{"op":"decrypt",` + from + `,"type":2,"message":"JCQkJCQkJCQkJCQk"}`, "unsupported-version"},
		{`{"op":"decrypt",` + from + `,"type":7,"message":"aGk="}`, "invalid-argument"},
		{`{"op":"decrypt",` + from + `,"message":"aGk="}`, "invalid-argument"},
		{`{"op":"setSession",` + to + `}`, "invalid-argument"},
		{`{"op":"setSession",` + to + `,"record":"/w=="}`, "invalid-argument"},
		{`{"op":"agree","key":` + key + `,"public":"BQ=="}`, "invalid-key"},
		{`{"op":"agree","key":` + key + `,"public":""}`, "invalid-key"},
		{`{"op":"agree","key":"AAAA","public":"BQ=="}`, "invalid-key"},
		{`{"op":"sign","key":` + key + `}`, "invalid-argument"},
		{`{"op":"trustRoot"}`, "invalid-argument"},
		{`{"op":"senderCert","root":"nobody","uuid":"u","deviceId":1,"identity":"BQ==","expiration":1}`, "invalid-argument"},
		{`{"op":"checkCert","cert":"","root":` + key + `,"now":1}`, "invalid-message"},
		{`{"op":"seal",` + to + `,"plaintext":"aGk=","cert":"CgA="}`, "invalid-message"},
		{`{"op":"unsealUsmc","h":"known","message":""}`, "invalid-message"},
		{`{"op":"unsealUsmc","h":"known","message":"Mw=="}`, "unsupported-version"},
		{`{"op":"splitMulti","message":""}`, "invalid-message"},
		{`{"op":"splitMulti","message":"IQ=="}`, "unsupported-version"},
		{`{"op":"groupCreate","h":"known","distribution":"x"}`, "invalid-argument"},
		{`{"op":"groupCreate","h":"known"}`, "invalid-argument"},
		{`{"op":"groupEncrypt","h":"known","distribution":"` + distribution + `","plaintext":""}`, "no-sender-key"},
		{`{"op":"groupDecrypt",` + from + `,"message":""}`, "invalid-message"},
		{`{"op":"groupProcess",` + from + `,"message":"M3=="}`, "invalid-argument"},
		{`{"op":"groupProcess",` + from + `,"message":"Mw=="}`, "invalid-message"},
	}
	each(t, func(t *testing.T, f *fleet, p *Peer) {
		var known struct{ RegistrationID uint32 }
		require.NoError(t, p.Call("device", Fields{"h": "known", "uuid": "me", "deviceId": 127, "registrationId": 77}, &known))
		require.EqualValues(t, 77, known.RegistrationID)
		for _, c := range refused {
			line, err := p.Line([]byte(c.line))
			require.NoError(t, err, c.line)
			var request struct{ Op string }
			json.Unmarshal([]byte(c.line), &request)
			var a struct {
				OK             bool
				Error, Message string
				Code           *int
			}
			require.NoError(t, json.Unmarshal(line, &a), "%s: %s", c.line, line)
			require.False(t, a.OK, c.line)
			require.Equal(t, c.word, translate(request.Op, a.Error, a.Code, a.Message), "%s: %s", c.line, line)
			require.NotEmpty(t, a.Message, c.line)
		}
		require.NoError(t, p.Call("archive", Fields{"h": "known", "to": Address{"stranger", 1}}, nil), "nothing to archive")
		var s struct{ Record json.RawMessage }
		require.NoError(t, p.Call("session", Fields{"h": "known", "to": Address{"stranger", 1}}, &s))
		require.Equal(t, "null", string(s.Record))
		require.NoError(t, p.Call("setSession", Fields{"h": "known", "to": Address{"stranger", 1}, "record": nil}, nil))
	})
}

// Answers carry the id of the request, whatever it is, also those that refuse.
func TestIDs(t *testing.T) {
	each(t, func(t *testing.T, f *fleet, p *Peer) {
		for _, id := range []string{`1`, `"a"`, `null`, `[1,"x"]`, `{"a":1.5}`, `""`} {
			for _, op := range []string{"version", "nonsense"} {
				line, err := p.Line([]byte(`{"op":"` + op + `","id":` + id + `}`))
				require.NoError(t, err)
				var a map[string]json.RawMessage
				require.NoError(t, json.Unmarshal(line, &a))
				require.JSONEq(t, id, string(a["id"]))
			}
		}
		line, err := p.Line([]byte(`{"op":"version"}`))
		require.NoError(t, err)
		require.NotContains(t, string(line), `"id"`)
	})
}

func TestVersions(t *testing.T) {
	each(t, func(t *testing.T, f *fleet, p *Peer) {
		var a struct{ Version string }
		require.NoError(t, p.Call("version", nil, &a))
		want := map[string]string{ours: "signet ", official: "libsignal-client " + OfficialVersion}[p.Name()]
		require.True(t, strings.HasPrefix(a.Version, want), a.Version)
	})
}

// A device of a handle that exists takes its place; other devices of the peer are untouched.
func TestHandles(t *testing.T) {
	each(t, func(t *testing.T, f *fleet, p *Peer) {
		bob, err := p.Device("bob", Params{Address: Address{"bob", 1}})
		require.NoError(t, err)
		carol, err := p.Device("carol", Params{Address: Address{"carol", 1}})
		require.NoError(t, err)
		b, err := carol.Bundle(true)
		require.NoError(t, err)
		require.NoError(t, bob.Process(Address{"carol", 1}, b))
		again, err := p.Device("bob", Params{Address: Address{"bob", 1}})
		require.NoError(t, err)
		require.NotEqual(t, bob.Identity(), again.Identity())
		_, err = again.Encrypt(Address{"carol", 1}, nil)
		require.Equal(t, "no-session", Word(err))
		require.NoError(t, again.Process(Address{"carol", 1}, b))
		m, err := again.Encrypt(Address{"carol", 1}, nil)
		require.NoError(t, err)
		plaintext, err := carol.Decrypt(Address{"bob", 1}, m)
		require.NoError(t, err)
		require.Equal(t, []byte{}, plaintext)
	})
}

// A peer that was started with nonsense, or that dies, is an error and not a hang.
func TestBrokenPeer(t *testing.T) {
	f := newFleet(t)
	p := f.fresh(ours)
	require.NoError(t, p.cmd.Process.Kill())
	require.Equal(t, "broken", Word(p.Call("version", nil, nil)))
	require.Equal(t, "broken", Word(p.Call("version", nil, nil)))
}
