package client

import (
	"testing"
	"time"
)

func TestAFixedRateIsHalvedWhileTooMuchIsLost(t *testing.T) {
	const rate = 1 << 20
	h := newHalver(rate)
	for i, s := range []struct {
		loss float64
		d    time.Duration
		want float64
	}{
		{0.5, 9 * time.Second, rate},
		{0.2, time.Second, rate}, // not more than a fifth: the time begins anew
		{0.21, 5 * time.Second, rate},
		{0.21, 5 * time.Second, rate / 2},
		{0.3, 9 * time.Second, rate / 2},
		{0.3, time.Second, rate / 4},
		{0.01, 59 * time.Second, rate / 4},
		{0.05, time.Second, rate / 4},
		{0, time.Minute, rate / 2},
		{0, time.Minute, rate},
		{0, time.Hour, rate},
		{1, 10 * time.Second, rate / 2},
		{1, 10 * time.Second, rate / 4},
		{1, 10 * time.Second, rate / 8},
		{1, 10 * time.Second, halveLeast},
		{1, 10 * time.Second, halveLeast},
	} {
		if got := h.measured(flow{loss: s.loss, took: s.d}); got != s.want {
			t.Errorf("measurement %d, %.0f%% lost in %v: %.0f bytes a second, want %.0f", i, 100*s.loss, s.d, got, s.want)
		}
	}
	if got := newHalver(1000); got.measured(flow{loss: 1, took: time.Minute}) != 1000 {
		t.Errorf("a rate below the least is %.0f", got.limit)
	}
}
