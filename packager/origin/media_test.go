package origin

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/mp4"
	"sluice/packager/uri"
)

// The media of these tests is made once: two rungs of 13 s with B-frames and 2 s GOPs, and two languages of sound.
var media struct {
	once  sync.Once
	dir   string
	err   error
	plain map[string]*packager.LocalFile // progressive, video and sound together
	files map[string]*packager.LocalFile // CMAF track files
	track map[string]*packager.Track
}

func TestMain(m *testing.M) {
	code := m.Run()
	if media.dir != "" {
		os.RemoveAll(media.dir)
	}
	os.Exit(code)
}

func makeMedia(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed: no media to serve")
	}
	media.once.Do(func() { media.err = encodeMedia() })
	if media.err != nil {
		t.Fatal(media.err)
	}
}

func encodeMedia() error {
	dir, err := os.MkdirTemp("", "origin-test")
	if err != nil {
		return err
	}
	media.dir = dir
	media.plain = make(map[string]*packager.LocalFile)
	media.files = make(map[string]*packager.LocalFile)
	media.track = make(map[string]*packager.Track)
	for _, v := range []struct {
		name, size, rate string
		tone             int
	}{{"hi", "640x360", "900k", 440}, {"lo", "320x180", "250k", 880}} {
		out := filepath.Join(dir, v.name+".mp4")
		args := []string{"-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=" + v.size + ":r=25:d=13", "-f", "lavfi", "-i",
			fmt.Sprintf("sine=f=%d:r=48000:d=13", v.tone), "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "50",
			"-keyint_min", "50", "-sc_threshold", "0", "-flags", "+cgop", "-b:v", v.rate, "-pix_fmt", "yuv420p", "-threads", "1",
			"-c:a", "aac", "-b:a", "64k", "-ac", "2", "-movflags", "+faststart", out}
		if b, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ffmpeg: %w: %s", err, b)
		}
		f, err := packager.OpenFile(out)
		if err != nil {
			return err
		}
		media.plain[v.name] = f
		tracks, _, err := mp4.Open(f)
		if err != nil {
			return err
		}
		for _, tr := range tracks {
			name := v.name + "-v"
			if tr.Kind == packager.Audio {
				name = v.name + "-a"
			}
			if err := store(name, tr); err != nil {
				return err
			}
		}
	}
	return nil
}

// store writes tr as a track file, as the platform does: a chunk, joined into the final file.
func store(name string, tr *packager.Track) error {
	var chunk bytes.Buffer
	m := tr.Media
	m.Language, m.Name, m.Default, m.Roles = "", "", false, nil
	w := cmaf.NewWriter(&chunk, m, cmaf.Options{NoHead: true})
	for i := range tr.Len() {
		s := tr.Sample(i)
		data := make([]byte, s.Size)
		if _, err := tr.Files[s.File].ReadAt(data, s.Offset); err != nil {
			return err
		}
		p := int64(tr.Priming)
		if err := w.Write(cmaf.Unit{DTS: s.DTS - p, PTS: s.PTS - p, Dur: int64(s.Dur), Sync: s.Sync, Data: data}); err != nil {
			return err
		}
	}
	made, err := w.Close()
	if err != nil {
		return err
	}
	joined, err := cmaf.JoinPlan([]*packager.Track{made.Track})
	if err != nil {
		return err
	}
	path := filepath.Join(media.dir, name+".cmaf")
	r := joined.Parts[0]
	if err := os.WriteFile(path, append(joined.Head, chunk.Bytes()[r.Off:r.Off+r.N]...), 0o600); err != nil {
		return err
	}
	f, err := packager.OpenFile(path)
	if err != nil {
		return err
	}
	media.files[name] = f
	media.track[name], err = cmaf.ParseIndex(joined.Index, f)
	return err
}

// labelled returns a stored track as a set describes it.
func labelled(name, lang, title string, def bool) *packager.Track {
	t := *media.track[name]
	t.Language, t.Name, t.Default = lang, title, def
	return &t
}

// stored is a set as the platform stores it: f1 and f2 video, f3 and f4 sound in two languages, f5 subtitles.
func stored(t testing.TB) *packager.Set {
	makeMedia(t)
	return &packager.Set{
		ID: "0_stored", Version: "3", Complete: true, Title: `A "title" & <more>`, DurationMS: 13000,
		Files: []packager.SetFile{
			{ID: "0_hi", Tracks: []*packager.Track{labelled("hi-v", "", "", true)}},
			{ID: "0_lo", Tracks: []*packager.Track{labelled("lo-v", "", "", false)}},
			{ID: "0_en", Tracks: []*packager.Track{labelled("hi-a", "eng", "English", true)}},
			{ID: "0_fr", Tracks: []*packager.Track{labelled("lo-a", "fra", "Français", false)}},
			{ID: "0_sub", Cues: &packager.TextTrack{
				Media: packager.Media{Kind: packager.Text, Language: "en", Name: "English", Timescale: 1000},
				Cues: []packager.Cue{
					{Start: 500, End: 2500, Text: "first"}, {Start: 5000, End: 7000, Text: "over a boundary"}, {Start: 12500, End: 13000, Text: "last"},
				}}},
		},
		Storyboard: storyboard(),
	}
}

// oneLanguage is stored without the second language and the subtitles.
func oneLanguage(t testing.TB) *packager.Set {
	s := stored(t)
	s.ID, s.Files = "0_one", s.Files[:3]
	return s
}

// progressiveSet is a set of plain files that hold both video and sound.
func progressiveSet(t testing.TB) *packager.Set {
	makeMedia(t)
	s := &packager.Set{ID: "0_plain", Version: "1", Complete: true, DurationMS: 13000}
	for _, name := range []string{"hi", "lo"} {
		tracks, _, err := mp4.Open(media.plain[name])
		if err != nil {
			t.Fatal(err)
		}
		s.Files = append(s.Files, packager.SetFile{ID: "0_" + name, Tracks: tracks})
	}
	return s
}

// storyboard is 13 tiles of 16 × 9 pixels, a second each, tile n painted with red n·16, on sprites of 3 × 3.
func storyboard() *packager.Storyboard {
	sb := &packager.Storyboard{TileWidth: 16, TileHeight: 9, Columns: 3, Rows: 3, IntervalMS: 1000, Tiles: 13}
	for k := range 2 {
		img := image.NewRGBA(image.Rect(0, 0, 48, 27))
		for i := range 9 {
			for y := range 9 {
				for x := range 16 {
					img.Set(i%3*16+x, i/3*9+y, color.RGBA{uint8((k*9 + i) * 16), 0, 0, 255})
				}
			}
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}); err != nil {
			panic(err)
		}
		sb.Sprites = append(sb.Sprites, memFile(b.Bytes()))
	}
	return sb
}

func memFile(b []byte) packager.File {
	return packager.ReaderFile(bytes.NewReader(b), int64(len(b)), fmt.Sprintf("%x-%x", len(b), b[len(b)/2]))
}

// library resolves entries by id from a map; a multi-file URI picks files by id.
type library struct {
	mu       sync.Mutex
	sets     map[string]*packager.Set
	chosen   map[string]*packager.Set
	poster   packager.File
	err      error
	resolved int
	released int
	files    map[string]packager.File
}

var published = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func (l *library) Resolve(_ context.Context, src *uri.Source) (Presentation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resolved++
	p := Presentation{Modified: published, Poster: l.poster, Release: func() { l.mu.Lock(); l.released++; l.mu.Unlock() }}
	if l.err != nil {
		return Presentation{}, l.err
	}
	if !src.Multi {
		if p.Set = l.sets[src.File(0)]; p.Set == nil {
			return Presentation{}, fmt.Errorf("%q: %w", src.File(0), ErrNotFound)
		}
		return p, nil
	}
	whole := l.sets[src.Prefix[:len(src.Prefix)-1]]
	if whole == nil {
		return Presentation{}, ErrNotFound
	}
	if p.Set = l.chosen[src.String()]; p.Set == nil {
		s := *whole
		s.Files = nil
		for i := range src.Len() {
			for _, f := range whole.Files {
				if f.ID == src.Part(i) {
					s.Files = append(s.Files, f)
				}
			}
		}
		if len(s.Files) != src.Len() {
			return Presentation{}, ErrNotFound
		}
		if l.chosen == nil {
			l.chosen = make(map[string]*packager.Set)
		}
		p.Set = &s
		l.chosen[src.String()] = p.Set
	}
	return p, nil
}

func (l *library) Original(_ context.Context, file string) (Original, error) {
	f := l.files[file]
	if f == nil {
		return Original{}, ErrNotFound
	}
	return Original{File: f, Name: "Ünïcode \"name\".mp4", ContentType: "video/mp4", Modified: published}, nil
}

// bigSet is one stored track of 6 s in 2.2 MB, as a rendition of 3 Mb/s has it.
func bigSet(t testing.TB) *packager.Set {
	t.Helper()
	makeMedia(t)
	name := "big-v"
	if media.track[name] == nil {
		frame := bytes.Repeat([]byte{0, 0, 0, 0}, 3667)
		binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
		path := filepath.Join(media.dir, "frames")
		if err := os.WriteFile(path, bytes.Repeat(frame, 150), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := packager.OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b := packager.NewBuilder(media.track["hi-v"].Media, f)
		for i := range 150 {
			at := int64(i) * 512
			b.Add(packager.Sample{DTS: at, PTS: at, Dur: 512, Size: uint32(len(frame)), Sync: i%50 == 0, Offset: int64(i * len(frame))})
		}
		if err := store(name, b.Track()); err != nil {
			t.Fatal(err)
		}
	}
	return &packager.Set{ID: "0_big", Version: "1", Complete: true, Files: []packager.SetFile{{Tracks: []*packager.Track{media.track[name]}}}}
}

func writeBody(t testing.TB, path string, body packager.Body) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := body.WriteRange(context.Background(), f, 0, body.Size()); err != nil {
		t.Fatal(err)
	}
}

// given counts the presentations that nobody has given back.
func (l *library) given() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.resolved - l.released
}
