package stage

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/storage"
	"sluice/storage/disk"
)

// followed plan: 100 s of 10 frames a second with a key frame every 2 s, and AAC.
func followPlan() codec.Plan {
	return codec.Plan{Video: &codec.VideoPlan{FPS: codec.Rational{Num: 10, Den: 1}, Timescale: 10_000, FrameDur: 1000, Frames: 1000, GOP: 20}}
}

var followTracks = []codec.Track{
	{ID: 0, Name: "180p", Kind: codec.Video, Codec: "h264", Config: []byte{1}, Timescale: 10_000, Width: 320, Height: 180, FrameRate: codec.Rational{Num: 10, Den: 1}},
	{ID: 1, Name: "sound", Kind: codec.Audio, Codec: "aac", Config: []byte{1}, Timescale: 48_000, SampleRate: 48_000, Channels: 2, Priming: 1024},
}

// feed gives a sink the samples of the plan in the order of their times, up to an error.
func feed(sink codec.Sink, stopAt int64) error {
	for _, t := range followTracks {
		if err := sink.Track(t); err != nil {
			return err
		}
	}
	data := bytes.Repeat([]byte{7}, 40)
	for v, a := int64(0), int64(-1024); v < 1_000_000 || a < 4_800_000; {
		if v/10 >= stopAt {
			return errors.New("stopped")
		}
		var err error
		if a*10 < v*48 {
			err = sink.Sample(1, codec.Sample{PTS: a, DTS: a, Dur: 1024, Key: true, Data: data})
			a += 1024
		} else {
			err = sink.Sample(0, codec.Sample{PTS: v, DTS: v, Dur: 1000, Key: v%20_000 == 0, Data: data})
			v += 1000
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type followRig struct {
	*testing.T
	store storage.Store
	parts map[string][]*packager.Track
}

func (r *followRig) sink(attempt int) *followSink {
	have := map[string]int{}
	for name, p := range r.parts {
		have[name] = len(p)
	}
	return &followSink{
		ctx: r.Context(), store: r.store, plan: followPlan(), dir: fmt.Sprintf("%d/", attempt), have: have, report: func(codec.Progress) {},
		commit: r.commit,
	}
}

func (r *followRig) commit(part int, w Written) error {
	if part != len(r.parts[w.Name]) {
		r.Errorf("part %d of %s is committed after %d", part, w.Name, len(r.parts[w.Name]))
	}
	b, err := storage.ReadAll(r.Context(), r.store, w.IndexKey, maxIndex)
	if err != nil {
		return err
	}
	track, err := cmaf.ParseIndex(b)
	r.parts[w.Name] = append(r.parts[w.Name], track)
	return err
}

// times are the decode and presentation times, durations and fragments of a track.
func times(t *packager.Track) (out []string) {
	for i := range t.FragmentCount() {
		out = append(out, fmt.Sprintf("fragment at %d", t.Fragment(i).First))
	}
	t.Walk(0, t.Len(), func(_ int, s packager.Sample) bool {
		out = append(out, fmt.Sprint(s.DTS, s.PTS, s.Dur, s.Sync))
		return true
	})
	return out
}

// TestPartsAreTheTrackInOnePiece follows a run that is cut off and begun again, and compares with a run in one piece.
func TestPartsAreTheTrackInOnePiece(t *testing.T) {
	store, err := disk.Open(filepath.Join(t.TempDir(), "objects"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	r := &followRig{T: t, store: store, parts: map[string][]*packager.Track{}}
	first := r.sink(1)
	if err := feed(first, 55_000); err == nil || err.Error() != "stopped" {
		t.Fatal(err)
	}
	first.abort()
	if n := len(r.parts["sound"]); n != 2 || len(r.parts["180p"]) != n {
		t.Errorf("after 55 s %d parts of sound and %d of video are committed, want 2", n, len(r.parts["180p"]))
	}
	second := r.sink(2)
	if err := feed(second, 30_000); err == nil {
		t.Fatal("not stopped")
	}
	if err := second.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := feed(second, 1<<40); err != nil {
		t.Fatal(err)
	}
	last, err := second.finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range last {
		if err := r.commit(w.part, w.Written); err != nil {
			t.Fatal(err)
		}
	}
	whole := newChunkSink(t.Context(), store, 0, func(name string) string { return "whole/" + name }, nil)
	whole.slices = audioSlices(followPlan())
	if err := feed(whole, 1<<40); err != nil {
		t.Fatal(err)
	}
	written, err := whole.finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range written {
		b, err := storage.ReadAll(t.Context(), store, w.IndexKey, maxIndex)
		if err != nil {
			t.Fatal(err)
		}
		want, err := cmaf.ParseIndex(b)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(r.parts[w.Name]); n != 4 {
			t.Errorf("%s has %d parts, want 4", w.Name, n)
		}
		got, err := cmaf.JoinPlan(r.parts[w.Name])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(times(want), times(got.Track)); diff != "" {
			t.Errorf("%s (-in one piece +parts):\n%s", w.Name, diff)
		}
	}
}
