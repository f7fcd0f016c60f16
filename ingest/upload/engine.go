package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"sluice/catalog"
	"sluice/ingest"
)

// Defaults of an Engine.
const (
	DefaultMaxSize = 5 << 40
	DefaultMaxOpen = 10_000
	// DefaultWait is how long a final chunk waits for those that are missing; the protocol's reference waits as long.
	DefaultWait = 45 * time.Second
	// DefaultLifetime is how long an upload may rest.
	DefaultLifetime = 7 * 24 * time.Hour
)

const (
	// maxApart bounds the extents of a token: so many chunks may have nothing before them.
	maxApart = 1000
	// journalBytes and journalEvery are how much of a long chunk is recorded at a time, whichever comes first: what a sender may
	// have to repeat after a crash, and how old a reader's view of a growing file may be.
	journalBytes = 64 << 20
	journalEvery = time.Second
	dataFile     = "data"
)

// Engine receives uploads. It is safe for concurrent use, and several processes may share the catalog and the directory.
type Engine struct {
	Catalog *catalog.DB
	// Dir holds a folder for each token that has bytes. It belongs on the file system of the object store, where complete files
	// then only change their names.
	Dir string
	// Arrived is called in the transaction that completes an attached token, whose file is at path: what it commits follows from
	// the arrival. It must be quick and may run several times.
	Arrived func(ctx context.Context, tx *catalog.Tx, t catalog.UploadToken, path string) error
	// Lost is called in the transaction that gives an attached, incomplete token up.
	Lost func(ctx context.Context, tx *catalog.Tx, t catalog.UploadToken) error
	Log  *slog.Logger
	// Admit, when set, is asked whether there is room before bytes are taken; its error refuses them.
	Admit func(grows int64) error
	// Keep, when set, holds room for a file in what the account may keep, until release is called; its error, which wraps
	// catalog.ErrQuota when there is none, refuses the bytes of Upload. Other carriers ask for themselves.
	Keep func(ctx context.Context, account catalog.AccountID, bytes int64) (release func(), err error)

	// Limits; 0 means the default.
	MaxSize  int64         // bytes of a file
	MaxOpen  int           // unfinished uploads of an account
	Wait     time.Duration // of a final chunk for missing ones
	Lifetime time.Duration // of an upload that rests

	tokens tokens
}

// Chunk is a piece of a file.
type Chunk struct {
	// Resume continues a file; without it a new one begins, in place of what came before.
	Resume bool
	// Final says that nothing comes after this chunk: the file ends with it.
	Final bool
	// At is where it belongs; below 0 it goes to the end. Without Resume it is 0.
	At int64
	// Name is what the sender calls the file.
	Name string
	// Size and Open are the bytes.
	Size int64
	Open func() (io.ReadCloser, error)
	// Checksum, when set, is what the sender says of the bytes: the chunk counts whole or not at all, and never takes the place of
	// other bytes that are here.
	Checksum *Checksum
}

var tokenID = regexp.MustCompile(`^[0-9]_[0-9a-f]{32}$`)

// Path is where the file of a token is, or would be.
func (e *Engine) Path(t catalog.UploadToken) string {
	return filepath.Join(e.folder(t.ID), fmt.Sprintf("%s.%d", dataFile, t.Generation))
}

func (e *Engine) folder(id catalog.UploadTokenID) string {
	dir, err := filepath.Abs(e.Dir)
	if err != nil {
		dir = e.Dir
	}
	return filepath.Join(dir, string(id))
}

// Add makes a token. Of t, the account, user, file name, file size, automatic completion, carrier and its state count. A file name that cannot be
// kept is refused with ingest.ErrName.
func (e *Engine) Add(ctx context.Context, t catalog.UploadToken) (catalog.UploadToken, error) {
	switch {
	case t.AutoFinalize && t.FileSize <= 0:
		return catalog.UploadToken{}, ErrNoSize
	case t.FileSize < 0 || t.FileSize > e.maxSize():
		return catalog.UploadToken{}, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, t.FileSize, e.maxSize())
	}
	if t.FileName != "" {
		if err := ingest.CheckName(t.FileName); err != nil {
			return catalog.UploadToken{}, err
		}
	}
	return e.Catalog.AddUploadToken(ctx, catalog.UploadToken{
		Account: t.Account, User: t.User, FileName: t.FileName, FileSize: t.FileSize, AutoFinalize: t.AutoFinalize,
		Carrier: t.Carrier, State: t.State,
	}, orDefault(e.MaxOpen, DefaultMaxOpen))
}

// Delete gives a token up, with what came in for it, unless the file was handed over already: then only the token ends. Deleting
// it again does nothing.
func (e *Engine) Delete(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID) error {
	return e.giveUp(ctx, account, id, catalog.UploadDeleted, func(catalog.UploadToken) bool { return true })
}

// giveUp puts a token in a final state and removes its file, if it is still this package's. While writers are at work it waits.
func (e *Engine) giveUp(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, to catalog.UploadStatus, still func(catalog.UploadToken) bool) error {
	hold, err := e.tokens.lock(ctx, id, true)
	if err != nil {
		return err
	}
	defer hold.release()
	ours := false
	err = e.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		ours = false
		_, err := tx.UpdateUploadToken(ctx, account, id, func(t *catalog.UploadToken) error {
			if !still(*t) {
				return nil
			}
			ours = t.Open() || t.Status == catalog.UploadFull
			if t.Open() && t.AttachedID != "" && e.Lost != nil {
				if err := e.Lost(ctx, tx, *t); err != nil {
					return err
				}
			}
			if t.Status != catalog.UploadDeleted {
				t.Status = to
			}
			return nil
		})
		return err
	})
	if err != nil || !ours {
		return err
	}
	return os.RemoveAll(e.folder(id))
}

// Attach says what an unfinished upload is for: when it is complete, Arrived is called. A token that is complete, used, attached
// or over is ErrState.
func Attach(ctx context.Context, tx *catalog.Tx, account catalog.AccountID, id catalog.UploadTokenID, kind, object string, arrival []byte) error {
	_, err := tx.UpdateUploadToken(ctx, account, id, func(t *catalog.UploadToken) error {
		if !t.Open() || t.AttachedID != "" {
			return ErrState
		}
		t.AttachedType, t.AttachedID, t.Arrival = kind, object, arrival
		return nil
	})
	return err
}

// Use takes the complete file of a token over: the token is closed. A token that is not complete is ErrState.
func Use(ctx context.Context, tx *catalog.Tx, account catalog.AccountID, id catalog.UploadTokenID, kind, object string) error {
	_, err := tx.UpdateUploadToken(ctx, account, id, func(t *catalog.UploadToken) error {
		if t.Status != catalog.UploadFull {
			return ErrState
		}
		t.Status, t.AttachedType, t.AttachedID = catalog.UploadClosed, kind, object
		return nil
	})
	return err
}

// Limit is how many bytes a file may have.
func (e *Engine) Limit() int64 { return e.maxSize() }

// Rest is how long an upload may rest before it is given up.
func (e *Engine) Rest() time.Duration { return orDefault(e.Lifetime, DefaultLifetime) }

func (e *Engine) maxSize() int64 { return orDefault(e.MaxSize, DefaultMaxSize) }

func (e *Engine) log() *slog.Logger {
	if e.Log != nil {
		return e.Log
	}
	return slog.Default()
}

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// quietly drops the error that says that a thing is not there.
func quietly(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
