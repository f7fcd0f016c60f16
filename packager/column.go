package packager

import "math"

// column is a read-only list of unsigned numbers kept in the narrowest width that holds them all.
type column struct {
	w8  []uint8
	w16 []uint16
	w32 []uint32
}

func newColumn(v []uint32) column {
	var top uint32
	for _, x := range v {
		top = max(top, x)
	}
	switch {
	case top <= math.MaxUint8:
		return column{w8: narrow[uint8](v)}
	case top <= math.MaxUint16:
		return column{w16: narrow[uint16](v)}
	}
	return column{w32: narrow[uint32](v)}
}

func narrow[T uint8 | uint16 | uint32](v []uint32) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = T(x)
	}
	return out
}

func (c *column) at(i int) uint32 {
	switch {
	case c.w16 != nil:
		return uint32(c.w16[i])
	case c.w32 != nil:
		return c.w32[i]
	}
	return uint32(c.w8[i])
}

func (c *column) len() int { return len(c.w8) + len(c.w16) + len(c.w32) }

// sum adds up entries [first, first+count).
func (c *column) sum(first, count int) (n int64) {
	switch {
	case c.w16 != nil:
		for _, x := range c.w16[first : first+count] {
			n += int64(x)
		}
	case c.w32 != nil:
		for _, x := range c.w32[first : first+count] {
			n += int64(x)
		}
	case count > 0:
		for _, x := range c.w8[first : first+count] {
			n += int64(x)
		}
	}
	return n
}

// memory is the bytes the column holds.
func (c *column) memory() int { return len(c.w8) + 2*len(c.w16) + 4*len(c.w32) }
