package packager_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"sluice/packager"
)

func TestFileIsReleasedByItsLastHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := packager.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Retain() {
		t.Fatal("an open file cannot be retained")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if string(f.Bytes()) != "content" || f.Size() != 7 || f.FD() < 0 {
		t.Errorf("after the first of two closes: %q, size %d, fd %d", f.Bytes(), f.Size(), f.FD())
	}
	f.WillNeed(0, 100)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if f.Retain() {
		t.Error("a released file can be retained")
	}
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("one close too many: %v", err)
	}
}

func TestETagChangesWhenTheFileDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write := func(s string) {
		tmp := path + ".new"
		if err := os.WriteFile(tmp, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, path); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	a, err := packager.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.Changed(path) {
		t.Error("unchanged file has changed")
	}
	write("two")
	b, err := packager.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if a.ETag() == b.ETag() || !a.Changed(path) {
		t.Errorf("replaced file keeps its identity %q", a.ETag())
	}
	if string(a.Bytes()) != "one" {
		t.Errorf("the open file became %q", a.Bytes())
	}
}

func TestOpenFileRefusesWhatIsNoFile(t *testing.T) {
	if _, err := packager.OpenFile(t.TempDir()); err == nil {
		t.Error("a directory opened")
	}
	if _, err := packager.OpenFile(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := packager.OpenFile(empty)
	if err != nil || f.Size() != 0 {
		t.Fatalf("empty file: %v", err)
	}
	f.Close()
}

func TestGatheredBodyIsItsPieces(t *testing.T) {
	data := make([]byte, 700_000)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	mapped, err := packager.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer mapped.Close()
	remote := packager.ReaderFile(bytes.NewReader(data), int64(len(data)), "e")
	want := bytes.Join([][]byte{[]byte("head"), data[100:300_000], data[5:6], data[600_000:], []byte("tail")}, nil)
	for _, f := range []packager.File{mapped, remote} {
		body := packager.Gather([]packager.Piece{
			packager.MemPiece([]byte("head")), {File: f, Off: 100, N: 299_900}, {File: f, Off: 5, N: 1}, {File: f, Off: 9},
			{File: f, Off: 600_000, N: 100_000}, packager.MemPiece([]byte("tail")),
		})
		if body.Size() != int64(len(want)) {
			t.Fatalf("size %d, want %d", body.Size(), len(want))
		}
		for range 300 {
			off := rand.Int64N(body.Size() + 10)
			n := rand.Int64N(body.Size() + 10)
			var got bytes.Buffer
			if err := body.WriteRange(t.Context(), &got, off, n); err != nil {
				t.Fatal(err)
			}
			lo := min(off, body.Size())
			if !bytes.Equal(got.Bytes(), want[lo:min(lo+n, body.Size())]) {
				t.Fatalf("range %d+%d differs", off, n)
			}
		}
	}
}

// failing is a source that breaks at an offset.
type failing struct{ at int64 }

var errGone = errors.New("gone")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.at {
		return 0, errGone
	}
	return int(min(int64(len(p)), f.at-off)), nil
}

func TestBodyWritesNothingWhenItsSourceIsGone(t *testing.T) {
	body := packager.Gather([]packager.Piece{
		packager.MemPiece([]byte("moof")), {File: packager.ReaderFile(failing{0}, 100, "x"), N: 100},
	})
	var out bytes.Buffer
	if err := body.WriteRange(t.Context(), &out, 0, body.Size()); !errors.Is(err, errGone) || out.Len() != 0 {
		t.Errorf("wrote %d bytes: %v", out.Len(), err)
	}
}

func TestBodyIsCutShortNotPadded(t *testing.T) {
	body := packager.Gather([]packager.Piece{{File: packager.ReaderFile(failing{600_000}, 1_000_000, "x"), N: 1_000_000}})
	var out bytes.Buffer
	if err := body.WriteRange(t.Context(), &out, 0, body.Size()); err == nil || out.Len() > 600_000 {
		t.Errorf("wrote %d bytes: %v", out.Len(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := body.WriteRange(ctx, io.Discard, 0, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
