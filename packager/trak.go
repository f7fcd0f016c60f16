package packager

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/Eyevinn/mp4ff/mp4"
	"golang.org/x/text/language"
)

// MovieTimescale is the timescale of the movie header of every file we make, ticks per second.
const MovieTimescale = 1000

// Trak builds the track box of m with empty sample tables. When duration, in ticks of the track after Priming, is not
// known it is 0, as in a fragmented file. Priming becomes an edit list (ISO/IEC 14496-12 §8.6.6).
func Trak(m *Media, id uint32, duration int64, rate BitRate) (*mp4.TrakBox, error) {
	if m.Timescale == 0 {
		return nil, errors.New("track box: timescale is 0")
	}
	entry, err := SampleEntry(m, rate)
	if err != nil {
		return nil, fmt.Errorf("track box: %w", err)
	}
	handler := "video"
	if m.Kind == Audio {
		handler = "audio"
	}
	iso, bcp47 := languages(m.Language)
	trak := mp4.CreateEmptyTrak(id, m.Timescale, handler, iso)
	if bcp47 != "" {
		trak.Mdia.AddChild(mp4.CreateElng(bcp47))
	}
	trak.Mdia.Hdlr.Name = strings.ReplaceAll(m.Name, "\x00", "")
	trak.Mdia.Minf.Stbl.Stsd.AddChild(entry)
	trak.Tkhd.Flags = 0x000007 // enabled, in movie, in preview
	if m.Kind == Audio {
		trak.Tkhd.AlternateGroup = 1
	}
	if m.Kind == Video {
		w := uint64(m.Width) << 16
		if m.SARNum != 0 && m.SARDen != 0 {
			w = w * uint64(m.SARNum) / uint64(m.SARDen)
		}
		trak.Tkhd.Width, trak.Tkhd.Height = mp4.Fixed32(min(w, 0xFFFFFFFF)), mp4.Fixed32(m.Height)<<16
	}
	trak.Tkhd.Duration = MovieTicks(duration, m.Timescale)
	if m.Priming > 0 {
		AddEdits(trak, mp4.ElstEntry{
			SegmentDuration: MovieTicks(duration, m.Timescale), MediaTime: int64(m.Priming), MediaRateInteger: 1,
		})
	}
	return trak, nil
}

// AddEdits gives trak an edit list. It goes before mdia, where readers expect it.
func AddEdits(trak *mp4.TrakBox, entries ...mp4.ElstEntry) {
	elst := &mp4.ElstBox{Entries: entries}
	for _, e := range entries {
		if e.SegmentDuration > math.MaxUint32 || e.MediaTime > math.MaxInt32 {
			elst.Version = 1
		}
	}
	edts := &mp4.EdtsBox{}
	edts.AddChild(elst)
	trak.AddChild(edts)
	c := trak.Children
	copy(c[2:], c[1:len(c)-1])
	c[1] = edts
}

// MovieTicks converts ticks of scale to the movie timescale, rounding to nearest.
func MovieTicks(t int64, scale uint32) uint64 {
	if t <= 0 {
		return 0
	}
	whole, rest := uint64(t)/uint64(scale), uint64(t)%uint64(scale)
	return whole*MovieTimescale + (rest*MovieTimescale+uint64(scale)/2)/uint64(scale)
}

// languages gives the three-letter code that mdhd holds, and the full tag for elng when that says more.
func languages(tag string) (iso, bcp47 string) {
	if tag == "" || tag == "und" {
		return "und", ""
	}
	t, err := language.Parse(tag)
	if err != nil {
		return "und", ""
	}
	base, _ := t.Base()
	iso = base.ISO3()
	if len(iso) != 3 {
		iso = "und"
	}
	if s := t.String(); s != base.String() {
		bcp47 = s
	}
	return iso, bcp47
}
