package worker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
)

func TestSamplesSurviveTheFraming(t *testing.T) {
	var wire bytes.Buffer
	w := newFrameWriter(&wire)
	sink := &childSink{w: w, faults: &fault{}}
	want := []codec.Sample{
		{PTS: 1 << 40, DTS: -5, Dur: 3, Key: true, Data: []byte("idr")},
		{PTS: -1, DTS: -1, Data: bytes.Repeat([]byte{7}, 3<<20)},
		{Data: []byte{}},
	}
	for i, s := range want {
		if err := sink.Sample(i, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	r := newFrameReader(&wire, Config{}.withDefaults())
	for i := range want {
		kind, payload, err := r.next()
		if err != nil || kind != frameSample {
			t.Fatal(kind, err)
		}
		track, got, err := parseSample(payload)
		if err != nil || track != i {
			t.Fatal(track, err)
		}
		sameData := bytes.Equal(want[i].Data, got.Data)
		want[i].Data, got.Data = nil, nil // cmp takes its time over megabytes
		if diff := cmp.Diff(want[i], got); diff != "" || !sameData {
			t.Errorf("sample %d: data same: %v, rest: %s", i, sameData, diff)
		}
	}
	if _, _, err := r.next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestFilesSurviveTheFraming(t *testing.T) {
	var wire bytes.Buffer
	w := newFrameWriter(&wire)
	sink := &childSink{w: w, faults: &fault{}}
	if err := sink.File("storyboard-0.jpg", []byte("jpeg")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".hidden", "a/b", "..", strings.Repeat("x", 300)} {
		if err := sink.File(name, nil); err == nil {
			t.Errorf("name %q was accepted", name)
		}
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	_, payload, err := newFrameReader(&wire, Config{}.withDefaults()).next()
	if err != nil {
		t.Fatal(err)
	}
	name, data, err := parseFile(payload)
	if err != nil || name != "storyboard-0.jpg" || string(data) != "jpeg" {
		t.Error(name, data, err)
	}
}

// repeat serves the same bytes for ever.
type repeat struct {
	data []byte
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.data[r.at:])
	r.at = (r.at + n) % len(r.data)
	return n, nil
}

func sampleStream(size int) *repeat {
	var wire bytes.Buffer
	w := newFrameWriter(&wire)
	sink := &childSink{w: w, faults: &fault{}}
	if err := sink.Sample(0, codec.Sample{Data: make([]byte, size)}); err != nil {
		panic(err)
	}
	if err := w.flush(); err != nil {
		panic(err)
	}
	return &repeat{data: wire.Bytes()}
}

func TestReadingSamplesAllocatesNothing(t *testing.T) {
	r := newFrameReader(sampleStream(20_000), Config{}.withDefaults())
	read := func() {
		_, payload, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if _, s, err := parseSample(payload); err != nil || len(s.Data) != 20_000 {
			t.Fatal(err)
		}
	}
	read() // grows the buffer
	if n := testing.AllocsPerRun(100, read); n != 0 {
		t.Errorf("%v allocations a sample", n)
	}
}

func BenchmarkReadSamples(b *testing.B) {
	r := newFrameReader(sampleStream(20_000), Config{}.withDefaults())
	b.SetBytes(20_000)
	b.ReportAllocs()
	for b.Loop() {
		_, payload, err := r.next()
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := parseSample(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAnnouncedLengthsAreNotBelieved(t *testing.T) {
	c := Config{MaxSample: 1 << 30}.withDefaults()
	head := []byte{byte(frameSample)}
	head = binary.LittleEndian.AppendUint32(head, 1<<30)
	r := newFrameReader(bytes.NewReader(append(head, 1, 2, 3)), c)
	if _, _, err := r.next(); err != io.ErrUnexpectedEOF {
		t.Errorf("truncated frame: %v", err)
	}
	if cap(r.buf) > 4<<20 {
		t.Errorf("%d bytes allocated for 3", cap(r.buf))
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(sampleStream(5).data)
	f.Add([]byte{byte(frameProgress), 32, 0, 0, 0})
	f.Add([]byte{byte(frameFile), 5, 0, 0, 0, 4, 'a', '.', 'b', 'c'})
	f.Add([]byte{byte(frameError), 2, 0, 0, 0, '{', '}'})
	c := Config{MaxSample: 1 << 16, MaxFile: 1 << 16, MaxMessage: 1 << 16}.withDefaults()
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newFrameReader(bytes.NewReader(data), c)
		for {
			kind, payload, err := r.next()
			if err != nil {
				if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.Is(err, errFrame) {
					t.Fatalf("error without a kind: %v", err)
				}
				return
			}
			switch kind {
			case frameSample:
				_, _, _ = parseSample(payload)
			case frameFile:
				if name, _, err := parseFile(payload); err == nil && strings.ContainsAny(name, "/\x00") {
					t.Fatalf("name %q", name)
				}
			case frameError:
				if e, err := childError(payload); err == nil && (codec.UserText(e.Code) == "" || e.User == "" || len(e.Detail) > maxDetail+100) {
					t.Fatalf("%#v", e)
				}
			}
		}
	})
}

func TestOnlyTheEndsOfLongOutputAreKept(t *testing.T) {
	var tl tail
	for range 1000 {
		if n, err := tl.Write(bytes.Repeat([]byte("x"), 100)); n != 100 || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := tl.Write([]byte("the end")); err != nil {
		t.Fatal(err)
	}
	if s := tl.text(); len(s) > tailHead+tailLast+10 || !strings.HasSuffix(s, "the end") || !strings.HasPrefix(s, "xxx") {
		t.Errorf("%d bytes kept", len(s))
	}
}

func TestCgroupsAreMadeWhereMemoryIsDelegated(t *testing.T) {
	dir := t.TempDir()
	if _, err := findCgroup(dir); err == nil {
		t.Error("a directory without cgroup.subtree_control was taken")
	}
	control := filepath.Join(dir, "cgroup.subtree_control")
	if err := os.WriteFile(control, []byte("cpu pids\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := findCgroup(dir); err == nil || !strings.Contains(err.Error(), "not delegated") {
		t.Errorf("without the memory controller: %v", err)
	}
	if err := os.WriteFile(control, []byte("cpu memory pids\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := findCgroup(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.add(42, 1000); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"memory.max": "1000", "cgroup.procs": "42"} {
		if b, err := os.ReadFile(filepath.Join(dir, "sluice-worker-42", file)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", file, b, err)
		}
	}
}

func TestOwnCgroupIsThatOfTheUnifiedHierarchy(t *testing.T) {
	self := filepath.Join(t.TempDir(), "cgroup")
	if err := os.WriteFile(self, []byte("4:memory:/x\n0::/user.slice/a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := ownCgroup(self, "/fs"); err != nil || got != "/fs/user.slice/a" {
		t.Error(got, err)
	}
}
