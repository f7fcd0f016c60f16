package origin

import (
	"sluice/packager"
	"sluice/packager/uri"
)

// reshape returns set as the path's parameters would have it: clipped, shifted, in another language. The order is: clip, then
// shift, so that a shift is by what it says.
func reshape(set *packager.Set, r *uri.Request) *packager.Set {
	out := *set
	out.Files = append([]packager.SetFile(nil), set.Files...)
	clips := !progressive(r.Kind)
	if r.PerFile == nil {
		if clips && (r.Params.ClipFrom > 0 || r.Params.ClipTo > 0) {
			clip(&out, 0, len(out.Files), &r.Params)
		}
		for i := range out.Files {
			out.Files[i] = adjust(out.Files[i], &r.Params)
		}
		return &out
	}
	for i := range out.Files {
		p := &r.PerFile[min(i, len(r.PerFile)-1)]
		if clips && (p.ClipFrom > 0 || p.ClipTo > 0) {
			clip(&out, i, i+1, p)
		}
		out.Files[i] = adjust(out.Files[i], p)
	}
	return &out
}

// clip cuts files [from, to) of set to the clip of p.
func clip(set *packager.Set, from, to int, p *uri.Params) {
	set.DurationMS = 0 // the tracks tell
	set.Storyboard = nil
	var tracks []*packager.Track
	for i := from; i < to; i++ {
		tracks = append(tracks, set.Files[i].Tracks...)
	}
	cut, startMS := packager.SegmentClip(tracks, p.ClipFrom, p.ClipTo)
	for i := from; i < to; i++ {
		f := &set.Files[i]
		f.Tracks, cut = cut[:len(f.Tracks):len(f.Tracks)], cut[len(f.Tracks):]
		if f.Cues != nil {
			f.Cues = clipCues(f.Cues, startMS, p.ClipTo)
		}
	}
}

func clipCues(t *packager.TextTrack, fromMS, toMS int64) *packager.TextTrack {
	out := *t
	out.Cues = nil
	for _, c := range t.Cues {
		if c.End <= fromMS || toMS > 0 && c.Start >= toMS {
			continue
		}
		c.Start, c.End = max(0, c.Start-fromMS), c.End-fromMS
		if toMS > 0 {
			c.End = min(c.End, toMS-fromMS)
		}
		out.Cues = append(out.Cues, c)
	}
	return &out
}

// adjust applies language and shifts to a file.
func adjust(f packager.SetFile, p *uri.Params) packager.SetFile {
	tracks := make([]*packager.Track, len(f.Tracks))
	for i, t := range f.Tracks {
		ms := p.ShiftVideo
		switch t.Kind {
		case packager.Audio:
			ms = p.ShiftAudio
		case packager.Text:
			ms = p.ShiftText
		}
		if ms > 0 {
			t = shift(t, ms*int64(t.Timescale)/1000)
		}
		if p.Lang != "" && t.Kind != packager.Video {
			c := *t
			c.Language = p.Lang
			t = &c
		}
		tracks[i] = t
	}
	f.Tracks = tracks
	if f.Cues != nil {
		c := *f.Cues
		if p.Lang != "" {
			c.Language = p.Lang
		}
		if p.ShiftText > 0 {
			c.Cues = append([]packager.Cue(nil), c.Cues...)
			for i := range c.Cues {
				c.Cues[i].Start += p.ShiftText
				c.Cues[i].End += p.ShiftText
			}
		}
		f.Cues = &c
	}
	return f
}

// shift moves t's presentation forward. The stored fragments cannot be used as they are then, since they hold decode times.
func shift(t *packager.Track, ticks int64) *packager.Track {
	b := packager.NewBuilder(t.Media, t.Files...)
	t.Walk(0, t.Len(), func(_ int, s packager.Sample) bool {
		s.DTS += ticks
		s.PTS += ticks
		b.Add(s)
		return true
	})
	return b.Track()
}
