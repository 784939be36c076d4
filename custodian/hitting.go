package custodian

import (
	"math/bits"
	"slices"
)

// exactUnits is up to how many different elements a smallest hitting set is found; beyond, a greedy
// one.
const exactUnits = 64

// hit returns a set that meets each of the sets, as a sorted list. It is a smallest one if exact;
// otherwise greedy, and then at most 1 + 1/2 + … + 1/n times as big, where n is in how many sets an
// element is at most.
func hit(sets [][]int) (list []int, exact bool) {
	var elements []int
	for _, s := range sets {
		elements = append(elements, s...)
	}
	slices.Sort(elements)
	elements = slices.Compact(elements)
	greedy := hitGreedy(sets)
	if len(elements) > exactUnits {
		return greedy, false
	}
	masks := make([]uint64, len(sets))
	for i, s := range sets {
		for _, x := range s {
			at, _ := slices.BinarySearch(elements, x)
			masks[i] |= 1 << at
		}
	}
	slices.SortFunc(masks, func(a, b uint64) int { return bits.OnesCount64(a) - bits.OnesCount64(b) })
	b := &branch{masks: masks, best: len(greedy), steps: 1 << 20}
	for _, x := range greedy {
		at, _ := slices.BinarySearch(elements, x)
		b.found |= 1 << at
	}
	b.search(0, 0)
	for m := b.found; m != 0; m &= m - 1 {
		list = append(list, elements[bits.TrailingZeros64(m)])
	}
	return list, b.steps > 0
}

// A branch is a branch-and-bound search: some element of the first set that is not met yet is
// chosen.
type branch struct {
	masks []uint64
	best  int
	found uint64
	steps int // left; a search that runs out of them has not shown that there is no smaller set
}

func (b *branch) search(chosen uint64, n int) {
	if b.steps--; b.steps < 0 {
		b.steps = -1
		return
	}
	i := slices.IndexFunc(b.masks, func(m uint64) bool { return m&chosen == 0 })
	if i < 0 {
		if n < b.best {
			b.best, b.found = n, chosen
		}
		return
	}
	if n+1 >= b.best {
		return
	}
	for m := b.masks[i]; m != 0; m &= m - 1 {
		b.search(chosen|m&-m, n+1)
	}
}

// hitGreedy takes the element that is in most of the sets that are left, again and again.
func hitGreedy(sets [][]int) (list []int) {
	left := slices.Clone(sets)
	for len(left) > 0 {
		counts := make(map[int]int)
		best := -1
		for _, s := range left {
			for _, x := range s {
				counts[x]++
			}
		}
		for x, n := range counts {
			if best < 0 || n > counts[best] || n == counts[best] && x < best {
				best = x
			}
		}
		if best < 0 {
			return list // an empty set, which nothing meets
		}
		list = append(list, best)
		left = slices.DeleteFunc(left, func(s []int) bool { return slices.Contains(s, best) })
	}
	slices.Sort(list)
	return list
}
