package pace_test

import (
	"testing"
	"time"

	"sluice/internal/pace"
)

var start = time.Unix(1_800_000_000, 0)

func TestBytesWaitForTheRate(t *testing.T) {
	b := pace.New(0)
	b.SetRate(start, 1000)
	first, second := b.Book(start, 500), b.Book(start, 1000)
	if got := b.Wait(start, first); got != 500*time.Millisecond {
		t.Errorf("500 bytes at 1000 a second wait %v", got)
	}
	if got := b.Wait(start, second); got != 1500*time.Millisecond {
		t.Errorf("1000 behind them wait %v", got)
	}
	if got := b.Wait(start.Add(600*time.Millisecond), first); got != 0 {
		t.Errorf("after their time they wait %v", got)
	}
}

func TestWhatWaitsFollowsTheRate(t *testing.T) {
	b := pace.New(0)
	b.SetRate(start, 10)
	ticket := b.Book(start, 1000)
	if got := b.Wait(start, ticket); got != 100*time.Second {
		t.Fatalf("1000 bytes at 10 a second wait %v", got)
	}
	now := start.Add(time.Second)
	b.SetRate(now, 990)
	if got := b.Wait(now, ticket); got != time.Second {
		t.Errorf("the 990 that are left wait %v at 990 a second", got)
	}
	b.SetRate(now, 99)
	if got := b.Wait(now, ticket); got != 10*time.Second {
		t.Errorf("and %v at 99 a second", got)
	}
	b.SetRate(now, 0)
	if got := b.Wait(now, ticket); got != 0 || b.Behind(now) {
		t.Errorf("and %v without a rate", got)
	}
}

func TestAPauseIsMadeUpForInPart(t *testing.T) {
	b := pace.New(100 * time.Millisecond)
	b.SetRate(start, 1000)
	now := start.Add(time.Hour)
	if got := b.Wait(now, b.Book(now, 100)); got != 0 {
		t.Errorf("what a tenth of a second carries waits %v after an hour", got)
	}
	if got := b.Wait(now, b.Book(now, 100)); got != 100*time.Millisecond {
		t.Errorf("the same again waits %v", got)
	}
	if !b.Behind(now) || b.Behind(now.Add(time.Second)) {
		t.Error("what waits is not told")
	}
}

func TestWithoutARateNothingWaits(t *testing.T) {
	var b pace.Bucket
	for range 3 {
		if got := b.Wait(start, b.Book(start, 1<<40)); got != 0 {
			t.Fatalf("waits %v", got)
		}
	}
	b.SetRate(start, 1000) // what passed before is no debt
	if got := b.Wait(start, b.Book(start, 1000)); got != time.Second {
		t.Errorf("waits %v", got)
	}
}
