package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/internal/durable"
)

// maxClaim bounds the claim that is read back: its texts are bounded when it is made.
const maxClaim = 1 << 20

// Recovered counts what Recover did.
type Recovered struct {
	Entered int // claims that became entries
	Removed int // folders that had nothing to lose
	Orphans int // files without a claim whose entry the catalog does not know: they stay, and need a person
}

// Recover finishes what processes that are gone left in the incoming folder. It skips what others work on, so it may run
// at any time, in any process; a failure of one claim does not keep the others.
func (in *Ingester) Recover(ctx context.Context) (Recovered, error) {
	var r Recovered
	entries, err := os.ReadDir(in.Incoming)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("recover incoming files: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		if !e.IsDir() || !isEntryID(e.Name()) {
			continue
		}
		if err := in.recoverFolder(ctx, catalog.EntryID(e.Name()), &r); err != nil {
			errs = append(errs, fmt.Errorf("recover incoming file of %s: %w", e.Name(), err))
		}
	}
	recovered.WithLabelValues("entered").Add(float64(r.Entered))
	recovered.WithLabelValues("removed").Add(float64(r.Removed))
	orphans.Set(float64(r.Orphans))
	return r, errors.Join(errs...)
}

func (in *Ingester) recoverFolder(ctx context.Context, id catalog.EntryID, r *Recovered) error {
	dir, err := filepath.Abs(filepath.Join(in.Incoming, string(id)))
	if err != nil {
		return err
	}
	c, err := in.abandoned(dir)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil // somebody works on it
	}
	if errors.Is(err, fs.ErrNotExist) {
		return in.recoverFile(ctx, id, dir, r)
	}
	if err != nil {
		return err
	}
	defer c.unlock()
	if c.Entry != id {
		return in.unreadable(dir, c, r)
	}
	_, err = os.Lstat(c.file())
	if errors.Is(err, fs.ErrNotExist) {
		// The source never gave the file up, or the entry has it in storage already.
		r.Removed++
		return c.remove()
	}
	if err != nil {
		return err
	}
	c.sole = true
	e, err := in.enter(ctx, c)
	if err != nil && !errors.Is(err, catalog.ErrConflict) {
		return err
	}
	r.Entered++
	in.log().Info("took in a file that a crash left behind", "entry", e.ID, "account", c.Account, "file", c.File)
	return nil
}

// abandoned locks the claim in dir: EWOULDBLOCK if somebody has it, fs.ErrNotExist if there is none.
func (in *Ingester) abandoned(dir string) (*claim, error) {
	guard, err := in.guard()
	if err != nil {
		return nil, err
	}
	defer guard.Close()
	lock, err := os.OpenFile(filepath.Join(dir, claimFile), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := durable.Lock(lock, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, err
	}
	c := &claim{dir: dir, lock: lock, step: in.at}
	b := make([]byte, maxClaim)
	n, _ := lock.ReadAt(b, 0)
	if err := json.Unmarshal(b[:n], c); err != nil || CheckName(c.File) != nil {
		*c = claim{dir: dir, lock: lock, step: in.at}
	}
	return c, nil
}

// unreadable deals with a claim that is torn. It was not durable, so no file was moved on its word; should there be one
// all the same, it stays.
func (in *Ingester) unreadable(dir string, c *claim, r *Recovered) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if !strings.HasPrefix(n.Name(), Reserved) {
			r.Orphans++
			in.log().Warn("an incoming file has an unreadable claim; it stays", "folder", dir, "file", n.Name())
			return nil
		}
	}
	r.Removed++
	return c.remove()
}

// recoverFile deals with a folder that has no claim: its entry was made.
func (in *Ingester) recoverFile(ctx context.Context, id catalog.EntryID, dir string, r *Recovered) error {
	guard, err := in.guard()
	if err != nil {
		return err
	}
	defer guard.Close()
	// Empty, it is what the import stage left when it took the file.
	if err := unix.Rmdir(dir); err == nil || errors.Is(err, unix.ENOENT) {
		r.Removed++
		return nil
	}
	e, err := in.Catalog.EntryByID(ctx, id)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		r.Orphans++
		in.log().Warn("an incoming file belongs to no entry of this catalog; it stays", "entry", id, "folder", dir)
	case err != nil:
		return err
	case e.Status == catalog.EntryDeleted:
		r.Removed++
		return os.RemoveAll(dir)
	}
	return nil
}
