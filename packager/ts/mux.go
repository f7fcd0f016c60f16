package ts

import (
	"context"
	"encoding/binary"
	"io"

	"sluice/packager"
)

// bufferSize is just under 256 KiB of whole packets: it stays in a core's second level cache, while half of it costs a quarter
// more CPU a byte sent, for twice the writes and wake-ups.
const bufferSize = 1394 * packetSize

// muxer produces a range of one segment. It is pooled: buf and the cursors belong to whoever took it.
type muxer struct {
	l       *Layout
	seg     *segment
	ctx     context.Context
	w       io.Writer
	cursors []cursor
	sources []*source
	cc      [16]byte

	buf  []byte
	n    int   // bytes in buf
	skip int64 // bytes still to be dropped before the range starts
	want int64 // bytes still to be written
	err  error

	// The PES packet under way.
	header uint32 // of its packets
	left   int    // its bytes not yet written
	room   int    // free payload bytes of the packet under way
	cur    int    // its stream
	head   [256]byte
}

func newMuxer(l *Layout) *muxer {
	m := muxers.Get().(*muxer)
	m.l = l
	for len(m.cursors) < len(l.streams) {
		m.cursors = append(m.cursors, cursor{})
		m.sources = append(m.sources, nil)
	}
	return m
}

func (m *muxer) release() {
	for i := range m.cursors {
		m.cursors[i].s = nil
		if m.sources[i] != nil {
			m.sources[i].release()
			m.sources[i] = nil
		}
	}
	m.l, m.seg, m.ctx, m.w, m.err = nil, nil, nil, nil, nil
	muxers.Put(m)
}

func (m *muxer) start(ctx context.Context, w io.Writer, s *segment, off, n int64) {
	m.seg, m.ctx, m.w, m.skip, m.want = s, ctx, w, off, n
	m.n = 0
	copy(m.cc[:], s.counters)
	for i := range m.l.streams {
		m.cursors[i].reset(&m.l.streams[i], m.l.segs[i][s.k], i == m.l.pcr, m.l.group)
	}
}

// run writes the range: tables first, then units by decode time.
func (m *muxer) run() error {
	m.n = copy(m.buf, m.l.pat[:])
	m.n += copy(m.buf[m.n:], m.l.pmt[:])
	m.buf[3] |= m.seg.tables
	m.buf[packetSize+3] |= m.seg.tables
	for m.err == nil && m.want > int64(m.n)-m.skip {
		i := m.earliest()
		if i < 0 {
			break
		}
		c := &m.cursors[i]
		if size := int64(c.cur.packets) * packetSize; int64(m.n)+size <= m.skip {
			m.skip -= size
			if c.cur.count > 0 {
				m.cc[i] = (m.cc[i] + byte(c.cur.packets)) & 15
			}
		} else {
			m.unit(i, c)
		}
		c.advance()
	}
	m.flush()
	return m.err
}

// earliest returns the stream whose unit is next, or -1 at the end.
func (m *muxer) earliest() int {
	best := -1
	for i := range m.l.streams {
		if c := &m.cursors[i]; c.ok && (best < 0 || c.cur.dts < m.cursors[best].cur.dts) {
			best = i
		}
	}
	return best
}

// flush hands the part of the buffer that lies in the range to the writer.
func (m *muxer) flush() {
	b := m.buf[:m.n]
	m.n = 0
	if drop := min(m.skip, int64(len(b))); drop > 0 {
		b = b[drop:]
		m.skip -= drop
	}
	b = b[:min(m.want, int64(len(b)))]
	if m.err != nil || len(b) == 0 {
		return
	}
	if m.err = m.ctx.Err(); m.err != nil {
		return
	}
	if _, m.err = m.w.Write(b); m.err == nil {
		m.want -= int64(len(b))
	}
}

// unit writes the current unit of cursor c.
func (m *muxer) unit(i int, c *cursor) {
	s, u := c.s, &c.cur
	m.cur, m.header = i, packetHeader(s.pid)
	if u.count == 0 {
		m.clockOnly(u)
		return
	}
	m.left = u.payload + u.pesHeader()
	m.firstPacket(c)
	m.write(m.pesHeader(s, u))
	if s.track.Kind == packager.Video {
		m.video(c, u)
	} else {
		m.audio(c, u)
	}
	for m.left > 0 && m.err == nil { // a sample that holds less than its size promised
		m.write(zeros[:min(m.left, len(zeros))])
	}
}

var zeros [payloadSize]byte

func (m *muxer) pesHeader(s *stream, u *unit) []byte {
	h := m.head[:0]
	n := u.pesHeader()
	length := n - 6 + u.payload
	if length > 65535 {
		length = 0 // unbounded: allowed for video
	}
	h = append(h, 0, 0, 1, s.id, byte(length>>8), byte(length), 0x84, 0x80, byte(n-9))
	if n == 14 {
		h = h[:n]
		putTimestamp(h[9:], 2, u.pts+PTSOffset)
		return h
	}
	h[7] = 0xC0
	h = h[:n]
	putTimestamp(h[9:], 3, u.pts+PTSOffset)
	putTimestamp(h[14:], 1, u.dts+PTSOffset)
	return h
}

func (m *muxer) video(c *cursor, u *unit) {
	b := m.sample(c, u.first)
	if m.err != nil {
		return
	}
	s := c.s
	nal, rest := cutNAL(b, s.lengthSize)
	// A delimiter stays the only one: ours stands for the sample's own, and zeros fill its place at the end.
	if len(nal) > 0 && isDelimiter(nal[0], s.typ) {
		b = rest
	}
	m.write(s.aud)
	if u.sync {
		m.write(s.sets)
	}
	for len(b) > 0 {
		nal, b = cutNAL(b, s.lengthSize)
		m.write(startCode)
		m.write(nal)
	}
}

var startCode = []byte{0, 0, 0, 1}

func isDelimiter(first, typ byte) bool {
	if typ == typeH264 {
		return first&0x1F == 9
	}
	return first>>1&0x3F == 35
}

func (m *muxer) audio(c *cursor, u *unit) {
	s := c.s
	for k := range u.count {
		b := m.sample(c, u.first+k)
		if m.err != nil {
			return
		}
		if len(s.frameHead) > 0 {
			h := append(m.head[:0], s.frameHead...)
			n := len(h) + len(b)
			if k == 0 {
				n += len(s.pce)
			}
			putADTSLength(h, n)
			m.write(h)
			if k == 0 {
				m.write(s.pce)
			}
		}
		m.write(b)
	}
}

// sample returns the bytes of sample i of a cursor's stream. The samples of the unit under way are still in the cursor's batch,
// save for those of an audio group that spans two batches.
func (m *muxer) sample(c *cursor, i int) []byte {
	var x packager.Sample
	if i >= c.first && i < c.first+c.n {
		x = c.buf[i-c.first]
	} else {
		x = c.s.track.Sample(i)
	}
	k := m.cur
	if m.sources[k] == nil {
		m.sources[k] = newSource()
	}
	var b []byte
	b, m.err = m.sources[k].sample(c.s.track, x)
	return b
}

// clockOnly writes a packet that holds only a clock reference; the counter does not move (ISO/IEC 13818-1 §2.4.3.3).
func (m *muxer) clockOnly(u *unit) {
	p := m.grow()
	binary.BigEndian.PutUint32(p, m.header&^0x10|0x20|uint32((m.cc[m.cur]+15)&15))
	p[4], p[5] = payloadSize-1, 0x10
	putPCR(p[6:], u.dts+PTSOffset-m.l.pcrDelay)
	fill(p[12:packetSize])
}

// firstPacket opens the packet that starts a PES packet, with its adaptation field.
func (m *muxer) firstPacket(c *cursor) {
	p := m.grow()
	n := c.adaptation()
	stuffing := max(0, payloadSize-n-m.left)
	h := m.header | 1<<22 | uint32(m.cc[m.cur])
	m.cc[m.cur] = (m.cc[m.cur] + 1) & 15
	m.room = payloadSize - n - stuffing
	if n+stuffing == 0 {
		binary.BigEndian.PutUint32(p, h)
		m.n -= payloadSize
		return
	}
	binary.BigEndian.PutUint32(p, h|0x20)
	p[4] = byte(n + stuffing - 1)
	if n+stuffing > 1 {
		flags, at := byte(0), 6
		if c.cur.sync && n > 0 {
			flags |= 0x40 // random access
		}
		if c.pcr {
			flags |= 0x10
			putPCR(p[6:], c.cur.dts+PTSOffset-m.l.pcrDelay)
			at += 6
		}
		p[5] = flags
		fill(p[at : 4+n+stuffing])
	}
	m.n -= m.room
}

// nextPacket opens a further packet of the PES packet under way; the last one is stuffed.
func (m *muxer) nextPacket() {
	p := m.grow()
	h := m.header | uint32(m.cc[m.cur])
	m.cc[m.cur] = (m.cc[m.cur] + 1) & 15
	m.room = min(m.left, payloadSize)
	stuffing := payloadSize - m.room
	if stuffing == 0 {
		binary.BigEndian.PutUint32(p, h)
		m.n -= payloadSize
		return
	}
	binary.BigEndian.PutUint32(p, h|0x20)
	p[4] = byte(stuffing - 1)
	if stuffing > 1 {
		p[5] = 0
		fill(p[6 : 4+stuffing])
	}
	m.n -= m.room
}

// grow returns the next packet of the buffer.
func (m *muxer) grow() []byte {
	if m.n+packetSize > len(m.buf) {
		m.flush()
	}
	p := m.buf[m.n : m.n+packetSize : m.n+packetSize]
	m.n += packetSize
	return p
}

func fill(b []byte) {
	for i := range b {
		b[i] = 0xFF
	}
}

// write adds bytes to the PES packet under way, never more than it was sized for.
func (m *muxer) write(b []byte) {
	if len(b) > m.left {
		b = b[:m.left]
	}
	for len(b) > 0 {
		if m.room == 0 {
			if len(b) >= payloadSize {
				if b = m.whole(b); len(b) == 0 || m.err != nil {
					return
				}
			}
			m.nextPacket()
		}
		k := copy(m.buf[m.n:m.n+m.room], b)
		m.n += k
		m.room -= k
		m.left -= k
		b = b[k:]
	}
}

// whole writes the part of b that fills whole packets and returns the rest. This loop is where muxing spends its time.
func (m *muxer) whole(b []byte) []byte {
	cc := m.cc[m.cur]
	for len(b) >= payloadSize {
		k := min(len(b)/payloadSize, (len(m.buf)-m.n)/packetSize)
		if k == 0 {
			if m.flush(); m.err != nil {
				return nil
			}
			continue
		}
		out := m.buf[m.n : m.n+k*packetSize]
		m.n += len(out)
		m.left -= k * payloadSize
		for ; len(out) >= packetSize && len(b) >= payloadSize; out = out[packetSize:] {
			binary.BigEndian.PutUint32(out, m.header|uint32(cc))
			*(*[payloadSize]byte)(out[4:]) = *(*[payloadSize]byte)(b)
			cc = (cc + 1) & 15
			b = b[payloadSize:]
		}
	}
	m.cc[m.cur] = cc
	return b
}
