package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCompareTurnsRatiosSoThatMoreIsBetter(t *testing.T) {
	e := &Env{Log: t.Logf}
	side := func(figures ...float64) func(context.Context) (float64, error) {
		return func(context.Context) (float64, error) {
			f := figures[0]
			figures = figures[1:]
			return f, nil
		}
	}
	// The first pair is not counted.
	res, err := e.compare(t.Context(), pair{"b", "p", "s", true, side(9, 1, 2, 4), side(1, 2, 2, 2)}, 3)
	if err != nil || res.Ratio != 1 || res.Min != 0.5 || res.Max != 2 || res.Ours != 2 || res.Theirs != 2 || res.Runs != 3 {
		t.Errorf("lower is better: %+v, %v", res, err)
	}
	res, err = e.compare(t.Context(), pair{"b", "p", "requests/s", false, side(9, 30), side(1, 10)}, 1)
	if err != nil || res.Ratio != 3 {
		t.Errorf("higher is better: %+v, %v", res, err)
	}
	broken := errors.New("broken")
	_, err = e.compare(t.Context(), pair{"b", "nginx", "s", true, side(1), func(context.Context) (float64, error) { return 0, broken }}, 1)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "nginx") {
		t.Errorf("error %v does not say who failed", err)
	}
}

func TestALongFirstRoundIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Env{Log: t.Logf}
		n := 0
		side := func(context.Context) (float64, error) {
			n++
			time.Sleep(warmEnough / 2)
			return 1, nil
		}
		res, err := e.compare(t.Context(), pair{"b", "p", "s", true, side, side}, 2)
		if err != nil || res.Runs != 2 || n != 4 {
			t.Errorf("%+v after %d runs, %v", res, n, err)
		}
	})
}

func TestBesideLeavesOutWhatWasNotCounted(t *testing.T) {
	res := beside(Result{Bench: "b", Peer: "p", Runs: 2}, "-cpu", "CPU s", []float64{100, 2, 4}, []float64{1, 4, 4})
	if res.Bench != "b-cpu" || res.Ratio != 1.5 || res.Min != 1 || res.Max != 2 || res.Runs != 2 || res.Ours != 3 {
		t.Errorf("%+v", res)
	}
	if res := lesser("b", "p", "MiB", nil, nil); res.Runs != 0 {
		t.Errorf("nothing measured: %+v", res)
	}
}

func TestTargetsBelongToABenchmarkAndItsLengths(t *testing.T) {
	for name, want := range map[string]float64{"remux": 2, "remux-240s": 2, "remux-240s-cpu": 0, "segments-ts-memory": 0, "playlists": 0, "playlists-vod": 1, "playlists-vod-cpu": 0, "unknown": 0} {
		if got := targetOf(Result{Bench: name}); got != want {
			t.Errorf("%s: target %v, want %v", name, got, want)
		}
	}
}

func TestFindNamesWhatThereIs(t *testing.T) {
	if _, err := Find([]string{"nonsense"}); err == nil || !strings.Contains(err.Error(), "segments-ts") {
		t.Errorf("error %v", err)
	}
	if got, err := Find(nil); err != nil || len(got) != len(All) {
		t.Errorf("%d of %d, %v", len(got), len(All), err)
	}
}
