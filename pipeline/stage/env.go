package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"

	"sluice/catalog"
	"sluice/codec"
	"sluice/storage"
)

// Env is what every stage works with.
type Env struct {
	Catalog *catalog.DB
	Store   storage.Store
	Engine  codec.Engine
	// Follower runs what follows uploads, and waits for bytes for most of the time; nil means Engine.
	Follower codec.Engine
	// Share waits for a share of the machine's cores and memory for a job, and returns the cores and how to give them back.
	Share func(ctx context.Context, t catalog.Task, job codec.Job) (tokens int, release func(), err error)
	// Request returns what an account wants made of its sources.
	Request func(ctx context.Context, account catalog.AccountID) (codec.Request, error)
	// Scanner, when set, looks at what is taken in.
	Scanner Scanner
	// ScanInline is how many bytes an original has at most that is scanned before anything else reads it; larger ones are scanned
	// beside the work on them. 0 means 64 MiB.
	ScanInline int64
	Log        *slog.Logger
}

// Progress tells how far a stage is: done of total in its own unit (total 0 when unknown), and bytes made so far.
type Progress func(done, total, bytes int64)

// Outcome is what a stage's completion commits: its result, kept in the task's row, and the changes that belong to the
// same transaction. After, if set, follows the commit; a crash between the two leaves it undone. Discard, which may come with
// an error too, removes what was stored when nothing is committed.
type Outcome struct {
	Result  any
	Commit  func(ctx context.Context, tx *catalog.Tx) error
	After   func(ctx context.Context)
	Discard func(ctx context.Context)
}

// Use says what an imported object is.
type Use string

// Uses of imported objects.
const (
	UseOriginal Use = ""      // the original of its entry
	UseContent  Use = "whole" // the content of its asset, which needs no more
	UseWork     Use = "work"  // what a later task makes the asset of
)

// ImportPayload is the payload of an import task: where the received file waits, and the original asset it becomes.
type ImportPayload struct {
	Path  string          `json:"path"`
	Asset catalog.AssetID `json:"asset"`
	Key   string          `json:"key"`
	// SHA256 is what the sender said, if anything.
	SHA256 string `json:"sha256,omitempty"`
	Use    Use    `json:"use,omitempty"`
	// Keep leaves the received file where it is.
	Keep bool `json:"keep,omitempty"`
	// From, instead of Path, is what is stored already: the content is a copy of it.
	From *Stored `json:"from,omitempty"`
}

// Stored is content that is in storage: one object as it is, or track files that together are one file.
type Stored struct {
	Key    string   `json:"key,omitempty"`
	Tracks []Stored `json:"tracks,omitempty"`
	// IndexKey is the index of a track file.
	IndexKey string `json:"index_key,omitempty"`
}

// keyPrefix is where the objects of an entry's version live.
func keyPrefix(account catalog.AccountID, entry catalog.EntryID, version int) string {
	return fmt.Sprintf("%d/%s/%d/", account, entry, version)
}

// assetKey is the object key of a file of an asset.
func assetKey(t catalog.Task, asset catalog.AssetID, file string) string {
	return keyPrefix(t.Account, t.Entry, t.Version) + string(asset) + "/" + file
}

// besideKey is the object key of what is known of an original. Content that replaced another's lies where it was made.
func besideKey(t catalog.Task, orig catalog.Asset, file string) string {
	if orig.Key == "" {
		return assetKey(t, orig.ID, file)
	}
	return path.Join(path.Dir(orig.Key), file)
}

// workPrefix is where an entry's version keeps what exists only while a run of its tasks makes it.
func workPrefix(t catalog.Task, run string) string {
	return keyPrefix(t.Account, t.Entry, t.Version) + "work" + run + "/"
}

// errNoOriginal says that an entry lost its original asset.
var errNoOriginal = errors.New("entry has no original")

// original returns the original asset of the task's entry and version.
func (e *Env) original(ctx context.Context, t catalog.Task) (catalog.Asset, error) {
	assets, err := e.Catalog.Assets(ctx, t.Entry, catalog.AssetFlavor)
	if err != nil {
		return catalog.Asset{}, err
	}
	for _, a := range assets {
		if a.Original && a.Version == t.Version && a.Status != catalog.AssetDeleted {
			return a, nil
		}
	}
	return catalog.Asset{}, fmt.Errorf("entry %s version %d: %w", t.Entry, t.Version, errNoOriginal)
}

// open opens the original for the engine.
func (e *Env) open(ctx context.Context, t catalog.Task) (codec.Source, io.Closer, error) {
	a, err := e.original(ctx, t)
	if err != nil {
		return codec.Source{}, nil, err
	}
	return e.openObject(ctx, a.Key)
}

// openObject opens an object for the engine.
func (e *Env) openObject(ctx context.Context, key string) (codec.Source, io.Closer, error) {
	r, err := e.Store.Open(ctx, key)
	if err != nil {
		return codec.Source{}, nil, codec.NewError(codec.SourceIO, "open", fmt.Sprintf("object %q", key), err)
	}
	src := codec.Source{Size: r.Object().Size}
	if src.Path = r.Path(); src.Path == "" {
		src.Reader = r
	}
	return src, r, nil
}

// putJSON stores v as an object.
func (e *Env) putJSON(ctx context.Context, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = e.Store.Put(ctx, key, bytes.NewReader(b))
	return err
}

// maxJSON bounds the plans and probe results that are read back.
const maxJSON = 64 << 20

// getJSON reads an object that putJSON stored.
func (e *Env) getJSON(ctx context.Context, key string, v any) error {
	b, err := storage.ReadAll(ctx, e.Store, key, maxJSON)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("object %q: %w", key, err)
	}
	return nil
}

// decodePayload reads a task's payload.
func decodePayload[T any](t catalog.Task) (T, error) {
	var v T
	if err := json.Unmarshal(t.Payload, &v); err != nil {
		return v, codec.NewError(codec.EngineBug, string(t.Stage), fmt.Sprintf("task %d: payload", t.ID), err)
	}
	return v, nil
}
