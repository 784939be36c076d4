package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every op, with nothing in the request but its name and a handle: a refusal, and the peer goes on.
func TestEveryOp(t *testing.T) {
	var in strings.Builder
	for name := range ops {
		in.WriteString(`{"op":"` + name + `"}` + "\n")
		in.WriteString(`{"op":"` + name + `","h":"nobody","distribution":"x","root":"BQ=="}` + "\n")
	}
	in.WriteString(`{"op":"version","id":"the end"}`) // a last line without an end
	var out bytes.Buffer
	require.NoError(t, serve(strings.NewReader(in.String()), &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2*len(ops)+1)
	refused := 0
	for _, line := range lines {
		var a struct {
			OK    bool
			Error string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &a))
		if !a.OK {
			require.Contains(t, []string{badArgument, "invalid-key"}, a.Error, line)
			refused++
		}
	}
	require.Equal(t, 2*len(ops)-3, refused, "all but version, and a trust root with a name")
	require.Contains(t, lines[len(lines)-1], `"id":"the end"`)
}

// FuzzAnswer: whatever the line, there is an answer, and no word that says that something was not
// foreseen.
func FuzzAnswer(f *testing.F) {
	const zeros = `"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="`
	for _, line := range []string{
		`{"op":"device","h":"b","uuid":"u","deviceId":1,"identity":` + zeros + `,"protocol":3}`,
		`{"op":"bundle","h":"a","oneTime":false,"id":[1]}`,
		`{"op":"process","h":"a","to":{"uuid":"u","deviceId":1},"bundle":{"registrationId":1,"deviceId":1,"identity":"BQ=="}}`,
		`{"op":"encrypt","h":"a","to":{"uuid":"u","deviceId":1},"plaintext":""}`,
		`{"op":"decrypt","h":"a","from":{"uuid":"u","deviceId":1},"type":2,"message":"RAoBBQ=="}`,
		`{"op":"setSession","h":"a","to":{"uuid":"u","deviceId":1},"record":"CgIIBA=="}`,
		`{"op":"archive","h":"a","to":{"uuid":"u","deviceId":1}}`,
		`{"op":"groupDecrypt","h":"a","from":{"uuid":"u","deviceId":1},"message":"Mw=="}`,
		`{"op":"groupCreate","h":"a","distribution":"9d0652a3-dcc3-4d11-975f-74d61598733f"}`,
		`{"op":"senderCert","root":"r","uuid":"u","e164":"1","deviceId":1,"identity":"BQ==","expiration":1}`,
		`{"op":"checkCert","root":"r","cert":"CgA=","now":1}`,
		`{"op":"unsealUsmc","h":"a","message":"ESIA"}`,
		`{"op":"sealMulti","h":"a","to":[{"uuid":"u","deviceId":1},7],"excluded":["x"],"cert":"","plaintext":"","distribution":""}`,
		`{"op":"splitMulti","message":"IwA="}`,
		`{"op":"sign","key":` + zeros + `,"message":""}`,
		`null`, `[]`, `{"op":null}`, `{"op":"session","h":"a","to":null}`,
	} {
		f.Add([]byte(line))
	}
	p := newPeer()
	for _, line := range []string{`{"op":"device","h":"a","uuid":"a","deviceId":1}`, `{"op":"trustRoot","root":"r"}`} {
		require.Equal(f, true, p.answer([]byte(line))["ok"])
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		a := p.answer(line)
		_, err := json.Marshal(a)
		require.NoError(t, err)
		require.NotEqual(t, "internal", a["error"], "%s", a["message"])
	})
}
