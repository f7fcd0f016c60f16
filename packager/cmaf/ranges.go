package cmaf

import "sluice/packager"

// ByteRange is bytes of a stored file and the time they stand for, in ticks of the track after Priming.
type ByteRange struct {
	Off, N     int64
	Start, Dur int64
}

// IFrames returns, for each stored fragment that starts with a sync sample, the range of its moof, mdat header and that
// sample (RFC 8216 §4.3.3.6): what an I-frame playlist of byte ranges lists. Start is when the frame is shown, Dur the time
// to the next one. It is nil for a track that is not one whole CMAF file.
func IFrames(t *packager.Track) []ByteRange {
	if len(t.Files) > 1 || t.FragmentCount() == 0 || t.Kind != packager.Video {
		return nil
	}
	out := make([]ByteRange, 0, t.FragmentCount())
	for k := range t.FragmentCount() {
		f := t.Fragment(k)
		s := t.Sample(f.First)
		if !s.Sync {
			continue
		}
		start := max(0, s.PTS-int64(t.Priming))
		if n := len(out); n > 0 {
			out[n-1].Dur = start - out[n-1].Start
		}
		out = append(out, ByteRange{Off: f.Off, N: f.Head + int64(s.Size), Start: start, Dur: t.Duration() - start})
	}
	return out
}

// InitRange returns the range of ftyp and moov in t's only file; ok is false when t is not a single CMAF file.
func InitRange(t *packager.Track) (r ByteRange, ok bool) {
	return ByteRange{N: t.Layout.Init}, t.Layout.Init > 0 && len(t.Files) <= 1
}

// SidxRange returns the range of the sidx box in t's only file; ok is false when there is none.
func SidxRange(t *packager.Track) (r ByteRange, ok bool) {
	return ByteRange{Off: t.Layout.Init, N: t.Layout.Sidx, Dur: t.Duration()}, t.Layout.Sidx > 0 && len(t.Files) <= 1
}
