//go:build cgo

package av

import (
	"sluice/codec"
)

// timeline fixes packet times in demux order: it re-bases clock jumps and gives packets without any time one. The packet
// scan and every run use it alike, so that times found by a scan hold in a run. (The 33-bit wrap of MPEG-TS is undone by
// the demuxer itself.)
type timeline struct {
	rebase bool
	clocks []clock
	epochs []epoch
	jumps  int
}

// clock is the state of one stream.
type clock struct {
	tb       codec.Rational
	video    bool
	ordered  bool  // packets carry decode times only: presentation order comes from the decoder
	frameDur int64 // ticks, for streams without times
	index    int64
	last     int64 // last fixed decode time, noPTS before the first
	lastDur  int64
	epoch    int   // which epoch's shift applies
	shift    int64 // ticks
}

// epoch is a stretch of the container between two clock jumps; its shift is in microseconds and common to all streams, so
// that sound and picture stay together.
type epoch struct{ shiftUS int64 }

// Jumps: forward by more than 10 s, or backwards by more than a quarter second.
const (
	jumpForwardUS  = 10_000_000
	jumpBackwardUS = 250_000
)

func newTimeline(streams []stream, rebase bool, format string) *timeline {
	t := &timeline{rebase: rebase, clocks: make([]clock, len(streams)), epochs: []epoch{{}}}
	for i := range streams {
		s := &streams[i]
		c := &t.clocks[i]
		c.tb, c.last = s.tb, noPTS
		c.video = s.kind == codec.Video
		c.ordered = c.video && decodeTimesOnly(format)
		fps := s.guessFPS()
		c.frameDur = max(1, mulDiv(fps.Den, s.tb.Den, fps.Num*s.tb.Num))
	}
	return t
}

// decodeTimesOnly names the containers whose video packets carry no presentation time.
func decodeTimesOnly(format string) bool {
	switch format {
	case "avi", "h264", "hevc", "m4v", "mpegvideo", "obu", "dv":
		return true
	}
	return false
}

// apply fixes p's times in place.
func (t *timeline) apply(p *packet) {
	c := &t.clocks[p.stream]
	if c.ordered {
		if p.dts == noPTS {
			p.dts = c.index * c.frameDur
		}
		p.pts = p.dts
		if p.size > 0 {
			c.index++
		}
	}
	if p.dur <= 0 && c.video {
		p.dur = c.frameDur
	}
	if t.rebase {
		t.rebaseClock(c, p)
	}
	if p.pts == noPTS && p.dts == noPTS {
		p.dts = 0
		if c.last != noPTS {
			p.dts = c.last + c.lastDur
		}
		if !c.video {
			p.pts = p.dts
		}
	}
	at := p.dts
	if at == noPTS {
		at = p.pts
	}
	c.last, c.lastDur = at, p.dur
	p.av.SetPts(p.pts)
	p.av.SetDts(p.dts)
}

// rebaseClock moves p onto the continuous clock and opens a new epoch when its stream jumps.
func (t *timeline) rebaseClock(c *clock, p *packet) {
	raw := p.dts
	if raw == noPTS {
		raw = p.pts
	}
	if raw == noPTS {
		return
	}
	if c.last != noPTS {
		want := c.last + c.lastDur
		offUS := toUS(raw+c.shift-want, c.tb)
		if offUS > jumpForwardUS || offUS < -jumpBackwardUS {
			t.jump(c, toUS(want-raw, c.tb))
		}
	} else if c.epoch = len(t.epochs) - 1; c.epoch > 0 {
		c.shift = fromUS(t.epochs[c.epoch].shiftUS, c.tb)
	}
	if p.pts != noPTS {
		p.pts += c.shift
	}
	if p.dts != noPTS {
		p.dts += c.shift
	}
}

// jump moves c to the next epoch: the one another stream already opened for the same jump, else a new one.
func (t *timeline) jump(c *clock, shiftUS int64) {
	for i := c.epoch + 1; i < len(t.epochs); i++ {
		if d := t.epochs[i].shiftUS - shiftUS; d < 2_000_000 && d > -2_000_000 {
			c.epoch, c.shift = i, fromUS(t.epochs[i].shiftUS, c.tb)
			return
		}
	}
	t.epochs = append(t.epochs, epoch{shiftUS})
	c.epoch, c.shift = len(t.epochs)-1, fromUS(shiftUS, c.tb)
	t.jumps++
}
