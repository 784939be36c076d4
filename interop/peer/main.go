// Command peer is Signet behind the peer protocol: it reads one JSON object a line on standard
// input and answers one a line on standard output, in order (interop/README.md). It uses the public
// API alone, as an application would.
//
// A peer holds many devices, each under a handle and with a store of its own in memory. A request
// that cannot be served is answered with an error word and changes nothing. Everything it is given
// and everything it makes, private keys included, can be asked for: it is a tool for tests.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// serve answers the requests of r on w until r ends.
func serve(r io.Reader, w io.Writer) error {
	p := newPeer()
	in, out := bufio.NewReader(r), bufio.NewWriter(w)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := respond(out, p.answer(line)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func respond(w *bufio.Writer, a answer) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return err
	}
	return w.Flush()
}

// An answer is one JSON object; its byte slices become base64.
type answer map[string]any

// An op serves the requests of one name. What it returns besides an error is ignored if there is
// one.
type op func(p *peer, ctx context.Context, a *args) (answer, error)

// A peer is what one process holds.
type peer struct {
	devices     map[string]*device    // by handle
	authorities map[string]*authority // by the name of the trust root
}

func newPeer() *peer {
	return &peer{devices: make(map[string]*device), authorities: make(map[string]*authority)}
}

// answer serves one line.
func (p *peer) answer(line []byte) answer {
	a, err := parseArgs(line)
	var out answer
	if err == nil {
		out, err = p.run(a)
	}
	if err != nil {
		out = answer{"ok": false, "error": word(err), "message": err.Error()}
	} else {
		if out == nil {
			out = answer{}
		}
		out["ok"] = true
	}
	if id, ok := a.fields["id"]; ok {
		out["id"] = id
	}
	return out
}

func (p *peer) run(a *args) (answer, error) {
	name := a.text("op")
	if a.err != nil {
		return nil, a.err
	}
	f, ok := ops[name]
	if !ok {
		return nil, &failure{"unknown-op", fmt.Sprintf("op: %q", name)}
	}
	return f(p, context.Background(), a)
}

var ops = map[string]op{
	"version":      version,
	"device":       makeDevice,
	"bundle":       makeBundle,
	"process":      process,
	"encrypt":      encrypt,
	"decrypt":      decrypt,
	"archive":      archive,
	"session":      record,
	"setSession":   setRecord,
	"groupCreate":  groupCreate,
	"groupProcess": groupProcess,
	"groupEncrypt": groupEncrypt,
	"groupDecrypt": groupDecrypt,
	"trustRoot":    trustRoot,
	"senderCert":   senderCert,
	"checkCert":    checkCert,
	"seal":         seal,
	"unseal":       unseal,
	"unsealUsmc":   unsealUsmc,
	"sealMulti":    sealMulti,
	"splitMulti":   splitMulti,
	"fingerprint":  safetyNumber,
	"sign":         sign,
	"verify":       verify,
	"agree":        agree,
}

func version(*peer, context.Context, *args) (answer, error) {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return answer{"version": "signet " + v}, nil
}
