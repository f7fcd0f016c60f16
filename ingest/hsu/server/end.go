package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"sluice/catalog"
	"sluice/ingest/hsu"
)

// errHanded says that a file is no longer where it came in: it was handed over.
var errHanded = errors.New("the file was handed over")

// handOver hands a complete file over and notes what became of it. When that fails for a reason that is not the file's, it is tried
// again.
func (x *session) handOver(f *file) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.server.ctx), time.Hour)
	defer cancel()
	err := x.hand(ctx, f)
	x.mu.Lock()
	f.ending = false
	var status catalog.FileStatus
	switch {
	case err == nil:
		status = catalog.FileDone
	case isOfFile(err):
		status, f.row.Reason = catalog.FileFailed, err.Error()
	}
	f.row.Status = status
	if status != catalog.FileOpen {
		f.leaves, f.row.Extents = nil, nil
	}
	x.mu.Unlock()
	if status == catalog.FileOpen {
		x.server.cfg.Log.Error("high-speed upload: a file could not be handed over; it is tried again",
			"transfer", x.transfer.ID, "file", f.number, "error", err)
		select {
		case <-x.journal.stop:
		case <-time.After(retryAfter):
		}
	}
	filesEnded.WithLabelValues(map[catalog.FileStatus]string{catalog.FileDone: "done", catalog.FileFailed: "failed", catalog.FileOpen: "again"}[status]).Inc()
	x.journal.note(f)
}

func (x *session) hand(ctx context.Context, f *file) error {
	root, err := x.root(f)
	if err != nil && !errors.Is(err, errHanded) {
		return err
	}
	if err == nil {
		x.mu.Lock()
		f.row.Digest = hex.EncodeToString(root[:])
		x.mu.Unlock()
	}
	return x.to.finish(ctx, x.row(f))
}

// root is the digest of a complete file. Blocks that came before this process are read again; a file that a process handed over
// before it died is errHanded.
func (x *session) root(f *file) (hsu.Leaf, error) {
	x.mu.Lock()
	row := f.row
	leaves := slices.Clone(f.leaves)
	x.mu.Unlock()
	n := int(hsu.Blocks(row.Size))
	leaves = append(leaves, make([]hsu.Leaf, max(n-len(leaves), 0))...)[:n]
	var in *os.File
	buf := make([]byte, 0, hsu.BlockSize)
	for i := range leaves {
		if leaves[i] != (hsu.Leaf{}) {
			continue
		}
		if in == nil {
			var err error
			if in, err = x.to.open(row); err != nil {
				return hsu.Leaf{}, err
			}
			defer in.Close()
		}
		at := int64(i) * hsu.BlockSize
		b := buf[:min(hsu.BlockSize, row.Size-at)]
		if _, err := in.ReadAt(b, at); err != nil {
			return hsu.Leaf{}, fmt.Errorf("read block %d of %q again: %w", i, row.Path, err)
		}
		leaves[i] = hsu.LeafOf(b)
	}
	return hsu.Root(row.Size, leaves), nil
}
