package server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/catalog"
)

func newParts(t *testing.T) (*parts, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := &parts{root: root, name: partsOf("t1")}
	t.Cleanup(func() { p.close(); _ = root.Close() })
	return p, dir
}

func put(t *testing.T, p *parts, row catalog.TransferFile, text string) {
	t.Helper()
	f, err := p.create(row)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestAPartBecomesTheSendersFile(t *testing.T) {
	p, dir := newParts(t)
	at := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	row := catalog.TransferFile{Number: 7, Size: 4, Modified: at.UnixNano()}
	put(t, p, row, "whole and more") // what was not recorded
	to, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if err := errors.Join(p.seal(row), p.rename(row, to, "film.mp4")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "film.mp4")
	b, err := os.ReadFile(name)
	st, serr := os.Stat(name)
	if err != nil || serr != nil || string(b) != "whol" || !st.ModTime().Equal(at) {
		t.Errorf("%q of %v, %v, %v", b, st, err, serr)
	}
	if !p.gone(row) {
		t.Error("the part is still there")
	}
	if err := p.seal(row); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a part that is gone: %v", err)
	}
}

func TestPartsOutliveTheirDirectory(t *testing.T) {
	p, dir := newParts(t)
	row := catalog.TransferFile{Number: 1, Size: 3}
	put(t, p, row, "one")
	if err := os.RemoveAll(filepath.Join(dir, p.name)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.open(row); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a part that was removed: %v", err)
	}
	put(t, p, row, "one")
	if p.gone(row) {
		t.Error("the part is not there again")
	}
}

func TestASmallFileHasNoPartBeforeItComes(t *testing.T) {
	for _, c := range []struct {
		size int64
		want bool
	}{{-1, false}, {0, false}, {1, true}, {1 << 20, true}, {1<<20 + 1, false}} {
		if got := comesWhole(catalog.TransferFile{Size: c.size}); got != c.want {
			t.Errorf("%d bytes: %v", c.size, got)
		}
	}
}
