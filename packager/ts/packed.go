package ts

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"sluice/packager"
)

const timestampOwner = "com.apple.streaming.transportStreamTimestamp"

// id3Size is the length of the tag that opens a packed audio segment.
const id3Size = 10 + 10 + len(timestampOwner) + 1 + 8

// PackedAAC returns a segment of packed audio (RFC 8216 §3.4): an ID3 tag whose PRIV frame gives the 90 kHz time of the first
// sample, then ADTS frames. The time includes PTSOffset, as in the TS renditions.
func PackedAAC(t *packager.Track, seg packager.Segment) (packager.Body, error) {
	if t.Entry != "mp4a" {
		return nil, fmt.Errorf("packed audio of codec %q: %w", t.Entry, ErrUnsupported)
	}
	if t.Timescale == 0 || seg.First < 0 || seg.Count < 0 || seg.First+seg.Count > t.Len() {
		return nil, fmt.Errorf("packed audio of samples %d+%d of %d: %w", seg.First, seg.Count, t.Len(), ErrCorrupt)
	}
	head, pce, err := adtsHead(t.Config)
	if err != nil {
		return nil, err
	}
	p := &packed{t: t, seg: seg, head: head, pce: pce, size: int64(id3Size)}
	var pts int64
	t.Walk(seg.First, seg.Count, func(i int, s packager.Sample) bool {
		if i == seg.First {
			pts = ticks90(s.PTS-int64(t.Priming), t.Timescale) + PTSOffset
			p.size += int64(len(pce))
		}
		n := int(s.Size) + len(head)
		if n+len(pce) > maxADTS {
			err = fmt.Errorf("frame %d of %d bytes, ADTS has room for %d: %w", i, s.Size, maxADTS-len(head), ErrUnsupported)
		}
		p.size += int64(n)
		return err == nil
	})
	p.tag = timestampTag(pts)
	return p, err
}

// timestampTag is an ID3v2.4 tag with the PRIV frame of RFC 8216 §3.4.
func timestampTag(pts int64) []byte {
	b := append(make([]byte, 0, id3Size), "ID3\x04\x00\x00\x00\x00\x00"...)
	b = append(b, byte(id3Size-10))
	b = append(b, "PRIV\x00\x00\x00"...)
	b = append(b, byte(id3Size-20), 0, 0)
	b = append(append(b, timestampOwner...), 0)
	return binary.BigEndian.AppendUint64(b, uint64(pts&(wrap-1)))
}

// TagTime reads the timestamp that timestampTag and every other packager of HLS audio writes: the 33-bit 90 kHz time of an ID3 tag
// at the start of b, and the length of the tag. ok is false when b starts with no tag; pts is -1 when the tag has no time. A tag
// that is not whole in b is read as far as it is.
func TagTime(b []byte) (pts int64, size int, ok bool) {
	if len(b) < 10 || string(b[:3]) != "ID3" {
		return -1, 0, false
	}
	for _, x := range b[6:10] {
		if x >= 0x80 {
			return -1, 0, false
		}
		size = size<<7 | int(x)
	}
	syncsafe := b[3] >= 4
	body := b[10:min(10+size, len(b))]
	size += 10
	for len(body) >= 10 && body[0] != 0 {
		n := 0
		for _, x := range body[4:8] {
			if syncsafe {
				n = n<<7 | int(x&0x7F)
			} else {
				n = n<<8 | int(x)
			}
		}
		if n < 0 || 10+n > len(body) {
			break
		}
		data := body[10 : 10+n]
		if string(body[:4]) == "PRIV" && n == len(timestampOwner)+9 && string(data[:len(timestampOwner)]) == timestampOwner {
			return int64(binary.BigEndian.Uint64(data[n-8:])) & (wrap - 1), size, true
		}
		body = body[10+n:]
	}
	return -1, size, true
}

type packed struct {
	t         *packager.Track
	seg       packager.Segment
	tag       []byte
	head, pce []byte
	size      int64
}

func (p *packed) Size() int64 { return p.size }

// WriteRange skips the frames before the range without reading them.
func (p *packed) WriteRange(ctx context.Context, w io.Writer, off, n int64) error {
	if off < 0 || n < 0 || off+n > p.size {
		return fmt.Errorf("range %d+%d of a packed audio segment of %d bytes: %w", off, n, p.size, io.ErrUnexpectedEOF)
	}
	m := muxers.Get().(*muxer)
	defer m.release()
	src := newSource()
	defer src.release()
	m.ctx, m.w, m.skip, m.want, m.n = ctx, w, off, n, 0
	m.put(p.tag)
	p.t.Walk(p.seg.First, p.seg.Count, func(i int, s packager.Sample) bool {
		size := len(p.head) + int(s.Size)
		var pce []byte
		if i == p.seg.First {
			pce = p.pce
			size += len(pce)
		}
		if int64(m.n+size) <= m.skip {
			m.skip -= int64(size)
			return true
		}
		var b []byte
		if b, m.err = src.sample(p.t, s); m.err != nil {
			return false
		}
		h := append(m.head[:0], p.head...)
		putADTSLength(h, size)
		m.put(h)
		m.put(pce)
		m.put(b)
		return m.err == nil && m.want > int64(m.n)-m.skip
	})
	m.flush()
	return m.err
}

// put adds bytes to the buffer as they are, outside packets.
func (m *muxer) put(b []byte) {
	for len(b) > 0 {
		if m.n == len(m.buf) {
			m.flush()
		}
		k := copy(m.buf[m.n:], b)
		m.n += k
		b = b[k:]
	}
}
