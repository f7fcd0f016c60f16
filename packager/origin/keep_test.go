package origin

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"

	"sluice/packager"
)

// TestKeptSegmentsSayTheSame: a segment that is kept leaves in the bytes of one that is made, whole or in part, from then on by
// shortcut.
func TestKeptSegmentsSayTheSame(t *testing.T) {
	dir := t.TempDir()
	made, kept := servePair(t, Config{}, Timeouts{}), servePair(t, Config{KeepBytes: 64 << 20, KeepDir: dir}, Timeouts{})
	made.warm(t)
	kept.warm(t)
	n := 0
	for _, o := range objects {
		if !strings.HasSuffix(o.path, ".ts") && !strings.HasSuffix(o.path, ".aac") {
			continue
		}
		for i, in := range []string{
			"HEAD" + get(o.path, "")[3:], get(o.path, ""), get(o.path, ""), "HEAD" + get(o.path, "")[3:], get(o.path, "Range: bytes=100-70099\r\n"),
			get(o.path, "If-None-Match: *\r\n"), get(o.path, "Range: bytes=-188\r\n") + get(o.path, ""),
		} {
			before := kept.passed.Load()
			if d := cmp.Diff(talk(t, made.plain, in+lastRequest), talk(t, kept.short, in+lastRequest)); d != "" {
				t.Errorf("%s, request %d: differs:\n%.1000s", o.path, i, d)
			}
			if passed := kept.passed.Load() - before; passed != 1 && i >= 2 && i != 5 { // the last request, which closes
				t.Errorf("%s, request %d: %d answered by net/http", o.path, i, passed)
			}
		}
		n++
	}
	if left, err := os.ReadDir(dir); n == 0 || err != nil || len(left) > 0 {
		t.Errorf("%d segments, files left %v, %v", n, left, err)
	}
}

// sampled is a body that is made for every response.
type sampled struct {
	b     []byte
	fault error
}

func (s sampled) Size() int64 { return int64(len(s.b)) }

func (s sampled) WriteRange(_ context.Context, w io.Writer, off, n int64) error {
	if s.fault != nil {
		return s.fault
	}
	_, err := w.Write(s.b[off : off+n])
	return err
}

func newKeeper(t *testing.T, limit int64) *keeper {
	t.Helper()
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &keeper{dir: t.TempDir(), limit: limit, metrics: m}
}

// isKept takes the plan's file as a response does.
func isKept(t *testing.T, p *plan) bool {
	t.Helper()
	k, f := p.held()
	if k == nil {
		return false
	}
	defer f.Close()
	if want := p.body.(sampled).b; !bytes.Equal(f.Bytes(), want) || k.body.Size() != int64(len(want)) {
		t.Errorf("%d other bytes than the %d of the body", k.body.Size(), len(want))
	}
	return true
}

// TestKeeperKeepsWhatIsAskedFor: what does not fit goes in the order in which it was not asked for; what is too large never comes in.
func TestKeeperKeepsWhatIsAskedFor(t *testing.T) {
	const size = 1000
	kr := newKeeper(t, keptShare*size)
	plans := make([]*plan, 3*keptShare)
	for i := range plans {
		plans[i] = bodyPlan(typeTS, "x", sampled{b: bytes.Repeat([]byte{byte(i)}, size)})
		kr.again(t.Context(), plans[i])
		if !isKept(t, plans[0]) { // and so it is asked for
			t.Fatalf("the first is gone after %d", i)
		}
	}
	n := 0
	for _, p := range plans {
		if isKept(t, p) {
			n++
		}
	}
	if n != keptShare || kr.used != keptShare*size || !isKept(t, plans[len(plans)-1]) {
		t.Errorf("%d kept of %d bytes", n, kr.used)
	}
	// Now all were asked for: one try lets the hand pass half of them.
	late := bodyPlan(typeTS, "x", sampled{b: make([]byte, size)})
	for i := range 4 {
		if kr.again(t.Context(), late); isKept(t, late) {
			if i < 2 {
				t.Errorf("kept at try %d, in place of one that was asked for", i)
			}
			break
		}
	}
	if !isKept(t, late) {
		t.Error("never kept")
	}
	large := bodyPlan(typeTS, "x", sampled{b: make([]byte, size+1)})
	if kr.takes(large) || kr.takes(late) || !kr.takes(bodyPlan(typeTS, "x", sampled{b: make([]byte, size)})) {
		t.Error("takes a body of more than its share or one that it has, or not one that fits")
	}
	kr.writing = keptWrites
	busy := bodyPlan(typeTS, "x", sampled{b: make([]byte, 1)})
	if kr.again(t.Context(), busy); isKept(t, busy) || !kr.takes(busy) {
		t.Error("kept beside too many others that are written, or never to be kept")
	}
}

// TestKeeperBoundsItsFiles: every one is a descriptor.
func TestKeeperBoundsItsFiles(t *testing.T) {
	kr := newKeeper(t, 1<<30)
	for range keptFiles + 10 {
		kr.again(t.Context(), bodyPlan(typeTS, "x", sampled{b: []byte{1}}))
	}
	if len(kr.ring) != keptFiles || kr.used != keptFiles {
		t.Errorf("%d files of %d bytes", len(kr.ring), kr.used)
	}
}

// TestAResponseHoldsItsFile: a file that goes while a response is sent from it stays readable until that ends.
func TestAResponseHoldsItsFile(t *testing.T) {
	kr := newKeeper(t, keptShare*100)
	p := bodyPlan(typeTS, "x", sampled{b: bytes.Repeat([]byte{7}, 100)})
	kr.again(t.Context(), p)
	_, f := p.held()
	kr.drop(0)
	if k, _ := p.held(); k != nil || kr.used != 0 {
		t.Errorf("still kept, %d bytes", kr.used)
	}
	if !bytes.Equal(f.Bytes(), p.body.(sampled).b) {
		t.Error("other bytes")
	}
	if err := f.Close(); err != nil || f.Retain() {
		t.Errorf("still open, %v", err)
	}
	if kr.again(t.Context(), p); !isKept(t, p) {
		t.Error("not kept again")
	}
}

// TestWhatCannotBeKeptIsMade: neither a directory that is gone nor a body that fails has a share of the room, or is tried again.
func TestWhatCannotBeKeptIsMade(t *testing.T) {
	kr := newKeeper(t, keptShare*100)
	failing := bodyPlan(typeTS, "x", sampled{b: make([]byte, 10), fault: os.ErrClosed})
	kr.again(t.Context(), failing)
	kr.again(t.Context(), failing)
	kr.dir = filepath.Join(kr.dir, "none")
	homeless := bodyPlan(typeTS, "x", sampled{b: make([]byte, 10)})
	kr.again(t.Context(), homeless)
	var d dto.Metric
	if err := kr.metrics.unkept.Write(&d); err != nil {
		t.Fatal(err)
	}
	if isKept(t, failing) || isKept(t, homeless) || kr.used != 0 || len(kr.ring) != 0 || kr.writing != 0 || d.GetCounter().GetValue() != 2 {
		t.Errorf("%d bytes, %d files, %v failures", kr.used, len(kr.ring), d.GetCounter().GetValue())
	}
}

// TestVanishedMediaIsNotKept: a source that was cut short is refused at the second request as at the first.
func TestVanishedMediaIsNotKept(t *testing.T) {
	path, _, tr := copyOf(t, "hi-v")
	set := &packager.Set{ID: "0_cut", Version: "1", Complete: true, Files: []packager.SetFile{{Tracks: []*packager.Track{tr}}}}
	p := servePair(t, Config{Resolver: &library{sets: map[string]*packager.Set{"0_cut": set}}, KeepBytes: 64 << 20, KeepDir: t.TempDir()}, Timeouts{})
	segment := get("/hls/0_cut/seg-2-v1.ts", "")
	if got := talk(t, p.plain, segment+lastRequest); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Fatalf("%.200s", got)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := talk(t, p.short, segment+lastRequest); strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("%.200s", got)
		}
	}
	if kr := &p.origin.keeper; kr.used != 0 || len(kr.ring) != 0 || kr.writing != 0 {
		t.Errorf("%d bytes of %d files", kr.used, len(kr.ring))
	}
}
