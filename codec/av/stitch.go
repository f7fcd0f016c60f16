//go:build cgo

package av

import (
	"bytes"
	"fmt"
	"slices"

	"sluice/codec"
)

// stitcher joins the chunks of one rung into a track. Decode times are computed from the presentation times of the whole
// track and never taken from an encoder, whose clock starts anew with every chunk: with a reorder delay of d frames, unit i
// is decoded at the time unit i-d of the presentation is shown.
type stitcher struct {
	d      *delivery
	vp     *codec.VideoPlan
	r      *codec.RungPlan
	id     int
	from   int64
	config []byte
	delay  int64
	sorted []int64 // frame numbers in presentation order; the tail that decode times still need
	base   int64   // index of sorted[0]
	count  int64
	held   []codec.Sample // variable rate: the sample whose duration is not known yet
	done   int64          // frames delivered up to here
}

func newStitcher(d *delivery, vp *codec.VideoPlan, index int, from int64) *stitcher {
	return &stitcher{d: d, vp: vp, r: &vp.Rungs[index], id: index, from: from, done: from}
}

// begin announces the track, once, and checks that a further encoder made the same parameter sets.
func (s *stitcher) begin(config []byte, delay int64) error {
	if s.config != nil {
		if !bytes.Equal(config, s.config) || delay != s.delay {
			return codec.NewError(codec.EngineBug, "encode", fmt.Sprintf("rung %q: two chunks have different parameter sets", s.r.Name), nil)
		}
		return nil
	}
	s.config, s.delay = bytes.Clone(config), delay
	vp := s.vp
	return s.d.track(codec.Track{
		ID: s.id, Name: s.r.Name, Kind: codec.Video, Codec: s.r.Enc.Codec, Config: s.config, Timescale: vp.Timescale,
		Width: s.r.Width, Height: s.r.Height, SAR: codec.Rational{Num: 1, Den: 1}, FrameRate: vp.FPS, Color: vp.Out,
	})
}

// add delivers complete groups of pictures.
func (s *stitcher) add(buf []byte, units []unit) error {
	pts := make([]int64, len(units))
	for i, u := range units {
		pts[i] = u.pts
	}
	slices.Sort(pts)
	for i := 1; i < len(pts); i++ {
		if pts[i] == pts[i-1] {
			return s.bug("frame %d was coded twice", pts[i])
		}
	}
	s.sorted = append(s.sorted, pts...)
	for _, u := range units {
		if u.key != isKey(s.vp, u.pts) && !(u.key && u.pts == s.from) {
			return s.bug("frame %d: keyframe is %v, the grid says otherwise", u.pts, u.key)
		}
		if err := s.unit(buf[u.off:u.off+u.size], u); err != nil {
			return err
		}
	}
	s.trim()
	if n := len(pts); n > 0 {
		s.done = max(s.done, pts[n-1]+1)
	}
	return nil
}

func (s *stitcher) unit(data []byte, u unit) error {
	n := s.from + s.count - s.delay
	if s.count >= s.delay {
		n = s.sorted[s.count-s.delay-s.base]
	}
	if n > u.pts {
		return s.bug("frame %d is decoded after it is shown", u.pts)
	}
	s.count++
	f := s.vp.FrameDur
	out := codec.Sample{PTS: u.pts * f, DTS: n * f, Dur: f, Key: u.key, Data: data}
	if !s.vp.VFR {
		return s.d.sample(s.id, out)
	}
	if err := s.release(out.DTS); err != nil {
		return err
	}
	out.Data = bytes.Clone(data)
	s.held = append(s.held, out)
	return nil
}

// release delivers the held sample, whose duration ends where the next is decoded.
func (s *stitcher) release(nextDTS int64) error {
	if len(s.held) == 0 {
		return nil
	}
	h := s.held[0]
	s.held = s.held[:0]
	if nextDTS > h.DTS {
		h.Dur = nextDTS - h.DTS
	}
	return s.d.sample(s.id, h)
}

// finish delivers what is held back.
func (s *stitcher) finish(end int64) error {
	if len(s.held) == 0 {
		return nil
	}
	return s.release(max(s.held[0].DTS+s.vp.FrameDur, (end-s.delay)*s.vp.FrameDur))
}

// trim forgets presentation times that no decode time needs any more.
func (s *stitcher) trim() {
	if n := s.count - s.delay - s.base; n > 0 {
		s.sorted = s.sorted[:copy(s.sorted, s.sorted[n:])]
		s.base += n
	}
}

func (s *stitcher) bug(format string, args ...any) error {
	return codec.NewError(codec.EngineBug, "encode", fmt.Sprintf("rung %q: ", s.r.Name)+fmt.Sprintf(format, args...), nil)
}
