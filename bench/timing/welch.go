package main

import "math"

// A moments gathers mean and variance of a sample one value at a time (Welford).
type moments struct {
	n        int
	mean, m2 float64
}

func (m *moments) add(x float64) {
	m.n++
	d := x - m.mean
	m.mean += d / float64(m.n)
	m.m2 += d * (x - m.mean)
}

func (m *moments) variance() float64 { return m.m2 / float64(m.n-1) }

// A welch is a test of whether two samples have one mean.
type welch struct{ class [2]moments }

// enough is how many values each class must have for the t to mean anything.
const enough = 500

// t is Welch's statistic, positive if the second class is larger; 0 while there is not enough to
// say.
func (w *welch) t() float64 {
	a, b := &w.class[0], &w.class[1]
	if a.n < enough || b.n < enough {
		return 0
	}
	v := a.variance()/float64(a.n) + b.variance()/float64(b.n)
	if v == 0 {
		if a.mean == b.mean {
			return 0
		}
		return math.Copysign(math.Inf(1), b.mean-a.mean)
	}
	return (b.mean - a.mean) / math.Sqrt(v)
}
