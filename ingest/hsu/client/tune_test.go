package client

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStreamsFollowWhatTheyAchieve(t *testing.T) {
	for _, tc := range []struct {
		name  string
		most  int
		rates []float64 // 0 is a second that something else held up
		want  []int
	}{
		{"one is as good as many", 32, []float64{100, 100, 100}, []int{8, 4, 4}},
		{"more are better", 32, []float64{100, 190, 350, 600}, []int{8, 16, 32, 32}},
		{"more are better, to a point", 32, []float64{100, 190, 200, 200}, []int{8, 16, 8, 8}},
		{"the server allows a few", 6, []float64{100, 200, 300}, []int{6, 6, 6}},
		{"held up", 32, []float64{0, 0, 100, 0, 120}, []int{4, 4, 8, 8, 16}},
		{"the line changes", 32, []float64{100, 100, 50, 50, 50, 55}, []int{8, 4, 4, 4, 8, 4}},
		{"a short drop", 32, []float64{100, 100, 50, 100, 50, 50, 100}, []int{8, 4, 4, 4, 4, 4, 4}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tuner := newTuner(tc.most)
			var got []int
			for _, r := range tc.rates {
				tuner.measured(r, r == 0)
				got = append(got, tuner.streams)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestThePacerKeepsTheLowerRate(t *testing.T) {
	p := &pacer{own: 1000}
	now := time.Unix(1_800_000_000, 0)
	first := p.charge(now, 1000)
	if want := time.Second - paceBurst; first != want {
		t.Errorf("1000 bytes at 1000 a second wait %v, want %v", first, want)
	}
	p.grant(500)
	if d := p.charge(now, 1000) - first; d != 2*time.Second {
		t.Errorf("1000 more at the server's 500 a second wait %v longer, want 2s", d)
	}
	p.grant(2000)
	if d := p.charge(now, 1000) - first; d != 3*time.Second {
		t.Errorf("1000 more at our own rate end %v later, want 3s", d)
	}
	if d := (&pacer{}).charge(now, 1<<30); d != 0 {
		t.Errorf("without a rate bytes wait %v", d)
	}
}
