package catalog

import (
	"encoding/json"
	"slices"
)

// Extent is a range of bytes, [From, To).
type Extent struct{ From, To int64 }

// MarshalJSON writes an extent as [from, to].
func (e Extent) MarshalJSON() ([]byte, error) { return json.Marshal([2]int64{e.From, e.To}) }

// UnmarshalJSON reads [from, to].
func (e *Extent) UnmarshalJSON(b []byte) error {
	var pair [2]int64
	err := json.Unmarshal(b, &pair)
	e.From, e.To = pair[0], pair[1]
	return err
}

// Extents are the parts of a file that are there: sorted, not empty, neither touching nor overlapping.
type Extents []Extent

// Add returns x with the bytes [from, to) besides; x itself stays.
func (x Extents) Add(from, to int64) Extents {
	if from >= to {
		return x
	}
	out := make(Extents, 0, len(x)+1)
	for _, e := range x {
		if e.To < from || e.From > to {
			out = append(out, e)
			continue
		}
		from, to = min(from, e.From), max(to, e.To)
	}
	at, _ := slices.BinarySearchFunc(out, from, func(e Extent, from int64) int { return int(min(max(e.From-from, -1), 1)) })
	return slices.Insert(out, at, Extent{from, to})
}

// Contiguous is how many bytes are there from the start on.
func (x Extents) Contiguous() int64 {
	if len(x) == 0 || x[0].From > 0 {
		return 0
	}
	return x[0].To
}

// Reach is where the bytes end that are there from at on; at itself when its byte is not there.
func (x Extents) Reach(at int64) int64 {
	for _, e := range x {
		if e.From <= at && at < e.To {
			return e.To
		}
	}
	return at
}

// Total is how many bytes are there.
func (x Extents) Total() int64 {
	var n int64
	for _, e := range x {
		n += e.To - e.From
	}
	return n
}

// End is where the last byte that is there ends.
func (x Extents) End() int64 {
	if len(x) == 0 {
		return 0
	}
	return x[len(x)-1].To
}

// Missing returns the parts of [0, size) that are not there.
func (x Extents) Missing(size int64) Extents {
	var out Extents
	at := int64(0)
	for _, e := range x {
		if e.From >= size {
			break
		}
		if e.From > at {
			out = append(out, Extent{at, e.From})
		}
		at = e.To
	}
	if at < size {
		out = append(out, Extent{at, size})
	}
	return out
}

// MissingIn returns the parts of [from, to) that are not there.
func (x Extents) MissingIn(from, to int64) Extents {
	var out Extents
	for _, m := range x.Missing(to) {
		if m.To > from {
			out = append(out, Extent{max(m.From, from), m.To})
		}
	}
	return out
}
