// Package interop lets implementations of the Signal protocol talk to each other. Each is wrapped
// in a peer, a process that reads one JSON object a line and answers one a line; this package
// starts peers and drives them. The tests of the package compare Signet with the official client,
// live.
//
// A Peer and its devices are used by one goroutine.
package interop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// OfficialVersion is the release of the official client that the tests compare with. The lock file
// in official/ pins the same.
const OfficialVersion = "0.103.0"

// An Error is a request that a peer refused.
type Error struct {
	Peer    string // which implementation
	Op      string
	Word    string // one of the protocol's words, or what the peer said if it is none
	Message string // the implementation's own words
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s: %s (%s)", e.Peer, e.Op, e.Word, e.Message)
}

// Word returns the error word of err, "" for nil, and "broken" for an error that is not a refusal:
// the process died, or did not answer.
func Word(err error) string {
	var refused *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return refused.Word
	}
	return "broken"
}

// A Peer is a running peer process.
type Peer struct {
	name    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	lines   chan []byte
	stderr  strings.Builder
	timeout time.Duration
	last    int   // id of the last request
	dead    error // why no more requests are sent
}

// Start runs a command that speaks the peer protocol. A request that takes longer than timeout ends
// the process.
func Start(name string, cmd *exec.Cmd, timeout time.Duration) (*Peer, error) {
	p := &Peer{name: name, cmd: cmd, lines: make(chan []byte, 1), timeout: timeout}
	cmd.Stderr = &p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("interop: %s: %w", name, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("interop: %s: %w", name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("interop: %s: %w", name, err)
	}
	p.in = in
	go func() {
		defer close(p.lines)
		r := bufio.NewReaderSize(out, 1<<16)
		for {
			line, err := r.ReadBytes('\n')
			if err != nil {
				return
			}
			p.lines <- line
		}
	}()
	return p, nil
}

// Name says which implementation the peer is.
func (p *Peer) Name() string { return p.name }

// Close ends the process and waits for it.
func (p *Peer) Close() error {
	p.dead = errors.New("closed")
	p.in.Close()
	for range p.lines { // the process is never stopped by a full pipe
	}
	return p.cmd.Wait()
}

// Fields are what a request or an answer says besides op, id and ok.
type Fields map[string]any

// Call sends a request and decodes the answer into the value that into points to, if it is not nil.
// A refusal is an *Error; after any other error the peer is unusable.
func (p *Peer) Call(op string, request Fields, into any) error {
	line, err := p.Raw(op, request)
	if err != nil {
		return err
	}
	var status struct {
		ID      int
		OK      bool
		Error   string
		Code    *int
		Message string
	}
	if err := json.Unmarshal(line, &status); err != nil {
		return p.fail("%s: answer: %w", op, err)
	}
	if status.ID != p.last {
		return p.fail("%s: answer %d to request %d", op, status.ID, p.last)
	}
	if !status.OK {
		return &Error{p.name, op, translate(op, status.Error, status.Code, status.Message), status.Message}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(line, into); err != nil {
		return p.fail("%s: answer: %w", op, err)
	}
	return nil
}

// Raw sends a request and returns the line that answers it. A field with the name of op or id in
// request wins.
func (p *Peer) Raw(op string, request Fields) ([]byte, error) {
	p.last++
	all := Fields{"op": op, "id": p.last}
	for k, v := range request {
		all[k] = v
	}
	line, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("interop: %s: %s: %w", p.name, op, err)
	}
	return p.Line(line)
}

// Line sends a line, which need not be a request, and returns the one that answers it.
func (p *Peer) Line(line []byte) ([]byte, error) {
	if p.dead != nil {
		return nil, fmt.Errorf("interop: %s: %w", p.name, p.dead)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return nil, p.fail("%w", err)
	}
	timer := time.NewTimer(p.timeout)
	defer timer.Stop()
	select {
	case answer, ok := <-p.lines:
		if !ok {
			return nil, p.fail("the process ended: %s", p.stderr.String())
		}
		return answer, nil
	case <-timer.C:
		p.cmd.Process.Kill()
		return nil, p.fail("no answer within %v", p.timeout)
	}
}

func (p *Peer) fail(format string, v ...any) error {
	p.dead = fmt.Errorf(format, v...)
	return fmt.Errorf("interop: %s: %w", p.name, p.dead)
}

// BuildSignet builds Signet's peer into dir and returns the program. Its source is the package peer
// in the directory root, that of this package.
func BuildSignet(root, dir string) (string, error) {
	program := filepath.Join(dir, "peer")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", program, "./peer")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("interop: building the peer: %w\n%s", err, out)
	}
	return program, nil
}

// FindOfficial returns the Node program and the script of the official client's peer. Its source is
// the directory official in the directory root, that of this package. The error says what is
// missing and how to install it.
func FindOfficial(root string) (node, script string, err error) {
	const install = "to install the official client: cd interop/official && npm ci"
	if node, err = exec.LookPath("node"); err != nil {
		return "", "", fmt.Errorf("interop: no Node.js: %w (with Node.js 20 or later, %s)", err, install)
	}
	manifest := filepath.Join(root, "official", "node_modules", "@signalapp", "libsignal-client", "package.json")
	b, err := os.ReadFile(manifest)
	if err != nil {
		return "", "", fmt.Errorf("interop: the official client is not installed; %s", install)
	}
	var installed struct{ Version string }
	if err := json.Unmarshal(b, &installed); err != nil || installed.Version != OfficialVersion {
		return "", "", fmt.Errorf("interop: the official client is %q instead of %q; %s", installed.Version, OfficialVersion, install)
	}
	return node, filepath.Join(root, "official", "peer.mjs"), nil
}
