package mp4_test

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sluice/internal/corpus"
	"sluice/packager"
	"sluice/packager/internal/mediatest"
	"sluice/packager/mp4"
)

// kinds are the errors that Open may return.
var kinds = []error{mp4.ErrNotMP4, mp4.ErrTruncated, mp4.ErrCorrupt, mp4.ErrLimit, mp4.ErrUnsupported, mp4.ErrEncrypted,
	mp4.ErrReference}

func kindOf(err error) error {
	for _, k := range kinds {
		if errors.Is(err, k) {
			return k
		}
	}
	return nil
}

// mediaFiles returns the corpus files that a glob below its root matches.
func mediaFiles(t testing.TB, globs ...string) []string {
	t.Helper()
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus: set SLUICE_MEDIA")
	}
	var all []string
	for _, g := range globs {
		m, err := filepath.Glob(filepath.Join(dir, g))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m...)
	}
	return all
}

// allMedia is every file of the corpus that may be an MP4.
var allMedia = []string{"video/*.m*", "video/*.3gp", "audio/*.m*", "synthetic/*.m*", "encrypted/*.mp4", "hls/*/*.mp4", "dash/*/*.mp4"}

func TestEveryFileOfTheCorpusOpensOrIsRefusedByKind(t *testing.T) {
	for _, path := range mediaFiles(t, append(allMedia, "hostile/*/*")...) {
		f, err := packager.OpenFile(path)
		if err != nil {
			continue // a folder
		}
		tracks, _, err := mp4.Open(f)
		switch {
		case err == nil && len(tracks) == 0:
			t.Errorf("%s: neither tracks nor an error", path)
		case err != nil && kindOf(err) == nil:
			t.Errorf("%s: error of no kind: %v", path, err)
		}
		for _, tr := range tracks {
			checkTrack(t, path, tr, f.Size())
		}
		f.Close()
	}
}

// checkTrack walks all samples: each lies in the file and none decodes before the one before it.
func checkTrack(t *testing.T, path string, tr *packager.Track, size int64) {
	t.Helper()
	last := int64(0)
	for i, s := range mediatest.Samples(tr) {
		if s.Offset < 0 || s.Offset+int64(s.Size) > size || s.DTS < last {
			t.Errorf("%s: sample %d of %s is %+v after %d", path, i, tr.Entry, s, last)
			return
		}
		last = s.DTS + int64(s.Dur)
	}
	if tr.Timescale == 0 || tr.Len() == 0 {
		t.Errorf("%s: %s without samples or timescale", path, tr.Entry)
	}
}

func TestTracksThatCannotBePackagedAreLeftOutByKind(t *testing.T) {
	movie, err := os.ReadFile(mediatest.Movie(t, "1", "25"))
	if err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]error{"enca": mp4.ErrEncrypted, "samr": mp4.ErrUnsupported} {
		b := bytes.Replace(movie, []byte("mp4a"), []byte(entry), 1)
		tracks, info, err := mp4.Open(packager.ReaderFile(bytes.NewReader(b), int64(len(b)), ""))
		if err != nil || len(tracks) != 1 || tracks[0].Kind != packager.Video {
			t.Fatalf("%s: %d tracks, %v", entry, len(tracks), err)
		}
		if len(info.LeftOut) != 1 || !errors.Is(info.LeftOut[0], want) || !strings.Contains(info.LeftOut[0].Error(), "track 2") {
			t.Errorf("%s: left out %v, want track 2: %v", entry, info.LeftOut, want)
		}
		b = bytes.Replace(b, []byte("avc1\x00\x00\x00\x00"), []byte("encv\x00\x00\x00\x00"), 1)
		if _, _, err := mp4.Open(packager.ReaderFile(bytes.NewReader(b), int64(len(b)), "")); !errors.Is(err, mp4.ErrEncrypted) || !errors.Is(err, want) {
			t.Errorf("%s and encv: %v", entry, err)
		}
	}
}

func TestHostileFilesAreNotReportedAsGood(t *testing.T) {
	// What cannot be seen without decoding, and what only the picture size says, is for the engine to refuse.
	engine := []string{"dims/", "middle-zeroed", "invalid-nalu", "duration-", "stts-4g-samples"}
	for rel, class := range expected(t) {
		if !strings.HasSuffix(rel, ".mp4") && !strings.HasSuffix(rel, ".mov") || class[0] == "ok" || class[1] == "ok" ||
			slices.ContainsFunc(engine, func(s string) bool { return strings.Contains(rel, s) }) {
			continue
		}
		dir, _ := corpus.Dir()
		f, err := packager.OpenFile(filepath.Join(dir, "hostile", rel))
		if err != nil {
			continue // made on demand, not kept
		}
		if _, info, err := mp4.Open(f); err == nil && len(info.Warnings)+len(info.LeftOut) == 0 {
			t.Errorf("%s opens without a warning, want %v", rel, class)
		}
		f.Close()
	}
}

func TestHostileTablesDoNotAllocateFromTheirCounts(t *testing.T) {
	for _, path := range mediaFiles(t, "hostile/tables/*.mp4", "hostile/boxes/*.mp4") {
		f := mediatest.File(t, path)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, _ = mp4.Open(f)
		runtime.ReadMemStats(&after)
		if grew := after.TotalAlloc - before.TotalAlloc; grew > 64*uint64(f.Size())+1<<20 {
			t.Errorf("%s of %d bytes: allocated %d", filepath.Base(path), f.Size(), grew)
		}
	}
}

func TestCorpusFilesBecomeProgressiveFilesWithTheSamePackets(t *testing.T) {
	if testing.Short() {
		t.Skip("sweeps the corpus with ffmpeg")
	}
	for _, path := range mediaFiles(t, "video/*.mp4", "video/*.mov", "synthetic/*.m4a", "synthetic/*.mp4", "audio/*.m*") {
		f := mediatest.File(t, path)
		tracks, info, err := mp4.Open(f)
		if err != nil || len(info.Warnings)+len(info.LeftOut) > 0 {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			out := mediatest.File(t, mediatest.Save(t, "out.mp4", progressive(t, tracks, mp4.Options{})))
			again, info, err := mp4.Open(out)
			if err != nil || len(info.Warnings)+len(info.LeftOut) > 0 {
				t.Fatalf("%v %q %v", err, info.Warnings, info.LeftOut)
			}
			if len(again) != len(tracks) {
				t.Fatalf("%d tracks of %d", len(again), len(tracks))
			}
			for i := range tracks {
				compareTimes(t, tracks[i], again[i])
			}
		})
	}
}

// compareTimes compares what is shown when; a delay may be rounded to the movie header's milliseconds.
func compareTimes(t *testing.T, a, b *packager.Track) {
	t.Helper()
	x, y := frames(t, a), frames(t, b)
	if len(x) != len(y) {
		t.Fatalf("%s: %d samples of %d", a.Entry, len(y), len(x))
	}
	slack := int64(a.Timescale/1000) + 1
	for i := range x {
		if d := x[i].PTS - y[i].PTS; d > slack || d < -slack || x[i].Data != y[i].Data || x[i].Sync != y[i].Sync {
			t.Fatalf("%s: sample %d at %d, was at %d", a.Entry, i, y[i].PTS, x[i].PTS)
		}
	}
}

func TestTrackWithDataElsewhereIsRefused(t *testing.T) {
	for _, path := range mediaFiles(t, "hostile/references/dref-*.mp4") {
		if _, _, err := mp4.Open(mediatest.File(t, path)); !errors.Is(err, mp4.ErrReference) {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
}

// expected reads the classes of the corpus' hostile files: the best one and another that is acceptable.
func expected(t testing.TB) map[string][2]string {
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus: set SLUICE_MEDIA")
	}
	f, err := os.Open(filepath.Join(dir, "hostile", "expected.tsv"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	out := make(map[string][2]string)
	for s := bufio.NewScanner(f); s.Scan(); {
		if c := strings.Split(s.Text(), "\t"); len(c) > 2 && c[0] != "file" {
			out[c[0]] = [2]string{c[1], c[2]}
		}
	}
	return out
}

func FuzzOpen(f *testing.F) {
	for _, extra := range [][]string{nil, {"-movflags", "+frag_keyframe+empty_moov"}, {"-movflags", "+faststart"}} {
		args := append([]string{"-f", "lavfi", "-i", "testsrc2=s=32x32:r=5:d=1", "-c:v", "libx264", "-preset", "ultrafast"}, extra...)
		b, err := os.ReadFile(mediatest.Make(f, "seed.mp4", args...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file := packager.ReaderFile(bytes.NewReader(b), int64(len(b)), "fuzz")
		tracks, _, err := mp4.Open(file)
		if err != nil {
			if kindOf(err) == nil {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		for _, tr := range tracks {
			checkTrack(t, "fuzz", tr, int64(len(b)))
			packager.Cut(&packager.Set{Files: []packager.SetFile{{Tracks: []*packager.Track{tr}}}})
		}
		if body, err := mp4.Progressive(tracks, mp4.Options{}); err == nil && body.Size() < 32<<20 {
			mediatest.Bytes(t, body)
		}
	})
}
