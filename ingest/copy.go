package ingest

import (
	"context"
	"os"
)

// Copy makes dst, which is empty, a copy of src, a regular file, that is not synced yet: by reference where the file system can, and then the checksum is
// "", else in one pass that hashes (SHA-256, hex). A source that is written meanwhile gives storage.ErrChanged, a full disk
// storage.ErrFull.
func Copy(ctx context.Context, dst, src *os.File, progress func(done, total int64)) (string, error) {
	st, err := src.Stat()
	if err != nil {
		return "", err
	}
	sum, err := (&source{file: src, path: src.Name(), st: st}).fill(ctx, dst, progress)
	return sum, full(err)
}
