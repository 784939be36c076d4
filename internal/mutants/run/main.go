// Run applies the mutants of docs/mutants.txt, or those of the rows named, one at a time, and runs
// the test that the row names. It fails if a test that should turn red stays green, if it is red
// without the change, if the change does not compile, or if its place is no longer found. The tree
// is not touched: the go command reads the changed file in the place of the other.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"signet.example/signet/internal/mutants"
)

func main() {
	top := flag.String("top", ".", "top of the tree")
	timeout := flag.Duration("timeout", 5*time.Minute, "for one test; a mutant that runs longer is killed")
	flag.Parse()
	if err := run(*top, *timeout, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(top string, timeout time.Duration, only []string) error {
	top, err := filepath.Abs(top)
	if err != nil {
		return err
	}
	table, err := mutants.Load(top)
	if err != nil {
		return err
	}
	rows, err := mutants.Rows(top)
	if err != nil {
		return err
	}
	tests := map[string]mutants.Row{}
	for _, r := range rows {
		tests[r.ID] = r
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := runner{top, dir, timeout, map[string]error{}}
	var bad []error
	n, begin := 0, time.Now()
	for _, m := range table.Mutants {
		if len(only) > 0 && !slices.Contains(only, m.Row) {
			continue
		}
		n++
		test, ok := tests[m.Row]
		if !ok {
			bad = append(bad, fmt.Errorf("%s: docs/validation.md has no such row", m.Row))
			continue
		}
		if err := r.kill(&m, test); err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", m.Row, err))
			fmt.Println(bad[len(bad)-1])
			continue
		}
		fmt.Printf("%s: killed by %s:%s\n", m.Row, test.Dir, test.Test)
	}
	if n == 0 {
		return errors.New("no mutant was run")
	}
	fmt.Printf("%d mutants, %d killed, %d rows without one, %s\n", n, n-len(bad), len(table.None), time.Since(begin).Round(time.Second))
	return errors.Join(bad...)
}

type runner struct {
	top, dir string
	timeout  time.Duration
	sound    map[string]error // what a test says of the code as it is
}

// kill returns nil if the test is green without the mutant and red with it.
func (r *runner) kill(m *mutants.Mutant, t mutants.Row) error {
	text, err := m.Apply(r.top)
	if err != nil {
		return err
	}
	name := fmt.Sprint(t.Dir, " ", t.Test, " ", m.Args)
	sound, ok := r.sound[name]
	if !ok {
		if out, err := r.test("", m, t); err != nil {
			sound = fmt.Errorf("%s:%s is red without the change: %w\n%s", t.Dir, t.Test, err, tail(out))
		} else if strings.Contains(out, "no tests to run") || strings.Contains(out, "--- SKIP: "+t.Test+" ") {
			sound = fmt.Errorf("%s:%s did not run", t.Dir, t.Test)
		}
		r.sound[name] = sound
	}
	if sound != nil {
		return sound
	}
	file, overlay := filepath.Join(r.dir, "changed.go"), filepath.Join(r.dir, "overlay.json")
	spelled, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(r.top, m.File): file}})
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(file, text, 0o600), os.WriteFile(overlay, spelled, 0o600)); err != nil {
		return err
	}
	out, err := r.test(overlay, m, t)
	switch {
	case err == nil:
		return fmt.Errorf("%s:%s is green although %s was changed", t.Dir, t.Test, m.File)
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
		return fmt.Errorf("the change of %s does not compile\n%s", m.File, tail(out))
	case !strings.Contains(out, "--- FAIL") && !strings.Contains(out, "panic: ") && !strings.Contains(out, "fatal error: "):
		return fmt.Errorf("%s:%s did not fail, and did not pass: %w\n%s", t.Dir, t.Test, err, tail(out))
	}
	return nil
}

// test runs a test, with an overlay that programs which the test builds see too.
func (r *runner) test(overlay string, m *mutants.Mutant, t mutants.Row) (string, error) {
	args := append([]string{"test", "-count=1", "-vet=off", "-v", "-run", "^" + t.Test + "$", "-timeout", r.timeout.String(), "."}, m.Args...)
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join(r.top, t.Dir)
	cmd.Env = os.Environ()
	if overlay != "" {
		cmd.Env = append(cmd.Env, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay))
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// tail is the end of what a test printed.
func tail(out string) string { return out[max(0, len(out)-1500):] }
