package hls

import (
	"strconv"
	"strings"

	"sluice/packager"
	"sluice/packager/uri"
)

// Master writes the multivariant playlist of the tracks selected.
//
// Sound goes into the variants themselves when each video file brings its own, and in TS when there is one language; else
// it is a group of renditions for every quality of sound, and a variant refers to the quality that fits its own.
func Master(o *Options, sel *uri.Selection) ([]byte, error) {
	if o.Table.Ready == 0 || len(sel.Video)+len(sel.Audio) == 0 {
		return nil, ErrNothing
	}
	m := &master{Options: o, sel: sel, p: newPlaylist(2048), measured: make(map[packager.Ref]packager.Bandwidth)}
	m.p.line("#EXT-X-INDEPENDENT-SEGMENTS")
	if err := m.sortAudio(); err != nil {
		return nil, err
	}
	if m.grouped {
		m.useGroups()
	}
	m.subtitles()
	if err := m.variants(); err != nil {
		return nil, err
	}
	if err := m.trickPlay(); err != nil {
		return nil, err
	}
	return m.p.b, nil
}

type master struct {
	*Options
	sel     *uri.Selection
	p       *playlist
	own     map[int]packager.Ref // audio in a video's own file
	groups  []audioGroup
	grouped bool // groups are EXT-X-MEDIA renditions rather than muxed in

	measured map[packager.Ref]packager.Bandwidth
}

// rate is the bandwidth of one track by itself.
func (m *master) rate(ref packager.Ref) (packager.Bandwidth, error) {
	if b, ok := m.measured[ref]; ok {
		return b, nil
	}
	b, err := m.bandwidth(ref)
	m.measured[ref] = b
	return b, err
}

func (m *master) variants() error {
	if len(m.sel.Video) == 0 {
		return m.audioVariants()
	}
	families := m.families()
	for _, v := range m.sel.Video {
		if a, ok := m.own[v.File]; ok {
			if err := m.variant([]packager.Ref{v, a}, nil); err != nil {
				return err
			}
			continue
		}
		if len(families) == 0 {
			if err := m.variant([]packager.Ref{v}, nil); err != nil {
				return err
			}
		}
		for _, family := range families {
			g := m.fitting(v, family)
			var err error
			if m.grouped {
				err = m.variant([]packager.Ref{v}, g)
			} else {
				err = m.variant([]packager.Ref{v, g.refs[g.def]}, nil)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// audioVariants are the variants of a set without video: one a quality, or every track when there are no groups.
func (m *master) audioVariants() error {
	for i := range m.groups {
		g := &m.groups[i]
		var err error
		if m.grouped {
			err = m.variant(g.refs[g.def:g.def+1], g)
		} else {
			err = m.variant(g.refs[g.def:g.def+1], nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// variant writes one EXT-X-STREAM-INF (RFC 8216 §4.3.4.2) whose own playlist muxes refs and whose sound, if any, is group g.
func (m *master) variant(refs []packager.Ref, g *audioGroup) error {
	bw, err := m.variantBandwidth(refs, g)
	if err != nil {
		return err
	}
	var a attrs
	a.int("BANDWIDTH", bw.Peak)
	a.int("AVERAGE-BANDWIDTH", bw.Average)
	a.text("CODECS", m.codecs(refs, g))
	if refs[0].Kind == packager.Video {
		m.picture(&a, m.set().Media(refs[0]))
	}
	id := m.stableID(refs)
	if g != nil {
		a.text("AUDIO", g.id)
		id += "-" + g.id
	}
	if len(m.sel.Text) > 0 {
		a.text("SUBTITLES", subtitleGroup)
	}
	if refs[0].Kind == packager.Video {
		a.raw("CLOSED-CAPTIONS", "NONE")
	}
	a.text("STABLE-VARIANT-ID", id)
	m.p.line("#EXT-X-STREAM-INF:" + a.b.String())
	m.p.line(m.child("index", 0, refs, "m3u8"))
	return nil
}

func (m *master) variantBandwidth(refs []packager.Ref, g *audioGroup) (packager.Bandwidth, error) {
	if g == nil {
		return m.bandwidth(refs...)
	}
	var sound packager.Bandwidth
	for _, r := range g.refs {
		b, err := m.rate(r)
		if err != nil {
			return sound, err
		}
		sound.Peak, sound.Average = max(sound.Peak, b.Peak), max(sound.Average, b.Average)
	}
	if refs[0].Kind == packager.Audio {
		return sound, nil
	}
	video, err := m.rate(refs[0])
	return video.Add(sound), err
}

func (m *master) picture(a *attrs, v *packager.Media) {
	w := uint64(v.Width)
	if v.SARNum > 0 && v.SARDen > 0 {
		w = (w*uint64(v.SARNum) + uint64(v.SARDen)/2) / uint64(v.SARDen)
	}
	if w > 0 && v.Height > 0 {
		a.raw("RESOLUTION", strconv.FormatUint(w, 10)+"x"+strconv.Itoa(int(v.Height)))
	}
	if v.RateNum > 0 && v.RateDen > 0 {
		a.raw("FRAME-RATE", frameRate(v.RateNum, v.RateDen))
	}
	a.raw("VIDEO-RANGE", videoRange(v.Color.Transfer))
}

// videoRange names the transfer characteristics (ISO/IEC 23091-2 §8.2).
func videoRange(transfer uint8) string {
	switch transfer {
	case 16:
		return "PQ"
	case 18:
		return "HLG"
	}
	return "SDR"
}

// codecs lists every sample format in any rendition of the variant, each once.
func (m *master) codecs(refs []packager.Ref, g *audioGroup) string {
	var list []string
	add := func(refs []packager.Ref) {
		for _, r := range refs {
			c := m.set().Media(r).CodecString()
			if c == "Opus" {
				c = "opus"
			}
			if !contains(list, c) {
				list = append(list, c)
			}
		}
	}
	add(refs)
	if g != nil {
		add(g.refs)
	}
	for _, r := range m.sel.Text {
		if m.set().Track(r) != nil {
			add([]packager.Ref{r})
		}
	}
	return strings.Join(list, ",")
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// stableID names a variant by the ids of its files, or by their numbers where they have none.
func (m *master) stableID(refs []packager.Ref) string {
	var parts []string
	for _, r := range refs {
		id := m.set().Files[r.File-1].ID
		if id == "" || uri.Version(id) != id {
			id = "f" + strconv.Itoa(r.File)
		}
		kind := "v"
		if r.Kind == packager.Audio {
			kind = "a"
		}
		parts = append(parts, id+"."+kind+strconv.Itoa(r.N))
	}
	return strings.Join(parts, "-")
}

// trickPlay announces the I-frame playlists and the storyboard.
func (m *master) trickPlay() error {
	for _, v := range m.sel.Video {
		frames, err := m.iframes(v)
		if err != nil {
			return err
		}
		if len(frames) == 0 {
			continue
		}
		var a attrs
		bw := iframeBandwidth(frames, m.set().Track(v).Timescale)
		a.int("BANDWIDTH", bw.Peak)
		a.int("AVERAGE-BANDWIDTH", bw.Average)
		a.text("CODECS", m.codecs([]packager.Ref{v}, nil))
		media := *m.set().Media(v)
		media.RateNum = 0 // FRAME-RATE is no attribute of EXT-X-I-FRAME-STREAM-INF
		m.picture(&a, &media)
		a.text("URI", m.child("iframes", 0, []packager.Ref{v}, "m3u8"))
		m.p.line("#EXT-X-I-FRAME-STREAM-INF:" + a.b.String())
	}
	if sb := m.set().Storyboard; sb != nil && len(sb.Sprites) > 0 && sb.IntervalMS > 0 {
		var a attrs
		a.int("BANDWIDTH", imageBandwidth(sb))
		a.raw("RESOLUTION", strconv.Itoa(sb.TileWidth)+"x"+strconv.Itoa(sb.TileHeight))
		a.text("CODECS", "jpeg")
		a.text("URI", "image.m3u8"+m.Query)
		m.p.line("#EXT-X-IMAGE-STREAM-INF:" + a.b.String())
	}
	return nil
}

func iframeBandwidth(frames []IFrame, scale uint32) packager.Bandwidth {
	var b packager.Bandwidth
	var bytes, dur int64
	for _, f := range frames {
		bytes += f.N
		dur += f.Dur
		b.Peak = max(b.Peak, f.N*8*int64(scale)/max(1, f.Dur)+1)
	}
	b.Average = bytes*8*int64(scale)/max(1, dur) + 1
	return b
}

func imageBandwidth(sb *packager.Storyboard) int64 {
	per := int64(sb.Columns*sb.Rows) * sb.IntervalMS
	peak := int64(1)
	for k, f := range sb.Sprites {
		dur := min(per, int64(sb.Tiles)*sb.IntervalMS-int64(k)*per)
		peak = max(peak, f.Size()*8000/max(1, dur)+1)
	}
	return peak
}
