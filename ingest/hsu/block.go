package hsu

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/zeebo/blake3"
)

const (
	// BlockSize is the size of every block of a file but its last. Blocks begin at multiples of it.
	BlockSize = 1 << 20
	// RunBlocks bounds the blocks of a request that carries them in its body.
	RunBlocks = 8
	// HeaderSize and AckSize are the sizes of what precedes a block, and of what answers it.
	HeaderSize = 64
	AckSize    = 24
	// Protocol is what a connection is upgraded to.
	Protocol = "sluice-hsu/1"
)

// Kinds of frames.
const (
	kindBlock = 'B'
	kindPing  = 'P'
	kindAck   = 'A'
	kindNack  = 'N'
)

// ErrFrame says that the other side does not keep to the protocol: the connection is of no more use.
var ErrFrame = errors.New("not a frame of the high-speed upload")

// Leaf is the BLAKE3 digest of a block.
type Leaf [32]byte

// LeafOf returns the digest of a block.
func LeafOf(b []byte) Leaf { return blake3.Sum256(b) }

// rootContext separates the roots of files from other uses of BLAKE3.
const rootContext = "sluice 2026 high-speed upload: root of a file over its blocks"

// Root returns the digest of a file of a size with the leaves of its blocks, in order: BLAKE3 in its key derivation mode, with
// rootContext, of the size (8 bytes, little-endian) and the leaves.
func Root(size int64, leaves []Leaf) Leaf {
	h := blake3.NewDeriveKey(rootContext)
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(size))) // never fails
	for i := range leaves {
		_, _ = h.Write(leaves[i][:])
	}
	return Leaf(h.Sum(nil))
}

// Blocks is how many blocks a file of a size has.
func Blocks(size int64) int64 { return (size + BlockSize - 1) / BlockSize }

// Header precedes the bytes of a block.
type Header struct {
	Ping   bool // a sign of life, without bytes: nothing follows now, and the server may answer what came at once
	File   uint32
	Offset int64
	Length int
	Sum    uint64 // XXH64 of the bytes
	Leaf   Leaf
}

// HeaderOf describes a block.
func HeaderOf(file uint32, offset int64, b []byte) Header {
	return Header{File: file, Offset: offset, Length: len(b), Sum: xxhash.Sum64(b), Leaf: LeafOf(b)}
}

// Put writes the header to the first HeaderSize bytes of b.
func (h Header) Put(b []byte) {
	clear(b[:HeaderSize])
	b[0] = kindBlock
	if h.Ping {
		b[0] = kindPing
	}
	binary.LittleEndian.PutUint32(b[4:], h.File)
	binary.LittleEndian.PutUint64(b[8:], uint64(h.Offset))
	binary.LittleEndian.PutUint32(b[16:], uint32(h.Length))
	binary.LittleEndian.PutUint64(b[24:], h.Sum)
	copy(b[32:], h.Leaf[:])
}

// ParseHeader reads a header from HeaderSize bytes. Whatever it accepts is in bounds: a length of 1 to BlockSize, an offset that is a
// multiple of BlockSize, and an end that an int64 holds.
func ParseHeader(b []byte) (Header, error) {
	if b[0] == kindPing {
		return Header{Ping: true}, nil
	}
	h := Header{
		File: binary.LittleEndian.Uint32(b[4:]), Offset: int64(binary.LittleEndian.Uint64(b[8:])), //nolint:gosec // checked below
		Length: int(binary.LittleEndian.Uint32(b[16:])), Sum: binary.LittleEndian.Uint64(b[24:]), Leaf: Leaf(b[32:64]),
	}
	switch {
	case b[0] != kindBlock:
		return h, fmt.Errorf("%w: kind %#x", ErrFrame, b[0])
	case h.Length < 1 || h.Length > BlockSize:
		return h, fmt.Errorf("%w: a block of %d bytes", ErrFrame, h.Length)
	case h.Offset < 0 || h.Offset%BlockSize != 0 || h.Offset > 1<<62:
		return h, fmt.Errorf("%w: a block at %d", ErrFrame, h.Offset)
	}
	return h, nil
}

// Intact says whether the bytes are those that the sender summed.
func (h Header) Intact(b []byte) bool { return xxhash.Sum64(b) == h.Sum }

// Code says why a block was not taken.
type Code byte

// Codes of refusals.
const (
	// Damaged: the bytes are not those that were summed. Send it again.
	Damaged Code = iota + 1
	// Full: there is no room now. Send it again later.
	Full
	// Unknown: no such file was declared, or the block is not in it.
	Unknown
	// Failed: the file failed; its report says why.
	Failed
	// Busy: the server could not store it now. Send it again later.
	Busy
)

// Ack answers a block: it is stored and journalled, or refused with a code.
type Ack struct {
	Code   Code // 0 when it is stored
	File   uint32
	Offset int64
	Length int
}

// Append appends the ack's AckSize bytes to b.
func (a Ack) Append(b []byte) []byte {
	kind := byte(kindAck)
	if a.Code != 0 {
		kind = kindNack
	}
	b = append(b, kind, byte(a.Code), 0, 0)
	b = binary.LittleEndian.AppendUint32(b, a.File)
	b = binary.LittleEndian.AppendUint64(b, uint64(a.Offset))
	b = binary.LittleEndian.AppendUint32(b, uint32(a.Length))
	return append(b, 0, 0, 0, 0)
}

// ParseAck reads an ack from AckSize bytes.
func ParseAck(b []byte) (Ack, error) {
	a := Ack{
		Code: Code(b[1]), File: binary.LittleEndian.Uint32(b[4:]),
		Offset: int64(binary.LittleEndian.Uint64(b[8:])), //nolint:gosec // looked up, never used as a number
		Length: int(binary.LittleEndian.Uint32(b[16:])),
	}
	if b[0] != kindAck && b[0] != kindNack || (b[0] == kindAck) != (a.Code == 0) {
		return a, fmt.Errorf("%w: kind %#x with code %d", ErrFrame, b[0], a.Code)
	}
	return a, nil
}
