package origin

import (
	"bytes"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"sluice/packager/uri"
)

func TestOriginalsComeWithTheirName(t *testing.T) {
	s := catalogue(t, Config{})
	r := s.get("/raw/original")
	if !bytes.Equal(r.body, media.plain["hi"].Bytes()) {
		t.Error("the original's bytes differ")
	}
	const want = `attachment; filename="_n_code _name_.mp4"; filename*=UTF-8''%C3%9Cn%C3%AFcode%20%22name%22.mp4`
	if got := r.header.Get("Content-Disposition"); got != want {
		t.Errorf("disposition %q", got)
	}
	if r := s.get("/raw/remote"); string(r.body) != "0123456789" {
		t.Errorf("remote original: %q", r.body)
	}
}

func TestMetricsAndObservation(t *testing.T) {
	done := make(chan Access, 8)
	reg := prometheus.NewRegistry()
	s := catalogue(t, Config{Registerer: reg, Observe: func(a Access) { done <- a }})
	s.get("/hls/0_stored/seg-1-f1-v1.ts?CMCD=bs%2Cbl%3D0")
	s.get("/hls/0_stored/seg-1-f1-v1.ts?CMCD=bl%3D9000", "Cmcd-Status", "ignored")
	s.get("/hls/0_stored/seg-1-f1-v1.ts", "Cmcd-Status", "bs", "Cmcd-Object", "br=200")
	s.do("GET", "/hls/0_stored/seg-9-f1-v1.ts")
	var seen []Access
	for range 4 {
		seen = append(seen, <-done)
	}
	if a := seen[0]; a.Kind != uri.SegmentTS || a.Status != 200 || a.CacheHit || a.CMCD != "bs,bl=0" || a.SetID != "0_stored" || a.Bytes == 0 {
		t.Errorf("first: %+v", a)
	}
	if !seen[1].CacheHit || !seen[2].CacheHit || seen[2].CMCD != "br=200,bs" {
		t.Errorf("CMCD data changes the cache key, or is lost: %+v", seen[2])
	}
	if a := seen[3]; a.Status != 404 || !strings.Contains(a.Reason, "no segment 9") {
		t.Errorf("last: %+v", a)
	}
	m := s.origin.metrics
	for name, c := range map[string]struct {
		got  prometheus.Counter
		want float64
	}{
		"ok": {m.ok[uri.SegmentTS], 3}, "404": {m.requests.WithLabelValues("segment_ts", "404"), 1},
		"cmcd": {m.cmcd, 3}, "starved": {m.starved, 2}, "hits": {m.hits, 2},
	} {
		if got := count(t, c.got); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if _, err := New(Config{Resolver: s.lib, Registerer: reg}); err == nil {
		t.Error("metrics were registered twice without an error")
	}
	if _, err := New(Config{}); err == nil {
		t.Error("an origin without a resolver was made")
	}
}

func count(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.Counter.GetValue()
}
