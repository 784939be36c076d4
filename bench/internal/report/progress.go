package report

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A Progress is a bar on a terminal, and nothing elsewhere.
type Progress struct {
	w           io.Writer // nil: not a terminal
	total, done int
	what        string
	drawn       time.Time
}

// NewProgress returns a bar of so many ticks on w.
func NewProgress(w io.Writer, total int) *Progress {
	p := &Progress{total: max(1, total)}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.w = w
		}
	}
	return p
}

// Begin says what is going on.
func (p *Progress) Begin(what string) {
	p.what = what
	p.draw()
}

// Tick is one step.
func (p *Progress) Tick() {
	p.done++
	if time.Since(p.drawn) > 100*time.Millisecond {
		p.draw()
	}
}

// Done removes the bar.
func (p *Progress) Done() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func (p *Progress) draw() {
	if p.w == nil {
		return
	}
	p.drawn = time.Now()
	fmt.Fprint(p.w, "\r\x1b[K", p.line())
}

func (p *Progress) line() string {
	const width = 30
	full := min(width, p.done*width/p.total)
	return fmt.Sprintf("[%s%s] %3d %% %s",
		strings.Repeat("=", full), strings.Repeat(" ", width-full), min(100, p.done*100/p.total), p.what)
}
