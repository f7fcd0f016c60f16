package hls

import (
	"strconv"

	"sluice/packager"
	"sluice/packager/ts"
)

// Media writes the media playlist of a rendition that muxes refs: one video track, one audio track, one of each, or one
// text track. While the set grows it is an EVENT playlist of the segments that will not change any more.
func Media(o *Options, refs []packager.Ref) ([]byte, error) {
	if o.set().Track(refs[0]) == nil {
		return text(o, refs[0])
	}
	t := o.set().Track(refs[0])
	all := o.Table.Segments(refs[0])
	segs := all[:min(len(all), o.Table.Ready)]
	last := lastWithSamples(segs)
	if last < 0 {
		return nil, ErrNothing
	}
	p := newPlaylist(200 + 60*len(segs))
	version := int64(3)
	if o.FMP4 {
		version = 6
	}
	o.head(p, version, o.target())
	if independent(t, segs) {
		p.line("#EXT-X-INDEPENDENT-SEGMENTS")
	}
	ext := "ts"
	if o.FMP4 {
		ext = "m4s"
		p.line(`#EXT-X-MAP:URI="` + o.child("init", 0, refs, "mp4") + `"`)
	}
	for k, s := range segs[:last+1] {
		if s.Count == 0 {
			continue // its time belongs to the segment before it
		}
		p.extinf(s.Start, s.Dur, t.Timescale)
		p.line(o.child("seg", k+1, refs, ext))
	}
	return o.foot(p), nil
}

func (o *Options) head(p *playlist, version, target int64) {
	p.number("#EXT-X-VERSION", version)
	p.number("#EXT-X-TARGETDURATION", target)
	p.line("#EXT-X-MEDIA-SEQUENCE:1")
	if o.set().Complete {
		p.line("#EXT-X-PLAYLIST-TYPE:VOD")
	} else {
		p.line("#EXT-X-PLAYLIST-TYPE:EVENT")
	}
}

func (o *Options) foot(p *playlist) []byte {
	if o.set().Complete {
		p.line("#EXT-X-ENDLIST")
	}
	return p.b
}

// target is the target duration in whole seconds: the longest segment of any track, because every playlist of a set must give
// the same (RFC 8216 §6.2.4), and never below the nominal one. It may not change while a set grows either: where there is sound,
// whose frames seldom end on a boundary, the nominal duration will be exceeded sooner or later.
func (o *Options) target() int64 {
	t, s := o.Table, o.set()
	longest := o.segmentTicks(1000)
	if !s.Complete && len(s.Refs(packager.Audio)) > 0 {
		longest++
	}
	for _, k := range [...]packager.Kind{packager.Video, packager.Audio} {
		for _, ref := range s.Refs(k) {
			scale := int64(s.Track(ref).Timescale)
			segs := t.Segments(ref)
			for _, seg := range segs[:min(len(segs), t.Ready)] {
				longest = max(longest, (seg.Dur*1000+scale-1)/scale)
			}
		}
	}
	for k := range t.Ready {
		from, to := t.Span(k)
		longest = max(longest, to-from)
	}
	return max(1, (longest+999)/1000)
}

func lastWithSamples(segs []packager.Segment) int {
	for k := len(segs) - 1; k >= 0; k-- {
		if segs[k].Count > 0 {
			return k
		}
	}
	return -1
}

func independent(t *packager.Track, segs []packager.Segment) bool {
	for _, s := range segs {
		if s.Count > 0 && !t.IsSync(s.First) {
			return false
		}
	}
	return true
}

// text writes the playlist of a subtitle rendition: WebVTT segments over the same slices of time as the media.
func text(o *Options, ref packager.Ref) ([]byte, error) {
	n := o.Table.Ready
	if n == 0 {
		return nil, ErrNothing
	}
	p := newPlaylist(200 + 60*n)
	o.head(p, 3, o.target())
	refs := []packager.Ref{ref}
	for k := range n {
		from, to := o.Table.Span(k)
		if to == from {
			continue
		}
		p.extinf(from, to-from, 1000)
		p.line(o.child("seg", k+1, refs, "vtt"))
	}
	return o.foot(p), nil
}

// IFrames writes the I-frame playlist of a video track (RFC 8216 §4.3.3.6).
func IFrames(o *Options, ref packager.Ref) ([]byte, error) {
	frames, err := o.iframes(ref)
	if err != nil {
		return nil, err
	}
	if len(frames) == 0 {
		return nil, ErrNothing
	}
	t := o.set().Track(ref)
	refs := []packager.Ref{ref}
	longest := int64(0)
	for _, f := range frames {
		longest = max(longest, f.Dur)
	}
	p := newPlaylist(200 + 90*len(frames))
	s := int64(t.Timescale)
	o.head(p, 5, max(1, (longest+s-1)/s))
	p.line("#EXT-X-I-FRAMES-ONLY")
	ext := "ts"
	if o.FMP4 {
		ext = "m4s"
		p.line(`#EXT-X-MAP:URI="` + o.child("init", 0, refs, "mp4") + `"`)
	} else {
		// The program tables are the same at the head of every segment.
		p.line(`#EXT-X-MAP:URI="` + o.child("seg", frames[0].Segment, refs, ext) + `",BYTERANGE="` + strconv.Itoa(ts.HeadSize) + `@0"`)
	}
	for _, f := range frames {
		p.extinf(f.Start, f.Dur, t.Timescale)
		p.line("#EXT-X-BYTERANGE:" + strconv.FormatInt(f.N, 10) + "@" + strconv.FormatInt(f.Off, 10))
		if f.Segment == 0 {
			p.line(o.child("track", 0, refs, "mp4"))
		} else {
			p.line(o.child("seg", f.Segment, refs, ext))
		}
	}
	return o.foot(p), nil
}

// iframes are the key frames of the ready part.
func (o *Options) iframes(ref packager.Ref) ([]IFrame, error) {
	if o.IFrames == nil {
		return nil, nil
	}
	frames, err := o.IFrames(ref)
	if err != nil || o.set().Complete {
		return frames, err
	}
	segs := o.Table.Segments(ref)
	if o.Table.Ready >= len(segs) {
		return frames, nil
	}
	end := segs[o.Table.Ready].Start
	for i, f := range frames {
		if f.Start >= end {
			return frames[:i], nil
		}
	}
	return frames, nil
}

// Images writes the image playlist of the storyboard: sprites of tiles, as the EXT-X-IMAGES-ONLY convention has it.
func Images(o *Options) ([]byte, error) {
	sb := o.set().Storyboard
	if sb == nil || len(sb.Sprites) == 0 || sb.IntervalMS <= 0 {
		return nil, ErrNothing
	}
	per := int64(sb.Columns*sb.Rows) * sb.IntervalMS
	p := newPlaylist(200 + 100*len(sb.Sprites))
	o.head(p, 7, (per+999)/1000)
	p.line("#EXT-X-IMAGES-ONLY")
	res := strconv.Itoa(sb.TileWidth) + "x" + strconv.Itoa(sb.TileHeight)
	layout := strconv.Itoa(sb.Columns) + "x" + strconv.Itoa(sb.Rows)
	for k := range sb.Sprites {
		from := int64(k) * per
		dur := min(per, int64(sb.Tiles)*sb.IntervalMS-from)
		p.extinf(from, dur, 1000)
		p.line("#EXT-X-TILES:RESOLUTION=" + res + ",LAYOUT=" + layout + ",DURATION=" + seconds(sb.IntervalMS))
		p.line("sprite-" + strconv.Itoa(k+1) + ".jpg" + o.Query)
	}
	p.line("#EXT-X-ENDLIST")
	return p.b, nil
}

func seconds(ms int64) string {
	return strconv.FormatInt(ms/1000, 10) + "." + strconv.FormatInt(ms%1000+1000, 10)[1:]
}
