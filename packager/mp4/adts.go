package mp4

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"

	"sluice/packager"
)

// ADTS returns an AAC track, or a part of it, as a raw .aac file: each frame behind a 7-byte header (ISO/IEC 14496-3
// §1.A.2.2). The format has no timeline: encoder delay is heard, a clip starts with the frame its time lies in, and a
// leading gap is lost.
func ADTS(t *packager.Track, clip Clip) (packager.Body, error) {
	head, err := adtsHeader(t)
	if err != nil {
		return nil, fmt.Errorf("ADTS: %w", err)
	}
	first, last := 0, t.Len()
	if clip.FromMS > 0 {
		from := clip.FromMS*int64(t.Timescale)/1000 + int64(t.Priming)
		if first = max(0, t.At(from+1)-1); from >= t.End() {
			first = last
		}
	}
	if clip.ToMS > 0 {
		last = max(first, t.At(clip.ToMS*int64(t.Timescale)/1000+int64(t.Priming)))
	}
	if first >= last {
		return nil, fmt.Errorf("ADTS: %w", ErrEmpty)
	}
	b := &adts{t: t, head: head, first: first, last: last}
	var off int64
	t.Walk(first, last-first, func(i int, s packager.Sample) bool {
		if (i-first)%adtsMark == 0 {
			b.marks = append(b.marks, off)
		}
		if s.Size+adtsHead > maxADTS {
			err = fmt.Errorf("ADTS: %w: frame %d of %d bytes", ErrLimit, i, s.Size)
		}
		off += int64(s.Size) + adtsHead
		return err == nil
	})
	b.size = off
	if err != nil {
		return nil, err
	}
	return b, nil
}

const (
	adtsHead = 7
	adtsMark = 128     // frames between remembered offsets
	maxADTS  = 1 << 13 // frame length is a 13-bit field
)

// adtsHeader is the header with a frame length of 0. HE-AAC is signalled implicitly: the header describes the AAC-LC core.
func adtsHeader(t *packager.Track) ([adtsHead]byte, error) {
	c := t.Config
	switch {
	case t.Entry != "mp4a":
		return [adtsHead]byte{}, fmt.Errorf("%w %q: only AAC", ErrUnsupported, t.Entry)
	case len(c) < 2:
		return [adtsHead]byte{}, fmt.Errorf("%w: AudioSpecificConfig of %d bytes", ErrCorrupt, len(c))
	}
	object, rate, channels := c[0]>>3, c[0]&7<<1|c[1]>>7, c[1]>>3&15
	if object == 5 || object == 29 { // SBR, PS: the core has the first rate
		object = 2
	}
	switch {
	case object < 1 || object > 4:
		return [adtsHead]byte{}, fmt.Errorf("%w: AAC object type %d", ErrUnsupported, object)
	case int(rate) >= len(aacRates):
		return [adtsHead]byte{}, fmt.Errorf("%w: AAC with an explicit sampling rate", ErrUnsupported)
	case channels == 0 || channels > 7:
		return [adtsHead]byte{}, fmt.Errorf("%w: AAC channel configuration %d", ErrUnsupported, channels)
	}
	// Sync word, MPEG-4, layer 0, no CRC; profile, rate, channels; buffer fullness of all ones says variable rate.
	return [adtsHead]byte{0xFF, 0xF1, (object-1)<<6 | rate<<2 | channels>>2, channels << 6, 0, 0x1F, 0xFC}, nil
}

// adts is the body. Frames are framed as they are written.
type adts struct {
	t           *packager.Track
	head        [adtsHead]byte
	first, last int
	marks       []int64 // offset of every adtsMark-th frame
	size        int64
}

// Size implements packager.Body.
func (b *adts) Size() int64 { return b.size }

// adtsBuffer holds some hundred frames, and at least one.
const adtsBuffer = 64 << 10

var adtsBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, adtsBuffer)) }}

// WriteRange implements packager.Body.
func (b *adts) WriteRange(ctx context.Context, w io.Writer, off, n int64) error {
	off = min(max(off, 0), b.size)
	n = min(n, b.size-off)
	if n <= 0 {
		return nil
	}
	k := sort.Search(len(b.marks), func(k int) bool { return b.marks[k] > off }) - 1
	skip, first := off-b.marks[k], b.first+k*adtsMark
	ptr := adtsBuffers.Get().(*[]byte)
	defer adtsBuffers.Put(ptr)
	buf := (*ptr)[:0]
	flush := func() error {
		out := buf[min(skip, int64(len(buf))):]
		skip -= int64(len(buf) - len(out))
		out = out[:min(n, int64(len(out)))]
		n -= int64(len(out))
		buf = buf[:0]
		if len(out) == 0 {
			return ctx.Err()
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
		return ctx.Err()
	}
	var err error
	b.t.Walk(first, b.last-first, func(_ int, s packager.Sample) bool {
		if len(buf)+adtsHead+int(s.Size) > cap(buf) {
			if err = flush(); err != nil || n <= 0 {
				return false
			}
		}
		buf, err = b.frame(buf, s)
		return err == nil && n > 0
	})
	if err == nil && n > 0 {
		err = flush()
	}
	return err
}

// frame appends one frame with its header.
func (b *adts) frame(buf []byte, s packager.Sample) ([]byte, error) {
	n := adtsHead + int(s.Size)
	h := b.head
	h[3] |= byte(n >> 11)
	h[4] = byte(n >> 3)
	h[5] |= byte(n) << 5
	buf = append(buf, h[:]...)
	at := len(buf)
	buf = buf[:at+int(s.Size)]
	if got, err := b.t.Files[s.File].ReadAt(buf[at:], s.Offset); got < int(s.Size) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return buf[:at], fmt.Errorf("read media at %d: %w", s.Offset, err)
	}
	return buf, nil
}
