// Package mutants reads docs/mutants.txt: for each row of docs/validation.md a change of the code
// that makes the row untrue, and that the row's test has to notice. The program in run makes the
// changes, one at a time.
package mutants

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A Mutant is one change of one file.
type Mutant struct {
	Row  string   // of docs/validation.md
	File string   // from the top of the tree, with slashes
	Args []string // for go test, beside the name of the test
	Old  string   // whole lines or a part of one; found once in the file
	New  string
}

// A Table is what docs/mutants.txt says.
type Table struct {
	Mutants []Mutant
	None    map[string]string // the rows that have no mutant, and why
}

// A Row is a row of docs/validation.md as far as it is needed here.
type Row struct{ ID, Dir, Test string }

// Parse reads a table. Lines that begin with # are comments. An entry is a line with the row, the
// file and arguments of go test, if any; then the old lines, each after a minus; then the new
// lines, each after a plus. An entry of one line that has the row, the word none and a reason is a
// row without a mutant.
func Parse(r io.Reader) (*Table, error) {
	t := &Table{None: map[string]string{}}
	scan := bufio.NewScanner(r)
	var old, fresh []string
	var current *Mutant
	end := func() error {
		if current == nil {
			return nil
		}
		current.Old, current.New = strings.Join(old, "\n"), strings.Join(fresh, "\n")
		if current.Old == "" || current.Old == current.New {
			return fmt.Errorf("mutants: row %s changes nothing", current.Row)
		}
		t.Mutants = append(t.Mutants, *current)
		current, old, fresh = nil, nil, nil
		return nil
	}
	for n := 1; scan.Scan(); n++ {
		line := scan.Text()
		switch {
		case strings.HasPrefix(line, "#") || line == "":
		case line[0] == '-' && current != nil && fresh == nil:
			old = append(old, line[1:])
		case line[0] == '+' && current != nil && old != nil:
			fresh = append(fresh, line[1:])
		default:
			if err := end(); err != nil {
				return nil, err
			}
			words := strings.Fields(line)
			switch {
			case len(words) > 2 && words[1] == "none":
				t.None[words[0]] = strings.Join(words[2:], " ")
			case len(words) > 1 && strings.HasSuffix(words[1], ".go"):
				current = &Mutant{Row: words[0], File: words[1], Args: words[2:]}
			default:
				return nil, fmt.Errorf("mutants: line %d is neither an entry nor a part of one", n)
			}
		}
	}
	if err := scan.Err(); err != nil {
		return nil, err
	}
	return t, end()
}

// Load reads the table of the tree at top.
func Load(top string) (*Table, error) {
	f, err := os.Open(filepath.Join(top, "docs", "mutants.txt"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Parse(f)
}

var row = regexp.MustCompile("(?m)^\\| ([A-Z]+[0-9]+) \\| .* \\| `[^`]*` \\| `([^`]*):([^`]*)` \\|$")

// Rows returns the rows of docs/validation.md in their order.
func Rows(top string) ([]Row, error) {
	b, err := os.ReadFile(filepath.Join(top, "docs", "validation.md"))
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, m := range row.FindAllStringSubmatch(string(b), -1) {
		rows = append(rows, Row{m[1], m[2], m[3]})
	}
	return rows, nil
}

// Apply returns the text of the changed file. It is an error if what is to be changed is not found exactly once.
func (m *Mutant) Apply(top string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(m.File)))
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(b), m.Old); n != 1 {
		return nil, fmt.Errorf("mutants: row %s: what docs/mutants.txt changes is found %d times in %s, not once", m.Row, n, m.File)
	}
	return []byte(strings.Replace(string(b), m.Old, m.New, 1)), nil
}
