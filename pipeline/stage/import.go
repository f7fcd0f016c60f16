package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sluice/catalog"
	"sluice/codec"
	"sluice/internal/fault"
	"sluice/storage"
)

// Import moves the received file into storage and checks it: by rename where file systems allow, else in one pass that
// copies and hashes. Run again after a crash it finds the object where the first run left it.
func (e *Env) Import(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error) {
	p, err := decodePayload[ImportPayload](t)
	if err != nil {
		return Outcome{}, err
	}
	return e.ImportFile(ctx, t, p, progress)
}

// ImportFile is Import of what p says instead of the task's payload: the end of a stage that got the file itself.
func (e *Env) ImportFile(ctx context.Context, t catalog.Task, p ImportPayload, progress Progress) (Outcome, error) {
	obj, err := e.importFile(ctx, p, progress)
	if err != nil {
		return Outcome{}, err
	}
	if obj.Size == 0 {
		return Outcome{}, codec.NewError(codec.EmptyFile, "import", "", nil)
	}
	if obj.SHA256 != "" {
		code, bad, err := e.Catalog.Quarantined(ctx, obj.SHA256)
		if err != nil {
			return Outcome{}, err
		}
		if bad {
			return Outcome{}, codec.NewError(codec.Code(code), "import", "the same file failed before and is kept in quarantine", nil)
		}
	}
	fault.Point("import.stored")
	found, err := e.scanArrival(ctx, p, obj, progress)
	if err != nil {
		return Outcome{}, err
	}
	var old string // content that this takes the place of
	return Outcome{
		Result: map[string]any{"size": obj.Size, "sha256": obj.SHA256},
		After:  func(ctx context.Context) { e.drop(ctx, old, p.Key) },
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			err := tx.UpdateAsset(ctx, p.Asset, func(a *catalog.Asset) error {
				if p.Use == UseWork {
					return nil
				}
				old = a.Key
				a.Key, a.Size, a.SHA256, a.Status, a.ErrorText = p.Key, obj.Size, obj.SHA256, catalog.AssetReady, ""
				a.Details.Scan = found
				if p.Use == UseContent && a.Type != catalog.AssetCaption { // captions are of the format that they were added with
					a.Container = strings.TrimPrefix(path.Ext(p.Key), ".")
				}
				return nil
			})
			if err != nil || p.Use == UseContent {
				return err
			}
			if p.Use == UseOriginal && found == nil && e.Scanner != nil {
				if _, err := tx.AddTasks(ctx, t.Entry, []catalog.NewTask{scanTask()}); err != nil {
					return err
				}
			}
			err = tx.UpdateEntry(ctx, t.Entry, func(en *catalog.Entry) error {
				if en.Status == catalog.EntryImport {
					en.Status = catalog.EntryPreconvert
				}
				return nil
			})
			if err != nil || found == nil {
				return err
			}
			return e.markPlayable(ctx, tx, t.Entry) // what was made while it arrived
		},
	}, nil
}

// drop removes an object that another took the place of.
func (e *Env) drop(ctx context.Context, old, now string) {
	if old == "" || old == now {
		return
	}
	if err := e.Store.Delete(ctx, old); err != nil {
		e.Log.Warn("replaced content stays in storage", "object", old, "error", err)
	}
}

func (e *Env) importFile(ctx context.Context, p ImportPayload, progress Progress) (storage.Object, error) {
	if p.From != nil {
		return e.Copy(ctx, p.Key, *p.From)
	}
	st, err := os.Stat(p.Path)
	if errors.Is(err, os.ErrNotExist) {
		obj, statErr := e.Store.Stat(ctx, p.Key)
		if errors.Is(statErr, storage.ErrNotExist) {
			if _, err := e.Store.Stat(ctx, QuarantineFolder+p.Key); err == nil {
				return obj, codec.NewError(codec.VirusFound, "import", "an earlier attempt put it aside", nil)
			}
			return obj, codec.NewError(codec.SourceIO, "import", fmt.Sprintf("received file %q is gone", filepath.Base(p.Path)), err)
		}
		if !p.Keep {
			_ = os.Remove(filepath.Dir(p.Path)) // the attempt that stored it died before that
		}
		return obj, statErr
	}
	if err != nil {
		return storage.Object{}, codec.NewError(codec.SourceIO, "import", "", err)
	}
	fault.Point("import.begun")
	obj, err := e.Store.Import(ctx, p.Key, p.Path, storage.ImportOptions{
		SHA256:   p.SHA256,
		Keep:     p.Keep,
		Progress: func(done int64) { progress(done, st.Size(), done) },
	})
	switch {
	case errors.Is(err, storage.ErrFull):
		return obj, codec.NewError(codec.DiskFull, "import", "", err)
	case errors.Is(err, storage.ErrChanged):
		return obj, codec.NewError(codec.SourceIO, "import", "the file is still being written", err)
	case errors.Is(err, storage.ErrChecksum):
		return obj, codec.NewError(codec.IncompleteUpload, "import", err.Error(), err)
	case err != nil:
		return obj, codec.NewError(codec.SinkIO, "import", err.Error(), err)
	}
	if !p.Keep {
		// The folder that held the file is empty now, unless its claim is still there: then whoever ends that removes it.
		_ = os.Remove(filepath.Dir(p.Path))
	}
	return obj, nil
}
