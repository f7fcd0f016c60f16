package origin

import (
	"bytes"
	"strings"
	"testing"

	"github.com/grafov/m3u8"

	"sluice/packager"
)

// first is a track of the samples of t before seconds.
func first(t *packager.Track, seconds int64) *packager.Track {
	b := packager.NewBuilder(t.Media, t.Files...)
	t.Walk(0, t.Len(), func(_ int, s packager.Sample) bool {
		if s.DTS < seconds*int64(t.Timescale) {
			b.Add(s)
		}
		return true
	})
	return b.Track()
}

// TestAGrowingSetNeverTakesBackWhatItListed follows an EVENT playlist while renditions grow at their own pace, to the end.
func TestAGrowingSetNeverTakesBackWhatItListed(t *testing.T) {
	whole := oneLanguage(t)
	s := serve(t, Config{}, whole)
	grow := func(hi, lo, sound int64, complete bool) {
		set := *whole
		set.Complete, set.Version = complete, strings.Repeat("g", int(hi))
		set.Files = nil
		for i, secs := range []int64{hi, lo, sound} {
			f := whole.Files[i]
			f.Tracks = []*packager.Track{first(f.Tracks[0], secs)}
			set.Files = append(set.Files, f)
		}
		s.lib.mu.Lock()
		s.lib.sets["0_one"] = &set
		s.lib.mu.Unlock()
	}
	grow(4, 2, 13, false)
	for _, name := range []string{"master.m3u8", "index-f1-v1.m3u8", "seg-1-f1-v1.m4s"} {
		if r := s.do("GET", "/hls/0_one/"+name); r.status != 404 {
			t.Errorf("%s before anything is ready: %d", name, r.status)
		}
	}
	listed, bodies := []string{}, map[string][]byte{}
	target := float64(0)
	for _, step := range []struct {
		hi, lo, sound int64
		complete      bool
		segments      int
	}{{8, 8, 5, false, 0}, {8, 8, 7, false, 1}, {12, 8, 13, false, 1}, {13, 13, 13, false, 2}, {13, 13, 13, true, 3}} {
		grow(step.hi, step.lo, step.sound, step.complete)
		r := s.do("GET", "/hls/0_one/container/fmp4/index-f1-v1.m3u8")
		if step.segments == 0 {
			if r.status != 404 {
				t.Errorf("%+v: %d", step, r.status)
			}
			continue
		}
		urls, _ := uris(r.body)
		if len(urls) != step.segments || strings.Join(urls[:len(listed)], " ") != strings.Join(listed, " ") {
			t.Fatalf("%+v: lists %v after %v", step, urls, listed)
		}
		if bytes.Contains(r.body, []byte("#EXT-X-ENDLIST")) != step.complete {
			t.Errorf("%+v: %s", step, r.body)
		}
		p, _, err := m3u8.DecodeFrom(bytes.NewReader(r.body), true)
		if err != nil {
			t.Fatal(err)
		}
		if d := p.(*m3u8.MediaPlaylist).TargetDuration; target != 0 && d != target {
			t.Errorf("%+v: the target duration changed from %v to %v", step, target, d)
		} else {
			target = d
		}
		for _, u := range urls {
			body := s.get("/hls/0_one/container/fmp4/" + u).body
			if before, had := bodies[u]; had && !bytes.Equal(before, body) {
				t.Errorf("%+v: %s changed", step, u)
			}
			bodies[u] = body
		}
		if !step.complete {
			next := s.do("GET", "/hls/0_one/container/fmp4/seg-"+string(rune('1'+len(urls)))+"-f1-v1.m4s")
			if next.status != 404 {
				t.Errorf("%+v: a segment that is not ready: %d", step, next.status)
			}
		}
		listed = urls
	}
}

// TestBandwidthCoversTheSegmentsServed measures what a client receives against what the master promised.
func TestBandwidthCoversTheSegmentsServed(t *testing.T) {
	s := serve(t, Config{}, stored(t), progressiveSet(t))
	for _, dir := range []string{"/hls/0_stored/", "/hls/0_stored/container/fmp4/", "/hls/0_plain/", "/hls/0_plain/container/fmp4/"} {
		p, _, err := m3u8.DecodeFrom(bytes.NewReader(s.get(dir+"master.m3u8").body), true)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.(*m3u8.MasterPlaylist).Variants {
			if v.Iframe {
				continue
			}
			peak, total, secs := s.rates(dir, v.URI)
			audioPeak := 0.0
			for _, alt := range v.Alternatives {
				if alt.Type == "AUDIO" && alt.GroupId == v.Audio {
					p, n, d := s.rates(dir, alt.URI)
					audioPeak = max(audioPeak, p)
					_, _ = n, d
				}
			}
			if got := peak + audioPeak; got > float64(v.Bandwidth)+1 || got < 0.9*float64(v.Bandwidth) {
				t.Errorf("%s%s: BANDWIDTH %d, measured %.0f", dir, v.URI, v.Bandwidth, got)
			}
			if v.Audio == "" && int64(total*8/secs) > int64(v.AverageBandwidth)+1 {
				t.Errorf("%s%s: AVERAGE-BANDWIDTH %d, measured %.0f", dir, v.URI, v.AverageBandwidth, total*8/secs)
			}
		}
	}
}

// rates is the peak rate of a playlist's segments of at least half the target, and its bytes and seconds in all.
func (s *site) rates(dir, playlist string) (peak, bytesTotal, secs float64) {
	s.Helper()
	body := s.get(dir + playlist).body
	p, _, err := m3u8.DecodeFrom(bytes.NewReader(body), true)
	if err != nil {
		s.Fatal(err)
	}
	for _, seg := range p.(*m3u8.MediaPlaylist).Segments {
		if seg == nil {
			break
		}
		n := float64(len(s.get(dir + seg.URI).body))
		bytesTotal += n
		secs += seg.Duration
		if seg.Duration >= 3 {
			peak = max(peak, n*8/seg.Duration)
		}
	}
	return peak, bytesTotal, secs
}
