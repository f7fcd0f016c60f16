package play

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/codec"
	"sluice/packager"
	"sluice/packager/mp4"
	"sluice/packager/origin"
)

// shown returns, for every picture of a file in the order shown, its time in ticks of 1/scale and its hash.
func shown(t *testing.T, path string, scale int) (at []int64, hash []string) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-an", "-vsync", "passthrough", "-enc_time_base", "1:"+strconv.Itoa(scale), "-copyts", "-f", "framemd5", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(line, ","); len(f) == 6 && line[0] != '#' {
			pts, err := strconv.ParseInt(strings.TrimSpace(f[2]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			at, hash = append(at, pts), append(hash, strings.TrimSpace(f[5]))
		}
	}
	return at, hash
}

// asStored gives samples the decode times of the store: the i-th in decode order has the i-th smallest presentation time.
func asStored(t *packager.Track) *packager.Track {
	var times []int64
	t.Walk(0, t.Len(), func(_ int, s packager.Sample) bool { times = append(times, s.PTS); return true })
	slices.Sort(times)
	b := packager.NewBuilder(t.Media, t.Files...)
	t.Walk(0, t.Len(), func(i int, s packager.Sample) bool { s.DTS = times[i]; b.Add(s); return true })
	return b.Track()
}

// lastBy returns the hash of the last picture at or before a time.
func lastBy(at []int64, hash []string, want int64) string {
	best := hash[0]
	for i := range at {
		if at[i] <= want {
			best = hash[i]
		}
	}
	return best
}

func TestAGroupShowsTheFrameOfItsTime(t *testing.T) {
	for name, x264 := range map[string]string{"closed": "scenecut=0", "open": "b-pyramid=normal:open-gop=1:scenecut=0"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.mp4")
			cmd := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:size=64x48:rate=25:duration=5,geq=lum='16+N':cb=128:cr=128", "-crf", "1", "-c:v", "libx264", "-g", "24", "-bf", "3",
				"-x264-params", x264, "-pix_fmt", "yuv420p", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", path)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			f, err := packager.OpenFile(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			tracks, _, err := mp4.Open(f)
			if err != nil {
				t.Fatal(err)
			}
			track := asStored(tracks[0])
			wholeAt, wholeHash := shown(t, path, 1_000_000)
			for _, ms := range []int64{0, 39, 41, 500, 919, 921, 959, 961, 1000, 2345, 3840, 4990, 99_000} {
				clip, at, err := group(t.Context(), track, ms)
				if err != nil {
					t.Fatal(err)
				}
				part := filepath.Join(t.TempDir(), "clip.mp4")
				if err := os.WriteFile(part, clip, 0o644); err != nil {
					t.Fatal(err)
				}
				partAt, partHash := shown(t, part, 1_000_000)
				if len(partAt) > 60 {
					t.Errorf("%d ms: %d pictures for one", ms, len(partAt))
				}
				if got, want := lastBy(partAt, partHash, at), lastBy(wholeAt, wholeHash, ms*1000); got != want {
					t.Errorf("%d ms: another picture than the whole file shows", ms)
				}
			}
		})
	}
}

func TestFramesComeFromTheSmallestRenditionThatIsLargeEnough(t *testing.T) {
	track := func(w, h uint16) *packager.Track {
		b := packager.NewBuilder(packager.Media{Kind: packager.Video, Entry: "avc1", Timescale: 1000, Width: w, Height: h})
		b.Add(packager.Sample{Dur: 1000, Size: 1, Sync: true})
		return b.Track()
	}
	set := &packager.Set{Files: []packager.SetFile{
		{Tracks: []*packager.Track{track(1280, 720)}}, {Tracks: []*packager.Track{track(1920, 1080)}}, {Tracks: []*packager.Track{track(640, 360)}},
	}}
	for _, c := range []struct{ w, h, want int }{{0, 0, 1920}, {320, 0, 640}, {640, 360, 640}, {641, 0, 1280}, {0, 720, 1280}, {1921, 0, 1920}} {
		if got := rendition(set, c.w, c.h); int(got.Width) != c.want {
			t.Errorf("%d×%d comes from %d", c.w, c.h, got.Width)
		}
	}
}

// noEngine fails a test that reaches it.
type noEngine struct{ codec.Engine }

func TestSoundHasNoFrames(t *testing.T) {
	_, err := Frames{noEngine{}}.Thumb(context.Background(), &packager.Set{}, 0, 0, 0)
	if !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
