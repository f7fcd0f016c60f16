package s3_test

import (
	"fmt"
	"testing"

	"sluice/internal/s3test"
	"sluice/storage"
	"sluice/storage/cache"
	"sluice/storage/s3"
	"sluice/storage/storagetest"
)

// openStore returns the store at an URL, with a block cache if blocks is set.
func openStore(t *testing.T, url string, blocks bool) *s3.Store {
	t.Helper()
	var opts s3.Options
	if blocks {
		c, err := cache.Open(cache.Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
		opts.Cache = c
	}
	s, err := s3.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	server := s3test.Start(t)
	n := 0
	storagetest.Run(t, func(t *testing.T) storage.Store {
		n++
		return openStore(t, server.Below(fmt.Sprintf("test/%d", n)), true)
	})
}
