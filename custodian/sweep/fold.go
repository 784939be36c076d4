package sweep

// A fold adds up the samples of a cell. Everything in it is a sum of integers.
type fold struct {
	*cell
	runs                                int64
	before, during, later               Span
	refused, unknown, served            int64
	classical, quantum, recovered, late clocks
	epochs                              clocks
}

func (f *fold) add(s *sample) {
	f.runs++
	f.before.add(&s.before)
	f.during.add(&s.during)
	f.later.add(&s.later)
	f.refused += s.refused
	f.unknown += s.unknown
	f.served += s.served
	f.classical.add(s.classical, 1)
	f.quantum.add(s.quantum, 1)
	f.recovered.add(s.recovered, 1)
	f.late.add(s.late, 1)
	f.epochs.add(s.epochs, 1)
}

func (c *clocks) merge(o *clocks) {
	c.add(never, o.never)
	for v, times := range o.count {
		c.add(v, times)
	}
}

func (f *fold) merge(o *fold) {
	f.runs += o.runs
	f.before.add(&o.before)
	f.during.add(&o.during)
	f.later.add(&o.later)
	f.refused += o.refused
	f.unknown += o.unknown
	f.served += o.served
	f.classical.merge(&o.classical)
	f.quantum.merge(&o.quantum)
	f.recovered.merge(&o.recovered)
	f.late.merge(&o.late)
	f.epochs.merge(&o.epochs)
}

func (f *fold) row() Row {
	c := f.cell
	r := Row{
		Grid: c.grid.Name, Engine: c.grid.Engine, Delegation: c.delegation.Name, Instants: c.instants,
		Pattern: c.pattern.Name, Loss: c.loss, Revocation: c.revocation.Name, Runs: f.runs,
		Before: f.before, During: f.during, Later: f.later, Refused: f.refused, Unknown: f.unknown, Served: f.served,
		Classical: f.classical.clock(), Quantum: f.quantum.clock(), Recovered: f.recovered.clock(), Late: f.late.clock(),
		Epochs: f.epochs.clock(),
	}
	if c.grid.Engine == "counters" && c.grid.Protocol != 3 && c.delegation.Every == 0 && c.pattern.Kind == Independent {
		x := Closed(c.pattern.P, c.loss)
		r.Closed = &x
	}
	return r
}
