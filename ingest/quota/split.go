package quota

import (
	"cmp"
	"slices"
)

// unlimited is the demand of a transfer that would take whatever it gets.
const unlimited = int64(1) << 60

// want is what a transfer may get a part for, and how much it can use: bytes a second.
type want struct {
	Weight int64 `json:"w"`
	Demand int64 `json:"d"`
}

// split divides total over the wants by weight. Nobody gets more than its demand while others want more, and what is left when
// all have what they can use is given out by weight too, so that who speeds up need not wait for the next second. The parts sum
// to total, but for rounding.
func split(total int64, wants []want) []int64 {
	parts := make([]int64, len(wants))
	order := make([]int, len(wants))
	var weights int64
	for i, w := range wants {
		order[i] = i
		weights += max(w.Weight, 1)
	}
	// Who wants least for its weight is served first: when its demand is met, its rest is the others'.
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := wants[a], wants[b]
		return cmp.Compare(float64(x.Demand)/float64(max(x.Weight, 1)), float64(y.Demand)/float64(max(y.Weight, 1)))
	})
	left, weightsLeft := total, weights
	for _, i := range order {
		w := max(wants[i].Weight, 1)
		part := portion(left, w, weightsLeft)
		parts[i] = min(part, max(wants[i].Demand, 0))
		left -= parts[i]
		weightsLeft -= w
	}
	if left > 0 && weights > 0 {
		for i := range parts {
			parts[i] += portion(left, max(wants[i].Weight, 1), weights)
		}
	}
	return parts
}

// portion is total × weight / of without overflow.
func portion(total, weight, of int64) int64 {
	return total/of*weight + total%of*weight/of
}
