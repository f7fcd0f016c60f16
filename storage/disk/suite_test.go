package disk_test

import (
	"testing"

	"sluice/storage"
	"sluice/storage/disk"
	"sluice/storage/storagetest"
)

func open(t *testing.T, dir string) *disk.Store {
	t.Helper()
	s, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store { return open(t, t.TempDir()) })
}

func TestReadersNeverMix(t *testing.T) { storagetest.ReadersNeverMix(t, open(t, t.TempDir())) }
