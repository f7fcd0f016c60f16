package mp4_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager"
	"sluice/packager/internal/mediatest"
	"sluice/packager/mp4"
)

// open indexes path and fails the test on an error or a warning.
func open(t testing.TB, path string) []*packager.Track {
	t.Helper()
	tracks, info, err := mp4.Open(mediatest.File(t, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(info.Warnings)+len(info.LeftOut) > 0 {
		t.Fatalf("%s: %q %v", path, info.Warnings, info.LeftOut)
	}
	return tracks
}

func progressive(t testing.TB, tracks []*packager.Track, o mp4.Options) []byte {
	t.Helper()
	body, err := mp4.Progressive(tracks, o)
	if err != nil {
		t.Fatal(err)
	}
	return mediatest.Bytes(t, body)
}

func TestProgressiveHoldsTheSamePacketsAtTheSameTimes(t *testing.T) {
	for name, extra := range map[string][]string{
		"b-frames":   nil,
		"moov first": {"-movflags", "+faststart"},
		"fragmented": {"-movflags", "+frag_keyframe+empty_moov+default_base_moof"},
		"cmaf":       {"-movflags", "+cmaf+delay_moov"},
		"fast pair":  {"-bf", "0", "-r", "30000/1001"},
	} {
		t.Run(name, func(t *testing.T) {
			src := mediatest.Movie(t, "4", "25", extra...)
			out := mediatest.Save(t, "out.mp4", progressive(t, open(t, src), mp4.Options{Title: "A title"}))
			for _, spec := range []string{"v:0", "a:0"} {
				want, got := mediatest.FrameMD5(t, src, spec), mediatest.FrameMD5(t, out, spec)
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s packets differ: %s", spec, d)
				}
				if d := cmp.Diff(decoded(t, src, spec), decoded(t, out, spec)); d != "" {
					t.Errorf("%s decodes differently: %s", spec, d)
				}
			}
			if got := strings.TrimSpace(mediatest.Run(t, "ffprobe", "-v", "warning", "-of", "csv=p=0", "-show_entries",
				"format_tags=title", out)); got != "A title" {
				t.Errorf("title %q", got)
			}
		})
	}
}

// decoded returns the decoded frames of a stream by time; a fragmented source has no times to compare against edit lists
// that ffmpeg rounds, so only checksums are kept.
func decoded(t testing.TB, path, spec string) []string {
	var sums []string
	for _, f := range mediatest.Decoded(t, path, spec) {
		sums = append(sums, f[strings.IndexByte(f, ' ')+1:])
	}
	return sums
}

func TestReadBackIndexEqualsTheOneWritten(t *testing.T) {
	tracks := open(t, mediatest.Movie(t, "5", "50"))
	again := open(t, mediatest.Save(t, "out.mp4", progressive(t, tracks, mp4.Options{})))
	for i := range tracks {
		if d := cmp.Diff(tracks[i].Media, again[i].Media); d != "" {
			t.Errorf("track %d: %s", i, d)
		}
		if d := cmp.Diff(frames(t, tracks[i]), frames(t, again[i])); d != "" {
			t.Errorf("track %d: %s", i, d)
		}
	}
}

// frame is what a player gets.
type frame struct {
	PTS  int64
	Dur  uint32
	Sync bool
	Data string
}

func frames(t testing.TB, tr *packager.Track) (out []frame) {
	for _, s := range mediatest.Samples(tr) {
		out = append(out, frame{s.PTS - int64(tr.Priming), s.Dur, s.Sync, string(mediatest.Data(t, tr, s))})
	}
	return out
}

func TestClippedFileStartsAndEndsAtTheClip(t *testing.T) {
	src := mediatest.Movie(t, "6", "50")
	out := mediatest.Save(t, "clip.mp4", progressive(t, open(t, src), mp4.Options{Clip: mp4.Clip{FromMS: 3000, ToMS: 5000}}))
	want := mediatest.Decoded(t, src, "v:0")[75:125]
	got := mediatest.Decoded(t, out, "v:0")
	if len(got) < 50 {
		t.Fatalf("%d frames, want 50", len(got))
	}
	for i := range want {
		if g, w := sum(got[i]), sum(want[i]); g != w {
			t.Fatalf("frame %d differs", i)
		}
	}
	if first := got[0]; !strings.HasPrefix(first, "0 ") {
		t.Errorf("first frame is shown at %q", first)
	}
	secs := mediatest.Run(t, "ffprobe", "-v", "warning", "-of", "csv=p=0", "-show_entries", "format=duration", out)
	if d, err := strconv.ParseFloat(strings.TrimSpace(secs), 64); err != nil || d < 1.99 || d > 2.1 {
		t.Errorf("duration %s", secs)
	}
}

func sum(line string) string { return line[strings.IndexByte(line, ' ')+1:] }

func TestAudioAloneIsAnM4A(t *testing.T) {
	tracks := open(t, mediatest.Movie(t, "3", "25"))
	b := progressive(t, tracks[1:], mp4.Options{})
	if string(b[8:12]) != "M4A " {
		t.Errorf("brand %q", b[8:12])
	}
	if !bytes.Contains(b, []byte("iTunSMPB")) {
		t.Error("no gapless information")
	}
	mediatest.Decoded(t, mediatest.Save(t, "a.m4a", b), "a:0")
}

func TestTrackThatStartsLateKeepsItsDelay(t *testing.T) {
	late := mediatest.Make(t, "late.mp4", "-f", "lavfi", "-i", "testsrc2=s=192x108:r=25:d=3", "-itsoffset", "1.5", "-f", "lavfi",
		"-i", "sine=r=48000:d=1", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	tracks := open(t, late)
	// ffmpeg delays the track by the offset less the priming, so that the first sample heard comes at 1.5 s.
	if got := tracks[1].Start(); got < 72000-1024-48 || got > 72000-1024 { // the file tells it in milliseconds
		t.Errorf("audio starts at %d", got)
	}
	again := open(t, mediatest.Save(t, "out.mp4", progressive(t, tracks, mp4.Options{})))
	if a, b := tracks[1].Start(), again[1].Start(); a-b > 48 || b-a > 48 {
		t.Errorf("audio starts at %d, then at %d", a, b)
	}
}

func TestAnyRangeOfABodyIsThatRangeOfTheWhole(t *testing.T) {
	tracks := open(t, mediatest.Movie(t, "4", "25"))
	adts, err := mp4.ADTS(tracks[1], mp4.Clip{})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := mp4.Progressive(tracks, mp4.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, body := range []packager.Body{adts, whole} {
		want := mediatest.Bytes(t, body)
		for range 200 {
			off := rng.Int64N(body.Size())
			n := rng.Int64N(body.Size()-off) + 1
			var got bytes.Buffer
			if err := body.WriteRange(t.Context(), &got, off, n); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want[off:off+n]) {
				t.Fatalf("range %d+%d differs", off, n)
			}
		}
	}
}

func TestADTSDecodesLikeItsSource(t *testing.T) {
	src := mediatest.Movie(t, "3", "25")
	body, err := mp4.ADTS(open(t, src)[1], mp4.Clip{})
	if err != nil {
		t.Fatal(err)
	}
	out := mediatest.Save(t, "a.aac", mediatest.Bytes(t, body))
	a := mediatest.Make(t, "back.m4a", "-i", out, "-c", "copy")
	if d := cmp.Diff(mediatest.FrameMD5(t, src, "a:0"), mediatest.FrameMD5(t, a, "a:0")); d != "" {
		t.Error(d)
	}
	clip, err := mp4.ADTS(open(t, src)[1], mp4.Clip{FromMS: 1000, ToMS: 2000})
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(mediatest.Bytes(t, clip), []byte{0xFF, 0xF1}); got < 46 || got > 49 {
		t.Errorf("a second of AAC at 48 kHz in %d frames", got)
	}
}

func TestADTSRefusesWhatItCannotCarry(t *testing.T) {
	tracks := open(t, mediatest.Movie(t, "1", "25"))
	if _, err := mp4.ADTS(tracks[0], mp4.Clip{}); !errors.Is(err, mp4.ErrUnsupported) {
		t.Errorf("video as ADTS: %v", err)
	}
	if _, err := mp4.ADTS(tracks[1], mp4.Clip{FromMS: 60_000}); !errors.Is(err, mp4.ErrEmpty) {
		t.Errorf("clip past the end: %v", err)
	}
	if _, err := mp4.Progressive(nil, mp4.Options{}); !errors.Is(err, mp4.ErrEmpty) {
		t.Errorf("no tracks: %v", err)
	}
}

func TestCancelledBodyStops(t *testing.T) {
	tracks := open(t, mediatest.Movie(t, "2", "25"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	adts, _ := mp4.ADTS(tracks[1], mp4.Clip{})
	whole, _ := mp4.Progressive(tracks, mp4.Options{})
	for _, b := range []packager.Body{adts, whole} {
		if err := b.WriteRange(ctx, &bytes.Buffer{}, 0, b.Size()); !errors.Is(err, context.Canceled) {
			t.Errorf("%T: %v", b, err)
		}
	}
}

// TestLargeFileUses64BitOffsets serves samples that claim to lie far apart in a sparse remote file.
func TestLargeFileUses64BitOffsets(t *testing.T) {
	const frame = 1 << 30
	f := packager.ReaderFile(zeros{}, 6*frame, "z")
	b := packager.NewBuilder(packager.Media{
		Kind: packager.Video, Entry: "avc1", Config: []byte{1, 66, 0, 30, 0xFF, 0xE0, 0}, Timescale: 25, Width: 16, Height: 16,
	}, f)
	for i := range int64(5) {
		b.Add(packager.Sample{DTS: i, PTS: i, Dur: 1, Size: frame, Sync: true, Offset: i * frame})
	}
	body, err := mp4.Progressive([]*packager.Track{b.Track()}, mp4.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var head bytes.Buffer
	if err := body.WriteRange(t.Context(), &head, 0, 4096); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"co64", "mdat"} {
		if !bytes.Contains(head.Bytes(), []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
	if at := int64(bytes.Index(head.Bytes(), []byte("mdat"))) + 12; body.Size() != at+5*frame {
		t.Errorf("size %d, media starts at %d", body.Size(), at)
	}
}

type zeros struct{}

func (zeros) ReadAt(p []byte, off int64) (int, error) { clear(p); return len(p), nil }
