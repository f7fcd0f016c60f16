// Package synthetic makes sets without media for tests: tracks of constant frames whose bytes nobody reads.
package synthetic

import (
	"encoding/hex"
	"fmt"

	"sluice/packager"
)

// Video is a track of secs seconds: 25 frames a second, a key frame every 2 s, frame bytes by bits per second.
func Video(width, height uint16, secs, bitrate int) *packager.Track {
	m := packager.Media{
		Kind: packager.Video, Entry: "avc1", Config: unhex("0164001fffe1"), Timescale: 12800, Width: width, Height: height,
		RateNum: 25, RateDen: 1, SARNum: 1, SARDen: 1, Color: packager.Color{Primaries: 1, Transfer: 1, Matrix: 1},
	}
	return Track(m, secs*25, 512, 50, bitrate/8/25)
}

// Audio is an AAC track of 48 kHz in frames of 1,024 samples, the first of which is priming.
func Audio(lang string, channels uint8, secs, bitrate int) *packager.Track {
	m := packager.Media{
		Kind: packager.Audio, Entry: "mp4a", Config: unhex("1190"), Timescale: 48000, SampleRate: 48000, Channels: channels,
		Priming: 1024, Language: lang,
	}
	frames := (secs*48000+1023)/1024 + 1
	return Track(m, frames, 1024, 1, bitrate/8*1024/48000)
}

// Track is n samples of dur ticks and size bytes; every gop-th is a sync sample.
func Track(m packager.Media, n int, dur uint32, gop, size int) *packager.Track {
	b := packager.NewBuilder(m, File(int64(n*size), fmt.Sprintf("%s-%d-%d", m.Entry, n, size)))
	for i := range n {
		at := int64(i) * int64(dur)
		b.Add(packager.Sample{DTS: at, PTS: at, Dur: dur, Size: uint32(size), Sync: i%gop == 0, Offset: int64(i * size)})
	}
	return b.Track()
}

// Cues is a subtitle file.
func Cues(lang, name string, def, forced bool) *packager.TextTrack {
	return &packager.TextTrack{
		Media: packager.Media{Kind: packager.Text, Timescale: 1000, Language: lang, Name: name, Default: def, Forced: forced},
		Cues:  []packager.Cue{{Start: 1000, End: 2000, Text: "text"}},
	}
}

// Set holds each track or cue list in a file of its own, in order.
func Set(id string, files ...any) *packager.Set {
	s := &packager.Set{ID: id, Version: "7", Complete: true}
	for i, f := range files {
		sf := packager.SetFile{ID: fmt.Sprintf("0_%d", i+1)}
		switch f := f.(type) {
		case *packager.Track:
			sf.Tracks = []*packager.Track{f}
		case []*packager.Track:
			sf.Tracks = f
		case *packager.TextTrack:
			sf.Cues = f
		}
		s.Files = append(s.Files, sf)
	}
	return s
}

// With returns a copy of t with its description changed.
func With(t *packager.Track, change func(m *packager.Media)) *packager.Track {
	c := *t
	change(&c.Media)
	return &c
}

// Storyboard is 10 × 10 tiles of 160 × 90 every 2 s, for secs seconds.
func Storyboard(secs int) *packager.Storyboard {
	sb := &packager.Storyboard{TileWidth: 160, TileHeight: 90, Columns: 10, Rows: 10, IntervalMS: 2000, Tiles: (secs + 1) / 2}
	for k := 0; k*100 < sb.Tiles; k++ {
		sb.Sprites = append(sb.Sprites, File(150_000, fmt.Sprint("sprite", k)))
	}
	return sb
}

// Size is the bytes of a segment's samples with a fixed share for the container: 100 bytes and 12 a sample.
func Size(t *packager.Table) func(refs []packager.Ref, k int) (int64, error) {
	return func(refs []packager.Ref, k int) (int64, error) {
		var n int64
		for _, r := range refs {
			s := t.Segments(r)[k]
			n += s.Bytes + 100 + int64(s.Count)*12
		}
		return n, nil
	}
}

type file struct {
	size int64
	etag string
}

// File is a file of zeros.
func File(size int64, etag string) packager.File { return file{size, etag} }

func (f file) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }
func (f file) Size() int64                           { return f.size }
func (f file) Bytes() []byte                         { return nil }
func (f file) FD() int                               { return -1 }
func (f file) ETag() string                          { return f.etag }

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
