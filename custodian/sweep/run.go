package sweep

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// Options adjusts a run. The zero value works.
type Options struct {
	Workers int // how many repetitions are played at once; 0: as many as there are processors

	// Progress is called now and then with how much of the work is done, never twice at once.
	Progress func(done, total int64)
}

// Run plays a plan. Nil opts means the defaults. The result is a function of the plan alone. The
// error is a *PlanError for a plan that is wrong, the context's, or what Evaluate returned.
func Run(ctx context.Context, p *Plan, opts *Options) (*Result, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if opts == nil {
		opts = &Options{}
	}
	digest, err := p.digest()
	if err != nil {
		return nil, err
	}
	w := &work{workers: opts.Workers, progress: opts.Progress}
	if w.workers <= 0 {
		w.workers = runtime.GOMAXPROCS(0)
	}
	res := &Result{Format: resultFormat, Plan: digest, Rows: []Row{}}
	list := p.cells()
	var folds []*fold
	for i := range list {
		f := &fold{cell: &list[i]}
		folds = append(folds, f)
		w.cell(f)
	}
	windows := w.windows(p)
	population := w.population(p)
	if err := w.run(ctx); err != nil {
		return nil, err
	}
	for _, f := range folds {
		res.Rows = append(res.Rows, f.row())
	}
	for _, x := range windows {
		res.Windows = append(res.Windows, x.result())
	}
	if population != nil {
		res.Population = population.result()
	}
	return res, nil
}

// A task is a part of the work that one worker does alone. What it finds is added under a lock, and
// sums of integers do not depend on the order.
type task struct {
	size int64 // in messages, more or less, for the progress
	play func(ctx context.Context) (add func(), err error)
}

// work is what there is to do.
type work struct {
	workers  int
	progress func(done, total int64)
	tasks    []task
}

const (
	block     = 512    // how many repetitions by counters are one task
	evaluated = 40_000 // how many times more a message costs that is evaluated
)

// cell cuts a cell into tasks.
func (w *work) cell(f *fold) {
	c := f.cell
	size := int64(c.instants[1] + c.grid.After)
	for n := 0; n < c.grid.Repetitions; n += block {
		to := min(n+block, c.grid.Repetitions)
		if c.grid.Engine == "counters" {
			w.tasks = append(w.tasks, task{size * int64(to-n), func(context.Context) (func(), error) {
				part, t := &fold{cell: c}, new(trace)
				for i := n; i < to; i++ {
					s := c.count(i, t)
					part.add(&s)
				}
				return func() { f.merge(part) }, nil
			}})
			continue
		}
		for i := n; i < to; i++ {
			w.tasks = append(w.tasks, task{size * evaluated, func(ctx context.Context) (func(), error) {
				s, err := c.evaluate(ctx, i)
				return func() { f.add(&s) }, err
			}})
		}
	}
}

// run does the tasks with all workers. The error of the first task that failed is returned.
func (w *work) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	total := int64(0)
	for i := range w.tasks {
		total += w.tasks[i].size
	}
	var next atomic.Int64
	var mu sync.Mutex
	var all sync.WaitGroup
	done := int64(0)
	for range min(w.workers, len(w.tasks)) {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(w.tasks) || ctx.Err() != nil {
					return
				}
				add, err := w.tasks[i].play(ctx)
				if err != nil {
					stop(err)
					return
				}
				mu.Lock()
				add()
				if done += w.tasks[i].size; w.progress != nil {
					w.progress(done, total)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
