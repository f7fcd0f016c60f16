package uri

import (
	"strings"

	"sluice/packager"
)

// Selection is the tracks of a set that a request names, by kind and in URL order.
type Selection struct {
	Video, Audio, Text []packager.Ref
}

// Select finds the tracks of set that r names. Masters and manifests default to every track; other objects need one video
// track, one audio track or both (then muxed), or one text track, and default to the first video and the first audio of
// the first files that have one. A file or track that does not exist is a 404.
func Select(set *packager.Set, r *Request) (Selection, error) {
	var s Selection
	for _, k := range [...]packager.Kind{packager.Video, packager.Audio, packager.Text} {
		for _, ref := range set.Refs(k) {
			if r.wants(set, ref) {
				s.add(ref)
			}
		}
	}
	if err := r.checkPicks(set); err != nil {
		return s, err
	}
	if r.single() {
		return s, s.narrow(r)
	}
	return s, nil
}

// single reports whether r's kind is of one rendition rather than of a whole set.
func (r *Request) single() bool {
	switch r.Kind {
	case MediaPlaylist, IFramePlaylist, Init, SegmentTS, SegmentMP4, SegmentTrick, SegmentVTT, SegmentAAC, TrackFile, Subtitles,
		ProgressiveMP4, ProgressiveM4A, ProgressiveAAC:
		return true
	}
	return false
}

func (s *Selection) add(ref packager.Ref) {
	switch ref.Kind {
	case packager.Video:
		s.Video = append(s.Video, ref)
	case packager.Audio:
		s.Audio = append(s.Audio, ref)
	default:
		s.Text = append(s.Text, ref)
	}
}

// Refs are all the tracks selected, video first.
func (s *Selection) Refs() []packager.Ref {
	return append(append(append([]packager.Ref(nil), s.Video...), s.Audio...), s.Text...)
}

// narrow reduces s to what one object can hold.
func (s *Selection) narrow(r *Request) error {
	named := false
	for i := range r.Picks() {
		named = named || !r.Picks()[i].NoTracks()
	}
	if named && (len(s.Video) > 1 || len(s.Audio) > 1 || len(s.Text) > 1) {
		return bad("the name picks more than one track of a kind")
	}
	text := r.Kind == SegmentVTT || r.Kind == Subtitles
	switch {
	case r.Kind == IFramePlaylist || r.Kind == SegmentTrick:
		s.Audio, s.Text = nil, nil
	case r.Kind == SegmentAAC || r.Kind == ProgressiveM4A || r.Kind == ProgressiveAAC:
		s.Video, s.Text = nil, nil
	case text || named && len(s.Video)+len(s.Audio) == 0:
		s.Video, s.Audio = nil, nil
	case len(s.Video)+len(s.Audio) > 0:
		if named && len(s.Text) > 0 {
			return bad("text cannot be muxed with other tracks")
		}
		s.Text = nil
	}
	s.Video, s.Audio, s.Text = first(s.Video), first(s.Audio), first(s.Text)
	if len(s.Video)+len(s.Audio)+len(s.Text) == 0 {
		return notFound("the presentation has no such track")
	}
	return nil
}

func first(refs []packager.Ref) []packager.Ref {
	if len(refs) > 1 {
		return refs[:1]
	}
	return refs
}

func (r *Request) wants(set *packager.Set, ref packager.Ref) bool {
	if !keeps(&r.Params.Tracks, ref) {
		return false
	}
	if ref.File <= len(r.PerFile) && !keeps(&r.PerFile[ref.File-1].Tracks, ref) {
		return false
	}
	if ref.Kind != packager.Video && r.nLangs > 0 && !r.speaks(set.Media(ref).Language) {
		return false
	}
	for i := range r.Picks() {
		if p := &r.Picks()[i]; p.names(set, ref.File) && (p.NoTracks() && r.takesAll(ref) || keeps(p, ref)) {
			return true
		}
	}
	return r.nPicks == 0 && r.takesAll(ref)
}

// takesAll reports whether a track that no item names belongs to the default: every track of a set, or the first video and
// audio track of each file.
func (r *Request) takesAll(ref packager.Ref) bool { return !r.single() || ref.N == 1 }

// keeps reports whether mask p holds ref; a zero mask holds everything.
func keeps(p *Pick, ref packager.Ref) bool {
	if p.NoTracks() {
		return p.IsZero()
	}
	m := p.Text
	switch ref.Kind {
	case packager.Video:
		m = p.Video
	case packager.Audio:
		m = p.Audio
	}
	return m == AllTracks || ref.N <= MaxTracks && m>>(ref.N-1)&1 == 1
}

func (p *Pick) names(set *packager.Set, file int) bool {
	if p.ID != "" {
		return set.Files[file-1].ID == p.ID
	}
	return p.File == 0 || p.File == file
}

// speaks compares the primary language only, by ISO 639-1 or -2 as the name and the track have it.
func (r *Request) speaks(lang string) bool {
	lang, _, _ = strings.Cut(lang, "-")
	for _, l := range r.Langs() {
		if sameLanguage(l, lang) {
			return true
		}
	}
	return false
}

// checkPicks refuses items that name a file or a single track that the set does not have.
func (r *Request) checkPicks(set *packager.Set) error {
	for i := range r.Picks() {
		p := &r.Picks()[i]
		found := p.File == 0 && p.ID == ""
		for f := range set.Files {
			found = found || p.names(set, f+1)
		}
		if !found {
			return notFound("the presentation has no such file")
		}
		if p.File > 0 && !p.exist(set) {
			return notFound("the file has no such track")
		}
	}
	return nil
}

func (p *Pick) exist(set *packager.Set) bool {
	for _, m := range [...]struct {
		kind packager.Kind
		mask uint64
	}{{packager.Video, p.Video}, {packager.Audio, p.Audio}, {packager.Text, p.Text}} {
		if m.mask == AllTracks {
			continue
		}
		for n := 1; m.mask != 0; n, m.mask = n+1, m.mask>>1 {
			if m.mask&1 == 1 && set.Media(packager.Ref{File: p.File, Kind: m.kind, N: n}) == nil {
				return false
			}
		}
	}
	return true
}
