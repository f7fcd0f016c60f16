package remux

import (
	"bytes"

	"sluice/packager"
)

// heldUnit is an audio unit that waits.
type heldUnit struct {
	t *track
	u unit
}

// sinkFailure marks an error of the sink on its way through a demuxer.
type sinkFailure struct{ error }

func (s sinkFailure) Unwrap() error { return s.error }

const (
	// maxHeld bounds the audio that waits for the first picture after a discontinuity.
	maxHeld = 4 << 20
	// A time that goes back by more than jumpBack or ahead by more than jumpAhead, in 90 kHz ticks, without a discontinuity tag
	// is a discontinuity all the same.
	jumpBack  = 45000
	jumpAhead = 10 * 90000
)

// unit places one unit of the feed.
func (f *feed) unit(t *track, m *packager.Media, gen int, u unit) error {
	if t.gen != gen || len(t.entries) == 0 || t.epoch != f.disc {
		if len(t.entries) == 0 && m.Language == "" && m.Kind == packager.Audio {
			m.Language = f.r.in.language
		}
		if err := t.setMedia(m); err != nil {
			return err
		}
		t.gen = gen
	}
	if t.epoch != f.disc {
		shift, known := f.r.shifts[f.disc]
		switch {
		case known:
		case t.kind == packager.Audio && f.hasVideo() && f.heldBytes < maxHeld:
			u.data = bytes.Clone(u.data)
			f.held = append(f.held, heldUnit{t, u})
			f.heldBytes += len(u.data) + 64
			return nil
		default:
			shift = f.expected(t) - rescale(u.dts, u.scale, 90000)
			f.settleEpoch(shift)
		}
		t.shift, t.epoch = shift, f.disc
		if !known && len(f.held) > 0 {
			if err := f.put(t, u); err != nil {
				return err
			}
			return f.settleHeld()
		}
	}
	if t.started {
		f.jump(t, u)
	}
	return f.put(t, u)
}

func (f *feed) put(t *track, u unit) error {
	if err := t.put(u); err != nil {
		return sinkFailure{err}
	}
	return nil
}

// hasVideo reports whether the segment under way carries video.
func (f *feed) hasVideo() bool {
	if f.r.o.AudioOnly {
		return false
	}
	if f.kind == transportStream {
		for _, s := range f.ts.Streams() {
			if s.Media.Kind == packager.Video {
				return true
			}
		}
		return false
	}
	return f.kind == fragmented && f.frag.hasVideo
}

// expected is the time, in 90 kHz, at which the next epoch of t starts: the end of what there is, and of what is missing.
func (f *feed) expected(t *track) int64 {
	if t.started {
		return t.to90(t.next) + t.debt
	}
	end := int64(0)
	for _, x := range f.r.tracks {
		if x.started {
			end = max(end, x.to90(x.next)+x.debt)
		}
	}
	return end
}

// settleEpoch notes where the epoch under way lies; what was missing before it is part of that.
func (f *feed) settleEpoch(shift int64) {
	f.r.shifts[f.disc] = shift
	for _, t := range f.tracks {
		t.debt = 0
	}
}

// settleHeld places the audio that waited: the epoch is known, or there will be no picture to tell it.
func (f *feed) settleHeld() error {
	held := f.held
	f.held, f.heldBytes = nil, 0
	for _, h := range held {
		shift, known := f.r.shifts[f.disc]
		if !known {
			shift = f.expected(h.t) - rescale(h.u.dts, h.u.scale, 90000)
			f.settleEpoch(shift)
		}
		h.t.shift, h.t.epoch = shift, f.disc
		if h.t.started {
			f.jump(h.t, h.u)
		}
		if err := f.put(h.t, h.u); err != nil {
			return err
		}
	}
	return nil
}

// jump gives t another shift when u is implausibly far from where t stands. Another track of the feed may have jumped before it, in
// which case its shift is taken over: both are of one program.
func (f *feed) jump(t *track, u unit) {
	limit := int64(jumpAhead) + t.debt
	far := func(shift int64) bool {
		at := rescale(u.dts, u.scale, 90000) + shift
		return at < t.to90(t.last)-jumpBack || at > t.to90(t.next)+limit
	}
	debt := t.debt
	t.debt = 0 // the jump over missing segments is in the times themselves, or made here
	if !far(t.shift) {
		return
	}
	if latest := f.r.shifts[f.disc]; latest != t.shift && !far(latest) {
		t.shift = latest
		return
	}
	t.shift = t.to90(t.next) + debt - rescale(u.dts, u.scale, 90000)
	f.r.shifts[f.disc] = t.shift
	f.r.report.Discontinuities++
	f.r.report.warn("times jump without EXT-X-DISCONTINUITY: joined without a gap")
}
