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
	"sluice/internal/fault"
)

// errHanded says that a file is no longer where it came in: it was handed over.
var errHanded = errors.New("the file was handed over")

// handOver hands complete files over and notes what became of them. When that fails for a reason that is not a file's, it is tried
// again.
func (x *session) handOver(files []*file) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.server.ctx), time.Hour)
	defer cancel()
	again := false
	ends := x.hand(ctx, files)
	fault.Point("hsu.handed")
	for i, err := range ends {
		again = x.ended(files[i], err) || again
	}
	if again {
		select {
		case <-x.journal.stop:
		case <-time.After(retryAfter):
		}
	}
	for _, f := range files {
		x.journal.note(f)
	}
}

// ended notes what became of a file, and says whether it is to be handed over again.
func (x *session) ended(f *file, err error) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	f.ending = false
	outcome := "again"
	switch {
	case err == nil:
		outcome, f.row.Status = "done", catalog.FileDone
	case isOfFile(err):
		outcome, f.row.Status, f.row.Reason = "failed", catalog.FileFailed, err.Error()
	default:
		x.server.cfg.Log.Error("high-speed upload: a file could not be handed over; it is tried again",
			"transfer", x.transfer.ID, "file", f.number, "error", err)
	}
	filesEnded.WithLabelValues(outcome).Inc()
	if err == nil || outcome == "failed" {
		f.leaves, f.row.Extents = nil, nil
	}
	return outcome == "again"
}

// hand gives files their digests and hands them over.
func (x *session) hand(ctx context.Context, files []*file) []error {
	out := make([]error, len(files))
	var rows []catalog.TransferFile
	var at []int
	for i, f := range files {
		root, err := x.root(f)
		if err != nil && !errors.Is(err, errHanded) {
			out[i] = err
			continue
		}
		x.mu.Lock()
		if err == nil {
			f.row.Digest = hex.EncodeToString(root[:])
		}
		rows, at = append(rows, f.row), append(at, i)
		x.mu.Unlock()
	}
	for i, err := range x.to.finish(ctx, rows) {
		out[at[i]] = err
	}
	return out
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
	var buf []byte
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
			buf = make([]byte, min(hsu.BlockSize, row.Size))
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
