package ts

import "sluice/packager"

// IFrame is one picture that decoding can start at, as a byte range of a segment.
type IFrame struct {
	Segment int   // counted from 0
	Off, N  int64 // bytes of that segment; whole packets, without PAT and PMT
	Start   int64 // presentation time in ticks of the video track, after Priming
	Dur     int64 // ticks until the next I-frame, or the end
}

// IFrames lists the sync samples of the layout's video for an I-frame playlist (RFC 8216 §4.3.3.6). The PAT and PMT that each
// needs are the first HeadSize bytes of every segment: the playlist names them once by EXT-X-MAP.
func (l *Layout) IFrames() []IFrame {
	t := l.streams[l.pcr].track
	if t.Kind != packager.Video {
		return nil
	}
	var list []IFrame
	m := newMuxer(l)
	defer m.release()
	for k := range l.bodies {
		for i := range l.streams {
			m.cursors[i].reset(&l.streams[i], l.segs[i][k], i == l.pcr, l.group)
		}
		off := int64(HeadSize)
		for i := m.earliest(); i >= 0; i = m.earliest() {
			c := &m.cursors[i]
			size := int64(c.cur.packets) * packetSize
			if i == l.pcr && c.cur.count > 0 && c.cur.sync {
				start := max(0, t.Sample(c.cur.first).PTS-int64(t.Priming))
				if n := len(list); n > 0 {
					list[n-1].Dur = start - list[n-1].Start
				}
				list = append(list, IFrame{Segment: k, Off: off, N: size, Start: start, Dur: t.Duration() - start})
			}
			off += size
			c.advance()
		}
	}
	return list
}
