package dropfolder

import (
	"context"
	"fmt"
	"path"

	"sluice/catalog"
	"sluice/ingest"
)

// enterSingles makes an entry of each file, all in one transaction; if that fails, in one each.
func (fo *folder) enterSingles(ctx context.Context, batch []ready) error {
	if len(batch) == 0 {
		return nil
	}
	err := fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error { return fo.enterNew(ctx, tx, batch) })
	if err == nil {
		fo.at("entered")
		for _, r := range batch {
			fo.finish(ctx, r)
		}
		return nil
	}
	if len(batch) == 1 || passing(err) {
		return fo.fail(ctx, batch[0].files, err)
	}
	for i := range batch {
		if err := fo.enterSingles(ctx, batch[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// enterNew makes the entries of single files, each with its original and the first tasks, and says so in the files' rows.
func (fo *folder) enterNew(ctx context.Context, tx *catalog.Tx, batch []ready) error {
	arrivals := make([]catalog.Arrival, len(batch))
	for i, r := range batch {
		arrivals[i] = fo.arrival(r.files[0])
	}
	entries, added, err := tx.AddArrivals(ctx, fo.f.Account, arrivals)
	if err != nil {
		return err
	}
	links := make([]link, len(batch))
	var again []int // deliveries whose entry was deleted: they make another
	for i, r := range batch {
		links[i] = link{r.files[0], entries[i].ID, !added[i]}
		if !added[i] && entries[i].Status == catalog.EntryDeleted {
			again = append(again, i)
		}
	}
	if len(again) > 0 {
		retry := make([]catalog.Arrival, len(again))
		for k, i := range again {
			retry[k] = arrivals[i]
			retry[k].Entry.DedupKey = ownKey(batch[i].files[0])
		}
		entries, added, err := tx.AddArrivals(ctx, fo.f.Account, retry)
		if err != nil {
			return err
		}
		for k, i := range again {
			links[i].entry, links[i].again = entries[k].ID, !added[k]
		}
	}
	return fo.linkAll(ctx, tx, links)
}

// arrival is the entry of a single file with what it begins with.
func (fo *folder) arrival(t taken) catalog.Arrival {
	e := fo.blank(t)
	e.ID, e.Status, e.DedupKey = t.Entry, catalog.EntryImport, t.Key
	if fo.f.Options.DuplicatePolicy == duplicateAlways {
		e.DedupKey = ownKey(t)
	}
	a := catalog.Asset{
		ID: catalog.NewAssetID(), Type: catalog.AssetFlavor, Status: catalog.AssetImporting, Version: 1, Name: "source", Original: true,
		Size: t.Size, SHA256: t.SHA256,
	}
	key := fmt.Sprintf("%d/%s/%d/%s/source%s", e.Account, e.ID, 1, a.ID, ingest.Extension(path.Base(t.Path)))
	return catalog.Arrival{
		Entry: e, Assets: []catalog.Asset{a},
		Tasks: fo.cfg.Arrival(ingest.Original{Path: t.path, Asset: a.ID, Key: key, SHA256: t.sha256}),
	}
}

// ownKey is a delivery's key that no other row's file has.
func ownKey(t taken) string { return fmt.Sprintf("%s:%d", t.Key, t.ID) }
