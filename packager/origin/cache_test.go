package origin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"sluice/packager"
	"sluice/packager/internal/synthetic"
	"sluice/packager/uri"
)

func testMetrics(t testing.TB) *metrics {
	t.Helper()
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sized(n int) *plan { return binaryPlan("x", "t", make([]byte, n)) }

func TestCacheMakesAThingOnceForAllWhoWait(t *testing.T) {
	c := newCache(1<<20, testMetrics(t))
	s := &show{}
	var made atomic.Int32
	release := make(chan struct{})
	started := make(chan struct{})
	build := func() (*plan, error) {
		made.Add(1)
		close(started)
		<-release
		return sized(10), nil
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			if i > 0 {
				<-started
			}
			if p, err := c.get(context.Background(), "k", s, build); err != nil || p == nil {
				t.Errorf("%v, %v", p, err)
			}
		}()
		if i == 0 {
			<-started
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.get(gone, "k", s, build); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that left waits on: %v", err)
	}
	close(release)
	group.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
}

func TestCacheKeepsNoErrorsAndSurvivesPanics(t *testing.T) {
	c := newCache(1<<20, testMetrics(t))
	s := &show{}
	for _, build := range []func() (*plan, error){
		func() (*plan, error) { return nil, errors.New("boom") },
		func() (*plan, error) { panic("boom") },
	} {
		if _, err := c.get(context.Background(), "k", s, build); err == nil || !strings.Contains(err.Error(), "boom") {
			t.Errorf("%v", err)
		}
		if c.lookup("k", s) != nil || len(c.entries) != 0 || c.used != 0 {
			t.Error("a failure was kept")
		}
	}
}

func TestCacheServesAnEntryOnlyToItsShow(t *testing.T) {
	c := newCache(1<<20, testMetrics(t))
	old, now := &show{}, &show{}
	first, _ := c.get(context.Background(), "k", old, func() (*plan, error) { return sized(1), nil })
	second, _ := c.get(context.Background(), "k", now, func() (*plan, error) { return sized(2), nil })
	if first == second || c.lookup("k", old) != nil || c.lookup("k", now) != second {
		t.Error("a plan outlived its set")
	}
}

// TestCacheStaysWithinItsBytes: whatever is asked for, the bytes held are those of the entries held and at most the limit,
// and what was just used is kept before what was not.
func TestCacheStaysWithinItsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, _ := newMetrics(nil)
		c := newCache(20_000, m)
		s := &show{}
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			key := fmt.Sprint("k", rapid.IntRange(0, 20).Draw(t, "key"))
			size := rapid.IntRange(0, 30_000).Draw(t, "size")
			if c.lookup(key, s) == nil {
				if _, err := c.get(context.Background(), key, s, func() (*plan, error) { return sized(size), nil }); err != nil {
					t.Fatal(err)
				}
			}
			var sum int64
			n := 0
			for e := c.newest; e != nil; e = e.older {
				sum += e.cost
				n++
				if c.entries[e.key] != e || e.older == nil && c.oldest != e {
					t.Fatal("the order of use is broken")
				}
			}
			if n != len(c.entries) || sum != c.used || c.used > c.limit {
				t.Fatalf("%d entries of %d in order, %d bytes of %d counted, limit %d", n, len(c.entries), sum, c.used, c.limit)
			}
		}
	})
}

func TestShowsAreBoundedAndSharedByParameters(t *testing.T) {
	s := &shows{limit: 8, all: make(map[showKey]*showSlot)}
	parse := func(path string) *uri.Request {
		r, err := uri.Parse(uri.HLS, path)
		if err != nil {
			t.Fatal(err)
		}
		return &r
	}
	set := synthetic.Set("x", synthetic.Video(640, 360, 20, 1000))
	plain := s.get(set, parse("/x/master.m3u8"))
	if s.get(set, parse("/x/container/fmp4/tracks/v1/index.m3u8")) != plain {
		t.Error("container and tracks make another show")
	}
	clipped := s.get(set, parse("/x/clipFrom/7000/index.m3u8"))
	if clipped == plain || clipped.tag == plain.tag || clipped.table.EndMS() < 13000 || clipped.table.EndMS() > 13004 { // with what rushes past
		t.Errorf("clipped from 7 s the presentation ends at %d ms", clipped.table.EndMS())
	}
	for i := range 100 {
		s.get(synthetic.Set(fmt.Sprint(i), synthetic.Video(640, 360, 2, 1000)), parse("/x/master.m3u8"))
		s.get(set, parse("/x/master.m3u8"))
	}
	if len(s.all) > 8 {
		t.Errorf("%d shows are kept", len(s.all))
	}
	for i := range 100 {
		s.get(set, parse(fmt.Sprintf("/x/clipFrom/%d/index.m3u8", i+1)))
		if s.shaped > 1 || len(s.all) > 8 {
			t.Fatalf("%d shows with parameters are kept, %d in all", s.shaped, len(s.all))
		}
	}
	if s.get(set, parse("/x/master.m3u8")) != plain {
		t.Error("the show in use was dropped")
	}
}

func TestParametersReshapeTheSet(t *testing.T) {
	video, sound := synthetic.Video(640, 360, 20, 1000), synthetic.Audio("en", 2, 20, 1000)
	set := synthetic.Set("x", video, sound, synthetic.Cues("en", "", false, false))
	set.Storyboard = synthetic.Storyboard(20)
	set.Files[2].Cues.Cues = []packager.Cue{{Start: 0, End: 3000}, {Start: 5000, End: 7000}, {Start: 9000, End: 11000}, {Start: 15000, End: 16000}}
	reshaped := func(path string) *packager.Set {
		r, err := uri.Parse(uri.HLS, path)
		if err != nil {
			t.Fatal(err)
		}
		return reshape(set, &r)
	}
	clip := reshaped("/x/clipFrom/7000/clipTo/12000/master.m3u8") // what follows the key frame at 6 s rushes past in 2 ms
	if d := clip.Files[0].Tracks[0].Duration(); d != 5*12800+26 {
		t.Errorf("the clip lasts %d ticks", d)
	}
	want := []packager.Cue{{Start: 0, End: 2}, {Start: 2002, End: 4002}}
	if got := clip.Files[2].Cues.Cues; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("cues of the clip: %+v", got)
	}
	if clip.Storyboard != nil || set.Storyboard == nil {
		t.Error("the clip keeps the whole's storyboard, or takes it away")
	}
	moved := reshaped("/x/shift/v1000-a500-s250/lang/fr/master.m3u8")
	v, a := moved.Files[0].Tracks[0], moved.Files[1].Tracks[0]
	if v.Sample(0).PTS != 12800 || a.Sample(0).PTS != 24000 || moved.Files[2].Cues.Cues[0].Start != 250 {
		t.Errorf("shifted to %d, %d, %d", v.Sample(0).PTS, a.Sample(0).PTS, moved.Files[2].Cues.Cues[0].Start)
	}
	if a.Language != "fr" || v.Language != "" || moved.Files[2].Cues.Language != "fr" || sound.Language != "en" {
		t.Error("the language is not overridden, or overridden in the stored set")
	}
	if set.Files[2].Cues.Cues[0].Start != 0 || video.Sample(0).PTS != 0 {
		t.Error("the stored set was changed")
	}
	each := reshaped("/,clipTo/6000/a,clipTo/8000/b,c,.urlset/master.m3u8")
	if each.Files[0].Tracks[0].Duration() != 6*12800 || each.Files[1].Tracks[0].Duration() < 7*48000 {
		t.Errorf("clips per file: %d and %d", each.Files[0].Tracks[0].Duration(), each.Files[1].Tracks[0].Duration())
	}
}
