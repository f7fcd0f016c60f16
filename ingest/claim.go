package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/internal/durable"
	"sluice/storage"
)

const (
	claimFile   = Reserved + "claim.json"
	partialFile = Reserved + "partial"
)

// claim is what is needed to make the entry of a file. It lies beside the file until the entry is made; whoever works on
// it holds a lock on it.
type claim struct {
	Entry       catalog.EntryID   `json:"entry"`
	Asset       catalog.AssetID   `json:"asset"`
	Account     catalog.AccountID `json:"account"`
	File        string            `json:"file"`
	Size        int64             `json:"size"`
	Name        string            `json:"name"`
	ReferenceID string            `json:"reference_id,omitempty"`
	Description string            `json:"description,omitempty"`
	Tags        []string          `json:"tags,omitempty"`
	MediaType   catalog.MediaType `json:"media_type,omitempty"`
	Source      string            `json:"source"`
	Dedup       string            `json:"dedup"`
	SHA256      string            `json:"sha256,omitempty"`
	At          time.Time         `json:"at"`

	dir    string
	lock   *os.File
	origin string // where the file was renamed from, if it was
	sole   bool   // the claim's file is the only one there is
	step   func(string)
}

// newClaim makes a locked claim in a folder of its own, and its contents durable.
func (in *Ingester) newClaim(req Request, name string, size int64) (*claim, error) {
	c := &claim{
		Entry: catalog.NewEntryID(), Asset: catalog.NewAssetID(), Account: req.Account, File: name, Size: size, Name: req.Name,
		ReferenceID: req.ReferenceID, Description: req.Description, Tags: req.Tags, MediaType: req.MediaType,
		Source: req.Door + ":" + strings.ToValidUTF8(req.Path, "\uFFFD"), Dedup: req.DedupKey, SHA256: req.SHA256, At: time.Now().UTC(), step: in.at,
	}
	if c.Name == "" {
		c.Name = name
	}
	if c.Dedup == "" {
		c.Dedup = "claim:" + string(c.Entry)
	}
	incoming, err := filepath.Abs(in.Incoming)
	if err != nil {
		return nil, err
	}
	c.dir = filepath.Join(incoming, string(c.Entry))
	if err := c.make(in); err != nil {
		return nil, err
	}
	if err := c.write(); err != nil {
		return nil, errors.Join(err, c.remove(), c.lock.Close())
	}
	return c, nil
}

// make makes the folder with the claim in it, locked. The incoming folder itself is locked meanwhile, so that Recover
// never meets a claim that is made but not locked.
func (c *claim) make(in *Ingester) error {
	guard, err := in.guard()
	if err != nil {
		return err
	}
	defer guard.Close()
	if err := os.Mkdir(c.dir, 0o750); err != nil {
		return err
	}
	if c.lock, err = durable.LockFile(filepath.Join(c.dir, claimFile), 0o640, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.Join(err, os.RemoveAll(c.dir))
	}
	return nil
}

// guard locks the incoming folder, which it makes if need be, until the file is closed.
func (in *Ingester) guard() (*os.File, error) {
	if err := os.MkdirAll(in.Incoming, 0o750); err != nil {
		return nil, err
	}
	d, err := os.Open(in.Incoming)
	if err != nil {
		return nil, err
	}
	return d, durable.Lock(d, unix.LOCK_EX)
}

// write makes the claim's contents durable, in the file that is locked. A torn one is told by its JSON, and cannot have a
// file beside it.
func (c *claim) write() error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := c.lock.WriteAt(b, 0); err != nil {
		return err
	}
	if err := c.lock.Truncate(int64(len(b))); err != nil {
		return err
	}
	return c.lock.Sync()
}

// settle makes the file's new place durable, and the claim's folder with it. File systems with a journal, which keep the
// order of what happens to names, need no more: the claim's name came before the file's, and the file's old name went
// with its new one. Elsewhere a file may be found at both places, which the dedup key makes good.
func (c *claim) settle() error {
	return errors.Join(durable.SyncDir(c.dir), durable.SyncDir(filepath.Dir(c.dir)))
}

func (c *claim) file() string { return filepath.Join(c.dir, c.File) }

func (c *claim) unlock() { _ = c.lock.Close() }

// take brings the file into the claim's folder.
func (c *claim) take(ctx context.Context, src *source, req Request) error {
	c.step("begun")
	if err := ctx.Err(); err != nil {
		return err
	}
	if req.Move && src.single() {
		err := c.rename(src)
		if !errors.Is(err, unix.EXDEV) {
			return err
		}
	}
	return c.copy(ctx, src, req)
}

// rename moves the file, then makes sure that it moved the file that was looked at and that nobody got hold of it in
// between.
func (c *claim) rename(src *source) error {
	if err := os.Rename(src.path, c.file()); err != nil {
		return err
	}
	c.origin, c.sole = src.path, true
	c.step("renamed")
	st, err := os.Lstat(c.file())
	if err == nil && !os.SameFile(st, src.st) {
		err = fmt.Errorf("%w: another file took its name", storage.ErrChanged)
	}
	if err == nil {
		err = src.unchanged()
	}
	if err != nil {
		return errors.Join(err, c.putBack())
	}
	return c.settle()
}

func (c *claim) copy(ctx context.Context, src *source, req Request) error {
	partial := filepath.Join(c.dir, partialFile)
	f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	sum, err := src.copyTo(ctx, f, req.Progress)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	c.step("copied")
	if c.SHA256 == "" && sum != "" {
		c.SHA256 = sum
		if err := c.write(); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Rename(partial, c.file()), c.settle()); err != nil {
		return err
	}
	c.step("placed")
	if !req.Move {
		return nil
	}
	st, err := os.Lstat(src.path)
	if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(st, src.st) {
		return nil // it is gone, or another file by now
	}
	if err != nil {
		return fmt.Errorf("it cannot be removed from where it is: %w", err)
	}
	c.sole = true
	if err := os.Remove(src.path); err != nil {
		c.sole = false
		return fmt.Errorf("it cannot be removed from where it is: %w", err)
	}
	return durable.SyncDir(filepath.Dir(src.path))
}

// putBack returns a renamed file to its place. If that is taken meanwhile, the file stays with the claim, for Recover.
func (c *claim) putBack() error {
	err := unix.Renameat2(unix.AT_FDCWD, c.file(), unix.AT_FDCWD, c.origin, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		if err = os.Link(c.file(), c.origin); err == nil {
			err = os.Remove(c.file())
		}
	}
	if err != nil {
		return err
	}
	c.sole = false
	return durable.SyncDir(filepath.Dir(c.origin))
}

// giveBack ends a claim that did not become an entry: the file goes back to where it came from.
func (c *claim) giveBack() error {
	if c.sole && c.origin != "" {
		if err := c.putBack(); err != nil {
			return errors.Join(err, c.discard())
		}
	}
	return c.discard()
}

// discard removes the claim and its file, unless the file is the only one there is: then it stays for Recover.
func (c *claim) discard() error {
	if c.sole {
		return fmt.Errorf("the file waits as %s", c.Entry)
	}
	return c.remove()
}

// remove removes the claim and its file.
func (c *claim) remove() error {
	return errors.Join(os.RemoveAll(c.dir), durable.SyncDir(filepath.Dir(c.dir)))
}

// done ends a claim that became an entry. If the import stage was faster, the folder goes too.
func (c *claim) done() error {
	if err := os.Remove(filepath.Join(c.dir, claimFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("entry %s is made, but its claim stays: %w", c.Entry, err)
	}
	_ = unix.Rmdir(c.dir)
	return nil
}

var entryID = regexp.MustCompile(`^0_[0-9a-z]{8}$`)

func isEntryID(s string) bool { return entryID.MatchString(s) }
