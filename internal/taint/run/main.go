// Run holds what memcheck reports of the program in watched against docs/taint.txt. It fails if a
// planted leak is not found, if a branch or an address depends on a secret that is not allowed to,
// or if what is allowed does not occur.
//
// Everything is done twice: with the code of the processor and with portable code (build tag
// purego). Memcheck does not know AVX-512, so the code of package lanes is never seen by it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	top := flag.String("top", ".", "top of the tree")
	flag.Parse()
	if err := run(*top); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(top string) error {
	list, err := allowances(filepath.Join(top, "docs", "taint.txt"))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "taint")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var bad []error
	for name, tags := range map[string]string{"processor": "valgrind", "portable": "valgrind,purego"} {
		program := filepath.Join(dir, name)
		build := exec.Command("go", "build", "-tags", tags, "-o", program, "./internal/taint/watched")
		build.Dir = top
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("taint: %w\n%s", err, out)
		}
		cases, err := exec.Command(program, "list").Output()
		if err != nil {
			return err
		}
		plain, marked := make(map[string]site), make(map[string]site)
		for _, c := range strings.Split(strings.TrimSpace(string(cases)), "\n") {
			if err := errors.Join(watch(plain, program, "plain", c), watch(marked, program, "marked", c)); err != nil {
				return err
			}
		}
		bad = append(bad, judge(name, plain, marked, list))
	}
	return errors.Join(bad...)
}

// A site is a place where a secret decided something.
type site struct {
	name  string   // of the case
	stack []string // functions, the innermost first
	line  string   // of the innermost
}

// An allowance is a place where that is right, and why.
type allowance struct {
	build, name, at, under, why string
	used                        bool
}

// allowances reads five columns: the build, the case, the function, one that called it, and the
// reason.
func allowances(path string) ([]*allowance, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []*allowance
	for n, line := range strings.Split(string(b), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		w := strings.SplitN(line, " | ", 5)
		if len(w) != 5 || len(w[4]) < 10 {
			return nil, fmt.Errorf("taint: line %d of %s has no five columns", n+1, path)
		}
		list = append(list, &allowance{build: w[0], name: w[1], at: w[2], under: w[3], why: w[4]})
	}
	return list, nil
}

// watch runs one case under memcheck and adds what depended on undefined values, once for each
// place.
func watch(sites map[string]site, program, how, name string) error {
	cmd := exec.Command("valgrind", "--tool=memcheck", "--leak-check=no", "--error-limit=no", "--num-callers=40", program, how, name)
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1,cpu.avx512ifma=off", "GOMAXPROCS=1", "GOGC=off")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "** end") {
		return fmt.Errorf("taint: %s, %s, did not come to its end: %w\n%s", name, how, err, out[max(0, len(out)-2000):])
	}
	parse(sites, name, string(out))
	return nil
}

var frame = regexp.MustCompile(`^==\d+==\s+(?:at|by) 0x[0-9A-F]+: (.*?)(?: \(([^()]*)\))?$`)

func parse(sites map[string]site, name, out string) {
	var s *site
	for line := range strings.Lines(out + "\n") {
		line = strings.TrimSuffix(line, "\n")
		if m := frame.FindStringSubmatch(line); m != nil && s != nil {
			if len(s.stack) == 0 {
				s.line = m[2]
			}
			s.stack = append(s.stack, m[1])
			continue
		}
		if s != nil && s.ours() {
			sites[fmt.Sprint(s.name, s.line, s.stack)] = *s
		}
		s = nil
		if strings.Contains(line, "depends on uninitialised value") || strings.Contains(line, "Use of uninitialised value") {
			s = &site{name: name}
		}
	}
}

// ours reports whether a case was running: the runtime does things of its own in between.
func (s *site) ours() bool {
	for _, f := range s.stack {
		if strings.HasPrefix(f, "main.") && f != "main.main" && f != "main.watch" {
			return true
		}
	}
	return false
}

func (s *site) under(f string) bool {
	for _, g := range s.stack {
		if g == f {
			return true
		}
	}
	return false
}

func (s *site) allowed(build string, list []*allowance) (ok bool) {
	for _, a := range list {
		if a.build == build && a.name == s.name && a.at == s.stack[0] && s.under(a.under) {
			a.used, ok = true, true
		}
	}
	return ok
}

// judge compares what was seen with marks, and not without, with what is allowed.
func judge(build string, plain, marked map[string]site, list []*allowance) error {
	var bad []error
	found := map[string]bool{"leak: branch": false, "leak: index": false, "leak: early end of a comparison": false}
	seen := 0
	for key, s := range marked {
		if _, ok := plain[key]; ok {
			continue // it does not come from the marks
		}
		if _, ok := found[s.name]; ok {
			found[s.name] = true
			continue
		}
		seen++
		if !s.allowed(build, list) {
			bad = append(bad, fmt.Errorf("%s, %s: %s (%s) depends on a secret\n\t%s", build, s.name, s.stack[0], s.line, strings.Join(s.stack, "\n\t")))
		}
	}
	for name, ok := range found {
		if !ok {
			bad = append(bad, fmt.Errorf("%s: the planted %s was not found", build, name))
		}
	}
	used := 0
	for _, a := range list {
		switch {
		case a.build != build:
		case a.used:
			used++
		default:
			bad = append(bad, fmt.Errorf("%s, %s: %s is allowed and does not occur", build, a.name, a.at))
		}
	}
	fmt.Printf("%s code: %d planted leaks found, %d places depend on secrets, for %d reasons\n", build, len(found), seen, used)
	return errors.Join(bad...)
}
