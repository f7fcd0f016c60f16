package mp4

import (
	"encoding/binary"
	"fmt"
)

// Boxes are read here by walking bytes, not decoded into mp4ff's structures: sample tables would be materialised with the
// counts that the file claims, and a box that deviates in a field we do not need would be refused.

// box is one box inside a parent that is in memory.
type box struct {
	name string
	body []byte
}

// children yields the boxes of b in order. Bytes that are no box end the walk; QuickTime ends some containers with four
// zero bytes.
func children(b []byte) func(yield func(box) bool) {
	return func(yield func(box) bool) {
		for len(b) >= 8 {
			size, head := uint64(binary.BigEndian.Uint32(b)), 8
			switch {
			case size == 0:
				size = uint64(len(b))
			case size == 1 && len(b) >= 16:
				size, head = binary.BigEndian.Uint64(b[8:]), 16
			}
			if size < uint64(head) || size > uint64(len(b)) {
				return
			}
			if !yield(box{string(b[4:8]), b[head:size]}) {
				return
			}
			b = b[size:]
		}
	}
}

// find returns the body of the box at path below b, or nil.
func find(b []byte, path ...string) []byte {
	for _, name := range path {
		var body []byte
		for c := range children(b) {
			if c.name == name {
				body = c.body
				break
			}
		}
		if body == nil {
			return nil
		}
		b = body
	}
	return b
}

// fields reads big-endian numbers from the front of a box; past the end they are 0 and short is set.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) take(n int) []byte {
	if n > len(f.b) {
		f.b, f.short = nil, true
		return nil
	}
	v := f.b[:n]
	f.b = f.b[n:]
	return v
}

func (f *fields) skip(n int) { f.take(n) }

func (f *fields) u8() uint8 {
	if v := f.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (f *fields) u16() uint16 {
	if v := f.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (f *fields) u32() uint32 {
	if v := f.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (f *fields) u64() uint64 {
	if v := f.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// full reads version and flags of a full box.
func (f *fields) full() (version uint8, flags uint32) {
	v := f.u32()
	return uint8(v >> 24), v & 0xFFFFFF
}

// long reads a field that is 64 bits wide in version 1 and 32 bits before.
func (f *fields) long(version uint8) uint64 {
	if version == 1 {
		return f.u64()
	}
	return uint64(f.u32())
}

// table is a full box that is a count and entries of width bytes. The count is believed only as far as the bytes go.
func table(name string, body []byte, width int) (entries []byte, err error) {
	f := fields{b: body}
	f.full()
	n := uint64(f.u32())
	if f.short || n*uint64(width) > uint64(len(f.b)) {
		return nil, fmt.Errorf("%w: %s claims %d entries in %d bytes", ErrCorrupt, name, n, len(f.b))
	}
	return f.b[:n*uint64(width)], nil
}
