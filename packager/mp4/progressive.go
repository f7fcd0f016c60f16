package mp4

import (
	"errors"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/mp4"

	"sluice/packager"
)

// Clip is a part of the presentation in milliseconds; ToMS 0 means the end.
type Clip struct{ FromMS, ToMS int64 }

// Options steers Progressive.
type Options struct {
	Clip  Clip
	Title string // shown by players; "" for none
}

// ErrEmpty says that nothing is left to serve: no track has samples in the clip.
var ErrEmpty = errors.New("no samples")

// Progressive returns a virtual faststart file of tracks: ftyp, a computed moov, and an mdat whose media bytes stay where
// they are. Audio alone makes an M4A. Tracks are interleaved by the second. A clip starts exactly at its time: it begins
// with the sync sample before, and an edit list hides what comes before (ISO/IEC 14496-12 §8.6.6).
//
// The body holds the header, about 16 bytes a video sample and 8 an audio sample: keep it as long as the clip is asked for.
func Progressive(tracks []*packager.Track, o Options) (packager.Body, error) {
	l := layout{title: o.Title}
	for _, t := range tracks {
		if t.Kind != packager.Video && t.Kind != packager.Audio {
			return nil, fmt.Errorf("progressive MP4: %w %q: neither video nor audio", ErrUnsupported, t.Entry)
		}
		c := packager.Clip(t, o.Clip.FromMS, o.Clip.ToMS)
		if c.Len() == 0 {
			continue
		}
		l.tracks = append(l.tracks, newTables(c, uint32(len(l.tracks)+1)))
		l.video = l.video || t.Kind == packager.Video
	}
	if len(l.tracks) == 0 {
		return nil, fmt.Errorf("progressive MP4: %w", ErrEmpty)
	}
	l.interleave()
	return l.body()
}

// layout is a progressive file while it is planned.
type layout struct {
	tracks []*tables
	chunks []chunk
	pieces []packager.Piece
	media  int64 // bytes of mdat's payload
	title  string
	video  bool
}

// chunk is contiguous samples of one track in mdat.
type chunk struct {
	track *tables
	count int
	off   int64 // from the start of mdat's payload
}

// interleave lays the samples of all tracks out second by second of presentation time, in track order within each. Seconds
// in which nothing starts are passed over.
func (l *layout) interleave() {
	l.pieces = append(l.pieces, packager.Piece{}) // the header, once it is known
	for {
		second := int64(math.MaxInt64)
		for _, t := range l.tracks {
			if t.at < t.t.Len() {
				second = min(second, (t.t.Sample(t.at).DTS-int64(t.t.Priming))/int64(t.t.Timescale))
			}
		}
		if second == math.MaxInt64 {
			return
		}
		for _, t := range l.tracks {
			end := min(t.t.Len(), t.t.At(max(1, second+1)*int64(t.t.Timescale)+int64(t.t.Priming)))
			if end > t.at {
				l.add(t, end)
			}
		}
	}
}

// add appends the samples of t up to end as a chunk.
func (l *layout) add(t *tables, end int) {
	l.chunks = append(l.chunks, chunk{t, end - t.at, l.media})
	t.chunk(end - t.at)
	t.t.Walk(t.at, end-t.at, func(_ int, s packager.Sample) bool {
		t.add(s)
		l.media += int64(s.Size)
		f := t.t.Files[s.File]
		if last := &l.pieces[len(l.pieces)-1]; last.File == f && last.Off+last.N == s.Offset {
			last.N += int64(s.Size)
		} else if s.Size > 0 {
			l.pieces = append(l.pieces, packager.Piece{File: f, Off: s.Offset, N: int64(s.Size)})
		}
		return true
	})
	t.at = end
}

// body builds the header. Its length does not depend on the offsets in it, so it is built once to be measured and once
// with the offsets that follow from its length.
func (l *layout) body() (packager.Body, error) {
	head, err := l.head(0, false)
	if err != nil {
		return nil, err
	}
	large := int64(len(head))+l.media+16 > math.MaxUint32
	if large {
		if head, err = l.head(0, true); err != nil {
			return nil, err
		}
	}
	if head, err = l.head(int64(len(head)), large); err != nil {
		return nil, err
	}
	l.pieces[0] = packager.MemPiece(head)
	return packager.Gather(l.pieces), nil
}

// head returns everything before the media bytes, which start at offset base. large selects 64-bit offsets.
func (l *layout) head(base int64, large bool) ([]byte, error) {
	moov := mp4.NewMoovBox()
	mvhd := mp4.CreateMvhd()
	mvhd.Timescale = packager.MovieTimescale
	mvhd.NextTrackID = uint32(len(l.tracks) + 1)
	moov.AddChild(mvhd)
	for _, t := range l.tracks {
		trak, dur, err := t.trak(l.offsets(t, base), large)
		if err != nil {
			return nil, fmt.Errorf("progressive MP4: %w", err)
		}
		mvhd.Duration = max(mvhd.Duration, dur)
		moov.AddChild(trak)
	}
	if udta := metadata(l.title, l.gapless()); udta != nil {
		moov.AddChild(udta)
	}
	ftyp := mp4.NewFtyp("isom", 0x200, []string{"isom", "iso2", "mp41"})
	if !l.video {
		ftyp = mp4.NewFtyp("M4A ", 0, []string{"M4A ", "mp42", "isom"})
	}
	head, err := packager.EncodeBoxes(ftyp, moov)
	if err != nil {
		return nil, fmt.Errorf("progressive MP4: %w", err)
	}
	return appendMdat(head, l.media, large), nil
}

func (l *layout) offsets(t *tables, base int64) []uint64 {
	var out []uint64
	for _, c := range l.chunks {
		if c.track == t {
			out = append(out, uint64(base+c.off))
		}
	}
	return out
}

// gapless returns the AAC track that needs iTunes' gapless hint: the only one of an M4A.
func (l *layout) gapless() *packager.Track {
	if l.video || len(l.tracks) != 1 || l.tracks[0].t.Entry != "mp4a" {
		return nil
	}
	return l.tracks[0].t
}
