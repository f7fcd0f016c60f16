package remux

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// input6s is a TS file of 6 s.
func input6s(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed; this test makes its input with it")
	}
	in := filepath.Join(t.TempDir(), "in.ts")
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=192x108:rate=25:duration=6",
		"-f", "lavfi", "-i", "sine=sample_rate=48000:duration=6", "-c:v", "libx264", "-preset", "superfast", "-g", "50", "-c:a", "aac", in).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return in
}

func packets(t *testing.T, path string) string {
	t.Helper()
	var diag bytes.Buffer
	cmd := exec.Command("ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", path, "-map", "0", "-c", "copy", "-f", "framemd5", "-")
	cmd.Stderr = &diag
	out, err := cmd.Output()
	if err != nil || diag.Len() > 0 {
		t.Errorf("%s: %v %s", filepath.Base(path), err, diag.String())
	}
	return string(out)
}

func TestMoovComesFirstInEveryWay(t *testing.T) {
	in := input6s(t)
	want := ""
	for _, c := range []struct {
		o    Options
		ways []string
	}{
		{Options{}, []string{"reserved"}},
		{Options{reserve: 512}, []string{"inserted", "copied"}}, // the second where the file system cannot insert
		{Options{reserve: 512, noInsert: true}, []string{"copied"}},
	} {
		c.o.Input, c.o.Output = in, filepath.Join(t.TempDir(), "out.mp4")
		r, err := Run(t.Context(), c.o)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(c.ways, " "), r.FastStart) || !r.Verified {
			t.Errorf("fast start %q, want %v", r.FastStart, c.ways)
		}
		st, err := os.Stat(c.o.Output)
		if err != nil || st.Size() != r.Bytes {
			t.Errorf("%s: %d bytes, report says %d", r.FastStart, st.Size(), r.Bytes)
		}
		got := packets(t, c.o.Output)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: packets differ", r.FastStart)
		}
		if left, _ := os.ReadDir(filepath.Dir(c.o.Output)); len(left) != 1 {
			t.Errorf("%s: files left: %v", r.FastStart, left)
		}
	}
}

// A hole stands for the first 5 GiB of media.
func TestOffsetsBeyond4GiB(t *testing.T) {
	in := input6s(t)
	o := Options{Input: in, Output: filepath.Join(t.TempDir(), "out.mp4")}
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	plain := o
	plain.Output = filepath.Join(t.TempDir(), "plain.mp4")
	if _, err := Run(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	o.hole = 5 << 30
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Bytes < 5<<30 || !r.Verified {
		t.Errorf("report %+v", r)
	}
	head := make([]byte, 64<<10)
	f, err := os.Open(o.Output)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Read(head); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(head, []byte("co64")) || bytes.Contains(head, []byte("stco")) {
		t.Error("chunk offsets are not 64 bits wide")
	}
	if packets(t, o.Output) != packets(t, plain.Output) {
		t.Error("packets differ from those of the small file")
	}
}
