package sweep

import (
	"math"
	"slices"
)

// A Clock is the distribution of a number of messages over the repetitions of a cell.
type Clock struct {
	Runs  int64 `json:"runs"`
	Never int64 `json:"never"` // that had not come to an end when the run did

	// Of the others. Half is half the width of the interval that holds the mean with a probability of
	// 95 %.
	Mean float64 `json:"mean"`
	Half float64 `json:"half"`
	P50  int     `json:"p50"`
	P95  int     `json:"p95"`
	Max  int     `json:"max"`

	Histogram [][2]int64 `json:"histogram"` // value and how often, ascending
}

// clocks counts values until all are there.
type clocks struct {
	never int64
	count map[int]int64
}

func (c *clocks) add(v int, times int64) {
	switch {
	case v == none || times == 0:
		return
	case v == never:
		c.never += times
		return
	case c.count == nil:
		c.count = make(map[int]int64)
	}
	c.count[v] += times
}

// clock returns the distribution, or nil if nothing was asked.
func (c *clocks) clock() *Clock {
	k := &Clock{Never: c.never, Histogram: [][2]int64{}}
	values := make([]int, 0, len(c.count))
	for v := range c.count {
		values = append(values, v)
	}
	slices.Sort(values)
	var n, sum, squares float64
	for _, v := range values {
		times := float64(c.count[v])
		n, sum, squares = n+times, sum+times*float64(v), squares+times*float64(v)*float64(v)
		k.Histogram = append(k.Histogram, [2]int64{int64(v), c.count[v]})
		k.Runs += c.count[v]
	}
	if n > 0 {
		k.Mean = sum / n
		k.P50, k.P95, k.Max = k.quantile(0.5), k.quantile(0.95), values[len(values)-1]
	}
	if n > 1 {
		k.Half = 1.96 * math.Sqrt(max(0, squares-sum*sum/n)/(n-1)/n)
	}
	k.Runs += k.Never
	if k.Runs == 0 {
		return nil
	}
	return k
}

// quantile is the least value that as much of the finished runs do not exceed.
func (k *Clock) quantile(q float64) int {
	total, seen := k.total(), int64(0)
	for _, h := range k.Histogram {
		if seen += h[1]; float64(seen) >= q*float64(total) {
			return int(h[0])
		}
	}
	return 0
}

func (k *Clock) total() (n int64) {
	for _, h := range k.Histogram {
		n += h[1]
	}
	return n
}
