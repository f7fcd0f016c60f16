package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"sluice/catalog"
	"sluice/internal/fault"
	"sluice/storage"
)

// Catalog is what an Ingester needs of the catalog; *catalog.DB has it.
type Catalog interface {
	Account(ctx context.Context, id catalog.AccountID) (catalog.Account, error)
	EntryByID(ctx context.Context, id catalog.EntryID) (catalog.Entry, error)
	Assets(ctx context.Context, entry catalog.EntryID, types ...catalog.AssetType) ([]catalog.Asset, error)
	CreateEntry(ctx context.Context, n catalog.NewEntry, assets []catalog.Asset, tasks []catalog.NewTask) (
		catalog.Entry, []catalog.Asset, []catalog.Task, error)
}

// Original is a received file and the asset it becomes: what the import task must know.
type Original struct {
	Path  string
	Asset catalog.AssetID
	Key   string
	// SHA256 is known when the sender told it, or when the file was copied on the way in; hex.
	SHA256 string
}

// Ingester takes files in. It is safe for concurrent use, also by several processes with one folder.
type Ingester struct {
	Catalog Catalog
	// Incoming is the folder for files between the door and storage. It belongs on the file system of the inbox and of the
	// object store, where files then only change their names.
	Incoming string
	// Arrival makes the first tasks of an entry.
	Arrival func(Original) []catalog.NewTask
	// Admit, when set, is asked before a file is taken whether there is room, with the bytes that the incoming folder would
	// grow by; its error leaves the file where it is.
	Admit func(grows int64) error
	// Log is told what Recover finds; nil means slog.Default.
	Log *slog.Logger

	// step, set by tests, is told each point that a crash may hit.
	step func(point string)
}

// Request is a file to take in.
type Request struct {
	Account catalog.AccountID
	Path    string
	// Name of the entry; "" means the file's name.
	Name        string
	ReferenceID string
	Description string
	Tags        []string
	MediaType   catalog.MediaType // 0 means not known yet
	// Door names the way in, for people and metrics: "inbox", "command", "upload".
	Door string
	// Move removes the file from where it is once the claim holds it. Otherwise it is cloned by reference or copied.
	Move bool
	// DedupKey, when set, marks deliveries of the same file: the second gives the first's entry and catalog.ErrConflict.
	DedupKey string
	// SHA256, when set (hex), is checked when the file is stored.
	SHA256 string
	// Progress, when set, is called with the bytes copied; a file that is only renamed gives no call.
	Progress func(done, total int64)
}

// Ingest claims the file and makes its entry, with the original asset and the first tasks, in one transaction. When it
// returns without an error, the file is the platform's, whatever crashes.
//
// Errors: fs.ErrNotExist; ErrName; ErrNotRegular; storage.ErrChanged for a file that is still written; storage.ErrFull;
// catalog.ErrNotFound for an unknown account; catalog.ErrConflict, with the entry that the same delivery made before. The
// file is where it was after all of them but the last, for which Move still removes it if the entry has its bytes.
func (in *Ingester) Ingest(ctx context.Context, req Request) (catalog.Entry, error) {
	start := time.Now()
	e, size, err := in.ingest(ctx, req)
	observe(req.Door, start, size, err)
	if err != nil {
		return e, fmt.Errorf("ingest %q: %w", filepath.Base(req.Path), err)
	}
	return e, nil
}

func (in *Ingester) ingest(ctx context.Context, req Request) (catalog.Entry, int64, error) {
	name := filepath.Base(req.Path)
	if err := CheckName(name); err != nil {
		return catalog.Entry{}, 0, err
	}
	if _, err := in.Catalog.Account(ctx, req.Account); err != nil {
		return catalog.Entry{}, 0, err
	}
	src, err := openSource(req.Path)
	if err != nil {
		return catalog.Entry{}, 0, err
	}
	defer src.file.Close()
	if err := in.admit(src, req); err != nil {
		return catalog.Entry{}, 0, err
	}
	c, err := in.newClaim(req, name, src.st.Size())
	if err != nil {
		return catalog.Entry{}, 0, full(err)
	}
	defer c.unlock()
	if err := c.take(ctx, src, req); err != nil {
		return catalog.Entry{}, 0, errors.Join(full(err), c.discard())
	}
	in.at("claimed")
	e, err := in.enter(ctx, c)
	return e, src.st.Size(), err
}

// admit asks whether there is room for the file; one that only changes its name needs none.
func (in *Ingester) admit(src *source, req Request) error {
	if in.Admit == nil {
		return nil
	}
	grows := src.st.Size()
	if req.Move && src.single() && src.sharesVolume(in.Incoming) {
		grows = 0
	}
	return in.Admit(grows)
}

// enter makes the entry of a claim that holds its file, and ends the claim. When it is uncertain whether the entry was
// made, the claim stays for Recover.
func (in *Ingester) enter(ctx context.Context, c *claim) (catalog.Entry, error) {
	e, err := in.create(ctx, c)
	if err == nil {
		in.at("entered")
		return e, c.done()
	}
	// What counts is whether the entry is there, not whether we heard of it.
	sure, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if made, lookErr := in.Catalog.EntryByID(sure, c.Entry); lookErr == nil {
		return made, c.done()
	} else if !errors.Is(lookErr, catalog.ErrNotFound) {
		return catalog.Entry{}, fmt.Errorf("%w (the file waits as %s and comes in when the catalog answers)", err, c.Entry)
	}
	if !errors.Is(err, catalog.ErrConflict) {
		return catalog.Entry{}, errors.Join(err, c.giveBack())
	}
	if in.holds(sure, e, c) {
		in.at("duplicate")
		return e, errors.Join(err, c.remove())
	}
	// The same key, but the entry of before has other bytes or lost them: another delivery. The claim is not written
	// anew for that: Recover would come to the same end.
	c.Dedup += ":" + string(c.Entry)
	if e, err = in.create(ctx, c); err != nil {
		return catalog.Entry{}, fmt.Errorf("%w (the file waits as %s)", err, c.Entry)
	}
	return e, c.done()
}

func (in *Ingester) create(ctx context.Context, c *claim) (catalog.Entry, error) {
	const version = 1
	o := Original{
		Path: c.file(), Asset: c.Asset, SHA256: c.SHA256,
		Key: fmt.Sprintf("%d/%s/%d/%s/source%s", c.Account, c.Entry, version, c.Asset, Extension(c.File)),
	}
	e, _, _, err := in.Catalog.CreateEntry(ctx, catalog.NewEntry{
		ID: c.Entry, Account: c.Account, Name: c.Name, ReferenceID: c.ReferenceID, MediaType: c.MediaType,
		Description: c.Description, Tags: c.Tags, SourceKey: c.Source, DedupKey: c.Dedup,
	}, []catalog.Asset{{
		ID: c.Asset, Type: catalog.AssetFlavor, Status: catalog.AssetImporting, Version: version, Name: "source", Original: true,
		Size: c.Size,
	}}, in.Arrival(o))
	return e, err
}

// holds reports whether the entry still has, or will have, the very bytes of the claim.
func (in *Ingester) holds(ctx context.Context, e catalog.Entry, c *claim) bool {
	if e.ID == "" || e.Status == catalog.EntryDeleted {
		return false
	}
	assets, err := in.Catalog.Assets(ctx, e.ID, catalog.AssetFlavor)
	if err != nil {
		return false
	}
	for _, a := range assets {
		if !a.Original || a.Size != c.Size {
			continue
		}
		sum := a.SHA256
		if a.Status == catalog.AssetImporting || sum == "" {
			// Not stored yet: then its file waits beside ours.
			if sum, err = sumFile(ctx, filepath.Join(in.Incoming, string(e.ID), c.File)); err != nil {
				return false
			}
		}
		ours, err := sumFile(ctx, c.file())
		return err == nil && ours == sum
	}
	return false
}

func (in *Ingester) at(point string) {
	fault.Point("ingest." + point)
	if in.step != nil {
		in.step(point)
	}
}

func (in *Ingester) log() *slog.Logger {
	if in.Log != nil {
		return in.Log
	}
	return slog.Default()
}

// full adds storage.ErrFull to what a full disk says.
func full(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: %w", storage.ErrFull, err)
	}
	return err
}

// Forget removes the incoming folder of an entry that is deleted; none is no error.
func (in *Ingester) Forget(id catalog.EntryID) error {
	if !isEntryID(string(id)) {
		return fmt.Errorf("forget %q: not an entry id", id)
	}
	if err := os.RemoveAll(filepath.Join(in.Incoming, string(id))); err != nil {
		return fmt.Errorf("forget %s: %w", id, err)
	}
	return nil
}
