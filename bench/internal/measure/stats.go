package measure

import (
	"math"
	"slices"
)

// A Spread is the middle of a sample and how far it scatters.
type Spread struct{ Q1, Median, Q3 float64 }

// IQR is the interquartile range: half of the sample lies in it.
func (s Spread) IQR() float64 { return s.Q3 - s.Q1 }

// SpreadOf returns the quartiles of a sample, which it leaves as it is. An empty one has none.
func SpreadOf(sample []float64) Spread {
	sorted := slices.Sorted(slices.Values(sample))
	return Spread{Quantile(sorted, 0.25), Quantile(sorted, 0.5), Quantile(sorted, 0.75)}
}

// Quantile returns the q-quantile of a sorted sample, 0 ≤ q ≤ 1, interpolated between its
// neighbours. It is not a number if the sample is empty.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i == len(sorted)-1 {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
