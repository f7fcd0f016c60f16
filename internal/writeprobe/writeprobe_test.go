package writeprobe_test

import (
	"os"
	"path/filepath"
	"testing"

	"sluice/internal/writeprobe"
)

func TestProbeSeesWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	switch got := writeprobe.Probe(r); got {
	case writeprobe.Busy:
	case writeprobe.Unknown:
		t.Skip("this file system or user gets no leases")
	default:
		t.Errorf("with a writer: %v, want Busy", got)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first probe must leave no lease behind
		if got := writeprobe.Probe(r); got != writeprobe.Idle {
			t.Errorf("without a writer: %v, want Idle", got)
		}
	}
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got := writeprobe.Probe(r); got != writeprobe.Idle {
		t.Errorf("with a second reader: %v, want Idle", got)
	}
}
