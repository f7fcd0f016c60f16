package cmaf_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/internal/mediatest"
	"sluice/packager/mp4"
)

// source opens an MP4 made by the test and returns its video and audio track.
func source(t testing.TB, path string) (v, a *packager.Track) {
	t.Helper()
	tracks, info, err := mp4.Open(mediatest.File(t, path))
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Warnings)+len(info.LeftOut) > 0 {
		t.Fatalf("warnings: %q %v", info.Warnings, info.LeftOut)
	}
	for _, tr := range tracks {
		switch tr.Kind {
		case packager.Video:
			v = tr
		case packager.Audio:
			a = tr
		}
	}
	return v, a
}

// write stores samples [first, last) of tr with a Writer and returns the object and the result.
func write(t testing.TB, tr *packager.Track, first, last int, opts cmaf.Options) ([]byte, cmaf.Result) {
	t.Helper()
	var out bytes.Buffer
	w := cmaf.NewWriter(&out, tr.Media, opts)
	tr.Walk(first, last-first, func(_ int, s packager.Sample) bool {
		err := w.Write(cmaf.Unit{
			DTS: s.DTS - int64(tr.Priming), PTS: s.PTS - int64(tr.Priming), Dur: int64(s.Dur), Sync: s.Sync,
			Data: mediatest.Data(t, tr, s),
		})
		if err != nil {
			t.Fatal(err)
		}
		return true
	})
	res, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if res.Bytes != int64(out.Len()) {
		t.Fatalf("Bytes = %d, wrote %d", res.Bytes, out.Len())
	}
	return out.Bytes(), res
}

// open makes a served track of an object and its index.
func open(t testing.TB, data, index []byte) *packager.Track {
	t.Helper()
	f := mediatest.File(t, mediatest.Save(t, "track.mp4", data))
	tr, err := cmaf.ParseIndex(index, f)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// join makes the final file of chunk objects.
func join(t testing.TB, chunks [][]byte, parts []*packager.Track) ([]byte, cmaf.Joined) {
	t.Helper()
	j, err := cmaf.JoinPlan(parts)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(j.Head)
	for i, r := range j.Parts {
		out = append(out, chunks[i][r.Off:r.Off+r.N]...)
	}
	if int64(len(out)) != j.Bytes {
		t.Fatalf("joined %d bytes, plan says %d", len(out), j.Bytes)
	}
	return out, j
}

// presented returns what a player sees of a track: presentation time, duration and bytes of its frames in decode order.
type presented struct {
	PTS  int64
	Sync bool
	Data string
}

func view(t testing.TB, tr *packager.Track) []presented {
	var out []presented
	for _, s := range mediatest.Samples(tr) {
		out = append(out, presented{s.PTS - int64(tr.Priming), s.Sync, string(mediatest.Data(t, tr, s))})
	}
	return out
}

func TestStoredTrackHoldsTheSameFramesAtTheSameTimes(t *testing.T) {
	v, a := source(t, mediatest.Movie(t, "7", "50"))
	for name, tr := range map[string]*packager.Track{"video": v, "audio": a} {
		t.Run(name, func(t *testing.T) {
			data, res := write(t, tr, 0, tr.Len(), cmaf.Options{SliceTicks: 2, SliceScale: 1})
			stored := open(t, data, res.Index)
			if d := cmp.Diff(view(t, tr), view(t, stored)); d != "" {
				t.Fatal(d)
			}
			if got, want := stored.FragmentCount(), 4; got != want {
				t.Errorf("%d fragments, want %d", got, want)
			}
			// The same again, read from the boxes instead of the index.
			tracks, _, err := mp4.Open(stored.Files[0])
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(mediatest.Samples(stored), mediatest.Samples(tracks[0])); d != "" {
				t.Errorf("index and boxes differ: %s", d)
			}
			if got, want := tracks[0].Priming, tr.Priming; got != want {
				t.Errorf("priming %d, want %d", got, want)
			}
		})
	}
}

func TestFragmentsFollowEachOtherWithoutGap(t *testing.T) {
	v, _ := source(t, mediatest.Movie(t, "5", "25"))
	data, res := write(t, v, 0, v.Len(), cmaf.Options{})
	stored := open(t, data, res.Index)
	end := int64(0)
	for _, s := range mediatest.Samples(stored) {
		if s.DTS != end {
			t.Fatalf("sample at %d after one that ends at %d", s.DTS, end)
		}
		end = s.DTS + int64(s.Dur)
	}
	if end != stored.Duration() {
		t.Errorf("decode timeline ends at %d, presentation at %d", end, stored.Duration())
	}
}

func TestChunksJoinIntoTheFileWrittenAtOnce(t *testing.T) {
	v, _ := source(t, mediatest.Movie(t, "8", "25"))
	whole, res := write(t, v, 0, v.Len(), cmaf.Options{})
	oneTrack := open(t, whole, res.Index)

	var chunks [][]byte
	var parts []*packager.Track
	for k, cut := range [][2]int{{0, 75}, {75, 100}, {100, v.Len()}} {
		data, res := write(t, v, cut[0], cut[1], cmaf.Options{Chunk: k})
		chunks = append(chunks, data)
		parts = append(parts, open(t, data, res.Index))
	}
	joined, j := join(t, chunks, parts)
	track := open(t, joined, j.Index)
	if d := cmp.Diff(view(t, oneTrack), view(t, track)); d != "" {
		t.Fatal(d)
	}
	growing, err := cmaf.Chunks(parts)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(view(t, track), view(t, growing)); d != "" {
		t.Fatal(d)
	}
	path := mediatest.Save(t, "joined.mp4", joined)
	src := mediatest.Save(t, "whole.mp4", whole)
	if d := cmp.Diff(mediatest.Frames(t, src, "v:0"), mediatest.Frames(t, path, "v:0")); d != "" {
		t.Errorf("ffmpeg sees other packets in the joined file: %s", d)
	}
	mediatest.Decoded(t, path, "v:0")
}
