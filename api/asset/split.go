package asset

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/packager/vtt"
	"sluice/storage"
)

// multilingual is the language of captions that are of several.
const multilingual = "mul"

// Splitter makes captions of each language out of a file of several, as soon as it is there. Several may run: what one did,
// another finds done.
type Splitter struct {
	Catalog *catalog.DB
	Store   storage.Store
	Content *content.Service
	Log     *slog.Logger
	// Every is how often it looks for events; 0 means once a second.
	Every time.Duration
}

const (
	splitter     = "captions" // its name among the consumers of events
	eventsAtOnce = 500
	maxLanguages = 100 // of one file
)

// Run follows the catalog's events until ctx ends.
func (s *Splitter) Run(ctx context.Context) error {
	every := s.Every
	if every == 0 {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := s.Catchup(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("captions of several languages: failed; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Catchup handles the events that are there.
func (s *Splitter) Catchup(ctx context.Context) error {
	seq, err := s.Catalog.Cursor(ctx, splitter)
	if err != nil {
		return err
	}
	for {
		events, err := s.Catalog.Events(ctx, seq, eventsAtOnce)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			if e.Name != catalog.EventAssetReady {
				continue
			}
			a, err := s.Catalog.Asset(ctx, catalog.AssetID(e.Object))
			if errors.Is(err, catalog.ErrNotFound) {
				continue
			}
			if err == nil {
				err = s.Split(ctx, a)
			}
			if err != nil {
				return fmt.Errorf("asset %s: %w", e.Object, err)
			}
		}
		seq = events[len(events)-1].Seq
		if err := s.Catalog.SetCursor(ctx, splitter, seq); err != nil {
			return err
		}
	}
}

// Split makes captions of each language of a, if it is captions of several and its file tells them apart, or gives those that
// there are from before their new content. Players then show those, and a no more.
func (s *Splitter) Split(ctx context.Context, a catalog.Asset) error {
	if a.Type != catalog.AssetCaption || a.Language != multilingual || a.Status != catalog.AssetReady || a.Details.Parent != "" {
		return nil
	}
	b, err := storage.ReadAll(ctx, s.Store, a.Key, maxCaption)
	if errors.Is(err, storage.ErrNotExist) { // it has other content by now
		return nil
	}
	if err != nil {
		return err
	}
	list, err := vtt.Translations(b)
	if err != nil || len(list) == 0 || len(list) > maxLanguages {
		s.Log.Info("captions of several languages cannot be told apart", "asset", a.ID, "languages", len(list), "error", err)
		return nil
	}
	old, err := s.Catalog.Assets(ctx, a.Entry, catalog.AssetCaption)
	if err != nil {
		return err
	}
	for _, c := range old { // once split, a is hidden, and those it was split into tell whether they are
		if c.Details.Parent == a.ID && c.Version == a.Version {
			a.Details.Hidden = c.Details.Hidden
		}
	}
	for _, t := range list {
		if err := s.give(ctx, a, t); err != nil {
			return fmt.Errorf("language %q: %w", t.Language, err)
		}
	}
	return s.Catalog.UpdateAsset(ctx, a.ID, func(a *catalog.Asset) error {
		a.Details.Hidden = true
		return nil
	})
}

// give makes the captions of one language, or finds them, and gives them their content.
func (s *Splitter) give(ctx context.Context, parent catalog.Asset, t vtt.Translation) error {
	code := kaltura.LanguageCode(t.Language)
	name := fmt.Sprintf("%s%s-%s", addedName, parent.ID, code)
	child, err := s.child(ctx, parent, name)
	if errors.Is(err, catalog.ErrNotFound) {
		child = catalog.Asset{
			ID: catalog.NewAssetID(), Type: catalog.AssetCaption, Kind: "text", Status: catalog.AssetQueued, Version: parent.Version, Name: name,
			Language: code, Title: parent.Title, Container: kaltura.CaptionContainer(kaltura.CaptionDFXP),
			Details: catalog.AssetDetails{Format: kaltura.CaptionDFXP, Parent: parent.ID, Hidden: parent.Details.Hidden, Source: parent.Details.Source, Usage: parent.Details.Usage},
		}
		_, err = s.Catalog.AddAssets(ctx, parent.Entry, []catalog.Asset{child})
		if errors.Is(err, catalog.ErrConflict) { // another made it
			child, err = s.child(ctx, parent, name)
		}
	}
	if err != nil {
		return err
	}
	text, err := vtt.Export(child.Container, t.Cues, code)
	if err != nil {
		return err
	}
	return s.Content.SetAsset(ctx, parent.Account, child.ID, content.Text{Content: string(text)})
}

// child finds an asset of the parent's entry by its name.
func (s *Splitter) child(ctx context.Context, parent catalog.Asset, name string) (catalog.Asset, error) {
	list, err := s.Catalog.Assets(ctx, parent.Entry, catalog.AssetCaption)
	if err != nil {
		return catalog.Asset{}, err
	}
	for _, a := range list {
		if a.Name == name && a.Version == parent.Version && a.Status != catalog.AssetDeleted {
			return a, nil
		}
	}
	return catalog.Asset{}, catalog.ErrNotFound
}
