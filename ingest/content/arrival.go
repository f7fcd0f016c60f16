package content

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice/catalog"
	"sluice/ingest/fetch"
	"sluice/ingest/upload"
	"sluice/pipeline/stage"
)

// use is what an asset's content is made into.
type use string

const (
	original  use = "original"  // the source of its entry, of which everything is made
	rendition use = "rendition" // a flavor that was made elsewhere
	whole     use = "whole"     // kept as it is: a caption, a picture, an attachment
)

// arrival is what happens to content when its bytes are here. An upload token keeps it until then.
type arrival struct {
	Entry    catalog.EntryID `json:"entry"`
	Asset    catalog.AssetID `json:"asset"`
	Version  int             `json:"version"`
	Revision int             `json:"revision"`
	Use      use             `json:"use"`
	Clips    []stage.Part    `json:"clips,omitempty"`
	// Lone says that the entry has no original: a rendition's own sound counts, and makes the entry ready.
	Lone bool   `json:"lone,omitempty"`
	Ext  string `json:"ext,omitempty"`
	// SHA256 is what the bytes must have, hexadecimal; "" is unknown.
	SHA256 string `json:"sha256,omitempty"`

	account catalog.AccountID
}

// key is where the asset's content is stored in the end; received where a file is stored of which it is made first.
func (a arrival) key() string {
	name := "source"
	if a.Use == whole {
		name = fmt.Sprintf("content-%d", a.Revision)
	}
	ext := a.Ext
	if len(a.Clips) > 0 {
		ext = ".mp4"
	}
	return a.folder() + name + ext
}

func (a arrival) received() string {
	return fmt.Sprintf("%sreceived-%d%s", a.folder(), a.Revision, a.Ext)
}

func (a arrival) folder() string {
	return fmt.Sprintf("%d/%s/%d/%s/", a.account, a.Entry, a.Version, a.Asset)
}

// direct says that the received file is the content as it is.
func (a arrival) direct() bool { return a.Use == whole || a.Use == original && len(a.Clips) == 0 }

// place is where a received file is stored first.
func (a arrival) place() string {
	if a.direct() {
		return a.key()
	}
	return a.received()
}

// tasks are what brings the content in and makes it what it is for.
func (a arrival) tasks(o origin) []catalog.NewTask {
	var out []catalog.NewTask
	next := func(t catalog.NewTask) {
		if a.Use != original {
			t.Asset, t.Name = a.Asset, fmt.Sprintf("%s %s/%d", t.Name, a.Asset, a.Revision)
		}
		if len(out) > 0 {
			t.After = []int{len(out) - 1}
		}
		out = append(out, t)
	}
	payload := stage.ImportPayload{Path: o.path, Keep: o.keep, Asset: a.Asset, Key: a.place(), SHA256: a.SHA256}
	switch {
	case !a.direct():
		payload.Use = stage.UseWork
	case a.Use == whole:
		payload.Use = stage.UseContent
	}
	from, mine := stage.Stored{Key: a.place()}, true
	switch {
	case o.url != nil:
		next(catalog.NewTask{Stage: catalog.StageFetch, Name: "fetch", Weight: weightFetch, Payload: fetch.Payload{
			ImportPayload: payload, Target: o.target,
		}})
	case o.path != "":
		next(catalog.NewTask{Stage: catalog.StageImport, Name: "import", Weight: weightImport, Payload: payload})
	case o.stored != nil && a.direct():
		payload.From = o.stored
		next(catalog.NewTask{Stage: catalog.StageImport, Name: "import", Weight: weightImport, Payload: payload})
	case o.stored != nil:
		from, mine = *o.stored, false
	}
	switch {
	case a.Use == rendition:
		next(catalog.NewTask{Stage: catalog.StageAdopt, Name: "adopt", Weight: weightAdopt, Payload: stage.AdoptPayload{
			Asset: a.Asset, From: from, Mine: mine, Lone: a.Lone,
		}})
		if a.Lone {
			next(catalog.NewTask{Stage: catalog.StageFinish, Name: "finish", Payload: stage.MakePayload{Span: -1}})
		}
		return out
	case a.Use == whole:
		return out
	case len(a.Clips) > 0:
		next(catalog.NewTask{Stage: catalog.StageClip, Name: "clip", Weight: weightClip, Payload: stage.ClipPayload{
			Asset: a.Asset, Key: a.key(), From: from, Mine: mine, Parts: a.Clips,
		}})
	}
	for _, t := range stage.Analysis() {
		next(t)
	}
	return out
}

// Shares of an entry's progress bar, beside those of the stages that follow.
const (
	weightFetch  = 10
	weightImport = 2
	weightClip   = 20
	weightAdopt  = 10
)

// Arrived is what an upload engine calls when an attached upload is complete: it adds the tasks that the file was attached for.
func (s *Service) Arrived(ctx context.Context, tx *catalog.Tx, t catalog.UploadToken, path string) error {
	a, current, err := s.attached(ctx, tx, t)
	if err != nil || !current {
		return err
	}
	if _, err := tx.AddTasks(ctx, a.Entry, a.tasks(origin{path: path})); err != nil {
		return err
	}
	if a.Use != original {
		return nil
	}
	return tx.UpdateEntry(ctx, a.Entry, func(e *catalog.Entry) error {
		if e.Status == catalog.EntryImport {
			e.Status = catalog.EntryPreconvert
		}
		return nil
	})
}

// Failures of uploads that an entry waited for.
const (
	CodeUploadLost = "upload_lost"
	textUploadLost = "The upload was given up before it was complete."
)

// Lost is what an upload engine calls when an attached upload is given up: what waited for it fails.
func (s *Service) Lost(ctx context.Context, tx *catalog.Tx, t catalog.UploadToken) error {
	a, current, err := s.attached(ctx, tx, t)
	if err != nil || !current {
		return err
	}
	err = tx.UpdateAsset(ctx, a.Asset, func(as *catalog.Asset) error {
		as.Status, as.ErrorText = catalog.AssetError, textUploadLost
		return nil
	})
	if err != nil || a.Use == whole {
		return err
	}
	return tx.UpdateEntry(ctx, a.Entry, func(e *catalog.Entry) error {
		if e.Status == catalog.EntryImport {
			e.Status, e.ErrorCode, e.ErrorText = catalog.EntryErrorImporting, CodeUploadLost, textUploadLost
		}
		return nil
	})
}

// attached reads what a token is attached for, and says whether that still waits for it.
func (s *Service) attached(ctx context.Context, tx *catalog.Tx, t catalog.UploadToken) (arrival, bool, error) {
	var a arrival
	if err := json.Unmarshal(t.Arrival, &a); err != nil {
		return a, false, fmt.Errorf("upload token %s: arrival: %w", t.ID, err)
	}
	a.account = t.Account
	if a.Ext == "" {
		a.Ext = origin{name: t.FileName}.extension()
	}
	e, err := tx.Entry(ctx, a.Entry)
	if missing(err) || err == nil && (e.Status == catalog.EntryDeleted || e.Version != a.Version) {
		return a, false, nil
	}
	if err != nil {
		return a, false, err
	}
	as, err := tx.Asset(ctx, a.Asset)
	if missing(err) {
		return a, false, nil
	}
	return a, err == nil && as.Status == catalog.AssetImporting && as.Revision == a.Revision, err
}

// Original says which entry's original an unfinished upload will be as it is, and its version; false for one that is for something
// else or that is not waited for any more.
func (s *Service) Original(ctx context.Context, tx *catalog.Tx, t catalog.UploadToken) (catalog.EntryID, int, bool, error) {
	now, err := tx.UploadToken(ctx, t.Account, t.ID)
	if err != nil || !now.Open() || now.Generation != t.Generation || now.AttachedType != "entry" {
		return "", 0, false, err
	}
	a, current, err := s.attached(ctx, tx, now)
	return a.Entry, a.Version, err == nil && current && a.Use == original && len(a.Clips) == 0, err
}

// bind spends the origin's token, or attaches it while its upload is not finished.
func (o origin) bind(ctx context.Context, tx *catalog.Tx, a arrival, kind, object string) error {
	if o.token == "" {
		return nil
	}
	if !o.pending {
		return upload.Use(ctx, tx, a.account, o.token, kind, object)
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return upload.Attach(ctx, tx, a.account, o.token, kind, object, b)
}
