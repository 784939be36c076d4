// Package node measures the official client, @signalapp/libsignal-client, through Node. It starts
// bench.mjs, which is told what to do in lines of JSON and reads the clock around the work itself:
// what passes between the two processes is in no figure, and the crossing from JavaScript into
// native code is in all of them.
package node

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"signet.example/signet/bench/internal/measure"
)

// A Client is a running bench.mjs. It has one user at a time.
type Client struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// Start starts Node in the source tree around the working directory. The error says what is
// missing: the tree, the packages (npm ci in interop/official), or Node.
func Start() (*Client, error) {
	script, err := find()
	if err != nil {
		return nil, err
	}
	c := &Client{cmd: exec.Command("node", "--expose-gc", script)}
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	return c, nil
}

// find looks for bench/official/bench.mjs with the packages it needs, from the working directory
// upwards.
func find() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		script := filepath.Join(dir, "bench", "official", "bench.mjs")
		if _, err := os.Stat(script); err == nil {
			packages := filepath.Join(dir, "interop", "official", "node_modules", "@signalapp")
			if _, err := os.Stat(packages); err != nil {
				return "", errors.New("node: no packages: run npm ci in interop/official")
			}
			return script, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("node: bench/official/bench.mjs is not in the directories above")
		}
		dir = up
	}
}

type request struct {
	Op    string `json:"op"`
	N     int    `json:"n,omitempty"` // iterations; none: end the operation
	OnCPU bool   `json:"cpu,omitempty"`
}

type answer struct {
	Nanos int64  `json:"ns"`
	Error string `json:"error"`
}

// Open makes an operation ready. Its Close drops it.
func (c *Client) Open(op string) (*measure.Subject, error) {
	return &measure.Subject{
		Run: func(w *measure.Watch, n int) error {
			ns, err := c.ask(request{Op: op, N: n, OnCPU: w.OnCPU()})
			w.Add(time.Duration(ns))
			return err
		},
		Close: func() error { _, err := c.ask(request{Op: op}); return err },
	}, nil
}

func (c *Client) ask(r request) (int64, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	if _, err := c.in.Write(append(b, '\n')); err != nil {
		return 0, fmt.Errorf("node: %w", err)
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return 0, fmt.Errorf("node: %w", err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return 0, fmt.Errorf("node: %w", err)
	}
	if a.Error != "" {
		return 0, errors.New("node: " + a.Error)
	}
	return a.Nanos, nil
}

// Close ends Node.
func (c *Client) Close() error {
	if err := c.in.Close(); err != nil {
		return err
	}
	return c.cmd.Wait()
}
