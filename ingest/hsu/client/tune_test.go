package client

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest/hsu"
)

func TestStreamsFollowWhatTheyAchieve(t *testing.T) {
	const mbit = 1e6 / 8
	for _, tc := range []struct {
		name  string
		most  int
		loss  []float64 // of the measurements; the last one for all that follow
		rates []float64 // Mbit/s; 0 is a measurement that something else held up. What follows a change of the streams does not count
		want  []int
	}{
		{"one is as good as many", 32, nil, []float64{9, 100, 9, 100, 9, 100}, []int{4, 8, 8, 4, 4, 4}},
		{"more are better", 32, nil, []float64{9, 100, 9, 190, 9, 350, 9, 600}, []int{4, 8, 8, 16, 16, 32, 32, 32}},
		{"more are better, to a point", 32, nil, []float64{9, 100, 9, 190, 9, 200, 9, 200}, []int{4, 8, 8, 16, 16, 8, 8, 8}},
		{"the server allows a few", 6, nil, []float64{9, 100, 9, 200, 300}, []int{4, 6, 6, 6, 6}},
		{"held up", 32, nil, []float64{0, 0, 9, 100, 0, 9, 120}, []int{4, 4, 4, 8, 8, 8, 16}},
		{"each loses what it could get", 64, []float64{0.01}, []float64{1, 6, 20, 24, 40, 45}, []int{4, 16, 16, 64, 64, 64}},
		{"losses that do not slow it", 64, []float64{0.01}, []float64{1, 900, 900, 900}, []int{4, 8, 8, 4}},
		{"the line changes", 32, nil, []float64{9, 100, 9, 100, 9, 50, 50, 50, 9, 55}, []int{4, 8, 8, 4, 4, 4, 4, 8, 8, 4}},
		{"a short drop", 32, nil, []float64{9, 100, 9, 100, 9, 50, 100, 50, 50, 100}, []int{4, 8, 8, 4, 4, 4, 4, 4, 4, 4}},
		{"the line loses more", 32, []float64{0, 0, 0, 0, 0, 0.02}, []float64{9, 100, 9, 100, 9, 80, 80, 80, 9, 120}, []int{4, 8, 8, 4, 4, 4, 4, 8, 8, 32}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tuner := newTuner(fewStreams, tc.most)
			var got []int
			for i, r := range tc.rates {
				var loss float64
				if n := len(tc.loss); n > 0 {
					loss = tc.loss[min(i, n-1)]
				}
				tuner.measured(r*mbit, loss, r == 0)
				got = append(got, tuner.streams)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestThePacerKeepsTheLowerRate(t *testing.T) {
	p := newPacer(1000)
	now := time.Unix(1_800_000_000, 0)
	p.wait(now, p.book(now, 30)) // what a pause before would have carried
	ticket := p.book(now, 1000)
	waits := func(want time.Duration, what string) {
		t.Helper()
		if got := p.wait(now, ticket); got < want-time.Microsecond || got > want+time.Microsecond {
			t.Errorf("1000 bytes %s wait %v, want %v", what, got, want)
		}
	}
	waits(time.Second, "at 1000 a second")
	p.grant(1)
	waits(1000*time.Second, "at the server's one a second")
	p.grant(500) // what it said for a moment does not hold up what comes after
	waits(2*time.Second, "at the server's 500 a second")
	p.grant(2000)
	waits(time.Second, "at our own rate")
	if p.bound() != hsu.SlowRate {
		t.Errorf("what bounds is %q", p.bound())
	}
	p.keep(250)
	if p.bound() != hsu.SlowNetwork {
		t.Errorf("a line that gives less is not what bounds, but %q", p.bound())
	}
	if p = newPacer(0); p.wait(now, p.book(now, 1<<30)) != 0 {
		t.Error("without a rate bytes wait")
	}
}

func TestAnUploadBeginsWithAsManyStreamsAsItIsWorth(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    Options
		size int64
		want int
	}{
		{"of what is not known", Options{}, 0, fewStreams},
		{"of little", Options{}, manyFrom - 1, fewStreams},
		{"of much", Options{}, manyFrom, manyStreams},
		{"that was told how many", Options{Streams: 3}, manyFrom, 3},
		{"that is to be in nobody's way", Options{Open: hsu.Open{Policy: hsu.Low}}, manyFrom, 1},
	} {
		if got := tc.o.firstStreams(tc.size); got != tc.want {
			t.Errorf("an upload %s begins with %d streams, want %d", tc.name, got, tc.want)
		}
	}
}

func TestWhatIsWrittenAtATimeFollowsTheRate(t *testing.T) {
	for rate, want := range map[int64]int{0: writePiece, 1 << 20: leastPiece, 40 << 20: 40 << 20 / 400, 1 << 30: writePiece} {
		p := &pacer{}
		p.keep(rate)
		if got := p.piece(); got < want-1 || got > want {
			t.Errorf("at %d bytes a second %d are written at a time, want %d", rate, got, want)
		}
	}
}
