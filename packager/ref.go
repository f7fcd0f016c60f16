package packager

// Ref names a track of a set the way URLs do: track N (from 1) among those of Kind in file File (from 1). The letters of
// f1-v1 are Ref{1, Video, 1}.
type Ref struct {
	File int
	Kind Kind
	N    int
}

// Track returns the track that r names, or nil. The cues of a subtitle file are not a Track.
func (s *Set) Track(r Ref) *Track {
	if r.File < 1 || r.File > len(s.Files) {
		return nil
	}
	n := r.N
	for _, t := range s.Files[r.File-1].Tracks {
		if t.Kind != r.Kind {
			continue
		}
		if n--; n == 0 {
			return t
		}
	}
	return nil
}

// Text returns the cues that r names, or nil.
func (s *Set) Text(r Ref) *TextTrack {
	if r.Kind != Text || r.N != 1 || r.File < 1 || r.File > len(s.Files) {
		return nil
	}
	return s.Files[r.File-1].Cues
}

// Media returns what the set knows of the track or cues that r names, or nil.
func (s *Set) Media(r Ref) *Media {
	if t := s.Track(r); t != nil {
		return &t.Media
	}
	if t := s.Text(r); t != nil {
		return &t.Media
	}
	return nil
}

// Refs names the set's tracks of kind k in URL order. Tracks without samples are left out; cues count as text.
func (s *Set) Refs(k Kind) []Ref {
	var refs []Ref
	for i := range s.Files {
		n := 0
		for _, t := range s.Files[i].Tracks {
			if t.Kind != k {
				continue
			}
			if n++; t.Len() > 0 {
				refs = append(refs, Ref{i + 1, k, n})
			}
		}
		if k == Text && n == 0 && s.Files[i].Cues != nil {
			refs = append(refs, Ref{i + 1, k, 1})
		}
	}
	return refs
}
