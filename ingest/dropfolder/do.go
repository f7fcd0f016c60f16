package dropfolder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/ingest/content"
	"sluice/ingest/upload"
)

// ready is a job whose files are taken.
type ready struct {
	job
	files []taken
}

// do takes the files of jobs and makes entries of them. Only failures of the catalog, and the loss of the lease, come back: what is
// wrong with a file is in its row.
func (fo *folder) do(ctx context.Context, jobs []job) error {
	if fo.local == nil {
		if err := fo.startDownloads(ctx, jobs); err != nil {
			return err
		}
	}
	jobs, release, err := fo.allowed(ctx, jobs)
	defer release()
	if err == nil {
		jobs, err = fo.permitted(ctx, jobs)
	}
	if err != nil {
		return err
	}
	var all []catalog.DropFolderFile
	for _, j := range jobs {
		all = append(all, j.toTake()...)
	}
	got, errs := fo.takeAll(ctx, all)
	var singles, others []ready
	for _, j := range jobs {
		n := len(j.toTake())
		files, failed := got[:n], errs[:n]
		got, errs = got[n:], errs[n:]
		if errors.Join(failed...) == nil && j.single() {
			failed = []error{restricted(files[0])}
		}
		if errors.Join(failed...) != nil {
			if err := fo.failJob(ctx, j, files, failed); err != nil {
				return err
			}
			continue
		}
		if len(files) > 0 {
			files[0].answer = j.answer
		}
		r := ready{job: j, files: files}
		if j.single() {
			singles = append(singles, r)
		} else {
			others = append(others, r)
		}
	}
	if err := errors.Join(fo.addOwned(ctx, singles), fo.addOwned(ctx, others)); err != nil {
		return err
	}
	if err := fo.enterSingles(ctx, singles); err != nil {
		return err
	}
	for _, r := range others {
		var err error
		switch {
		case r.format != "":
			err = fo.enterDocument(ctx, r, r.job.files[0])
		case r.archive:
			err = fo.enterArchive(ctx, r.job.files[0])
		case r.beside:
			err = fo.enterSidecar(ctx, r)
		default:
			err = fo.enterContent(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// single says that one file becomes a new entry.
func (j job) single() bool { return j.params == nil && j.target == "" && j.format == "" && !j.archive }

// restricted refuses a file by its first bytes. What becomes content in other ways is looked at there.
func restricted(t taken) error {
	f, err := os.Open(cmp.Or(t.partial, t.path))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := upload.Look(f); err != nil {
		return &content.Error{Kind: content.Restricted, Err: err}
	}
	return nil
}

// failJob deals with a job of which some files could not be had.
func (fo *folder) failJob(ctx context.Context, j job, files []taken, causes []error) error {
	if j.format != "" {
		files, causes = append(files, taken{DropFolderFile: j.files[0]}), append(causes, errSibling)
	}
	return fo.fail(ctx, files, causes...)
}

// toTake are the files of a job whose bytes are needed: a document, or an archive, is read where it is.
func (j job) toTake() []catalog.DropFolderFile {
	if j.format != "" || j.archive {
		return j.files[1:]
	}
	return j.files
}

// startDownloads says of the files of jobs that they are being fetched.
func (fo *folder) startDownloads(ctx context.Context, jobs []job) error {
	return fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		for _, j := range jobs {
			for i, f := range j.files {
				f.Status = processing // also when this runs again
				moved, err := move(ctx, tx, fo.fence, f, Downloading, downloading, nil)
				if err != nil && !errors.Is(err, catalog.ErrConflict) {
					return err
				}
				if err == nil {
					j.files[i] = moved
				}
			}
		}
		return nil
	})
}

// blank is the entry of a file, without id, status and key.
func (fo *folder) blank(t taken) catalog.Entry {
	e := catalog.BlankEntry(fo.f.Account)
	e.Name, e.ReferenceID, e.Owner, e.Creator = t.Slug, t.Slug, t.User, t.User
	e.ConversionProfile, e.Categories = fo.f.ConversionProfile, append(fo.categories(t.DropFolderFile), t.owned...)
	e.Details.Priority = fo.f.Options.Priority
	e.SourceKey = fmt.Sprintf("dropfolder:%d:%s", fo.f.ID, t.Path)
	t.apply(&e)
	return e
}

// addOnce adds the entry of a group unless the same delivery is one already. One whose entry was deleted, or every one where the folder wants it
// so, makes another.
func (fo *folder) addOnce(ctx context.Context, tx *catalog.Tx, e catalog.Entry, t taken) (catalog.Entry, bool, error) {
	own := "group:" + ownKey(t)
	if fo.f.Options.DuplicatePolicy == duplicateAlways {
		e.DedupKey = own
	}
	made, added, err := tx.AddEntryOnce(ctx, e)
	if err == nil && !added && made.Status == catalog.EntryDeleted {
		e.DedupKey = own
		return tx.AddEntryOnce(ctx, e)
	}
	return made, added, err
}

// link is a file and the entry that has its content; again says that it had it before.
type link struct {
	taken
	entry catalog.EntryID
	again bool
}

// linkedAs is what becomes of a file whose content an entry has.
func (fo *folder) linkedAs(t taken) (Event, catalog.DropFolderFileStatus) {
	switch {
	case t.moved:
		return Moved, purged
	case fo.f.DeletePolicy == catalog.DeleteWhenReady:
		return Linked, processing
	}
	return Linked, handled
}

// linked says in a file's row that an entry has its content.
func (fo *folder) linked(ctx context.Context, tx *catalog.Tx, t taken, entry catalog.EntryID) error {
	event, to := fo.linkedAs(t)
	_, err := move(ctx, tx, fo.fence, t.DropFolderFile, event, to, func(n *catalog.DropFolderFile) { fo.setLink(n, link{t, entry, false}) })
	return err
}

// linkAll says so in the rows of many, or of none: catalog.ErrConflict.
func (fo *folder) linkAll(ctx context.Context, tx *catalog.Tx, links []link) error {
	alike, byID := map[change][]catalog.DropFolderFileID{}, map[catalog.DropFolderFileID]link{}
	for _, l := range links {
		event, to := fo.linkedAs(l.taken)
		c := change{event, l.Status, to}
		alike[c], byID[l.ID] = append(alike[c], l.ID), l
	}
	for c, ids := range alike {
		moved, err := moveEach(ctx, tx, fo.fence, ids, c, func(n *catalog.DropFolderFile) { fo.setLink(n, byID[n.ID]) })
		if err == nil && len(moved) < len(ids) {
			err = fmt.Errorf("%d of %d files: %w: their status changed", len(ids)-len(moved), len(ids), catalog.ErrConflict)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// setLink enters in a file's row that an entry has its content.
func (fo *folder) setLink(n *catalog.DropFolderFile, l link) {
	n.Entry, n.SHA256, n.ImportEnd, n.Done = l.entry, cmp.Or(l.sha256, n.SHA256), catalog.StampOf(time.Now()), l.Size
	if l.again {
		n.Warning = duplicateWarning
	}
	switch n.Status {
	case handled:
		n.NextAt = fo.purgeAt(*n)
	case processing:
		n.Why = "Its content is the entry's. The file stays until the entry is ready."
	}
}

// enterContent gives an entry the content of a job: a file for an entry that is there, or several flavors.
func (fo *folder) enterContent(ctx context.Context, r ready) error {
	err := fo.setContent(ctx, r)
	if err == nil {
		fo.at("entered")
		fo.finish(ctx, r)
		return nil
	}
	return fo.fail(ctx, r.files, err)
}

func (fo *folder) setContent(ctx context.Context, r ready) error {
	target := r.target
	if target == "" {
		var err error
		if target, err = fo.emptyEntry(ctx, r); err != nil {
			return err
		}
	}
	link := func(ctx context.Context, tx *catalog.Tx) error {
		for _, t := range r.files {
			if err := fo.linked(ctx, tx, t, target); err != nil {
				return err
			}
		}
		return fo.setOwner(ctx, tx, target, r.files[0].User)
	}
	if r.late {
		return fo.addFlavors(ctx, r, target, link)
	}
	e, err := fo.cfg.Catalog.Entry(ctx, fo.f.Account, target)
	if err == nil && e.Replacing != "" {
		err = fo.cfg.Catalog.EndReplacement(ctx, target)
	}
	if err != nil {
		return err
	}
	parts := make([]content.Part, len(r.files))
	for i, t := range r.files {
		parts[i].Source = content.File{Path: t.path, Name: path.Base(t.Path), Move: true}
		if r.params != nil {
			parts[i].AssetParams = r.params[i]
		}
	}
	return fo.cfg.Content.SetEntry(ctx, fo.f.Account, target, parts, content.Options{Replace: true, Also: link})
}

// emptyEntry makes the entry of a group, without content; a try before may have made it.
func (fo *folder) emptyEntry(ctx context.Context, r ready) (catalog.EntryID, error) {
	e := fo.blank(r.files[0])
	e.ID, e.DedupKey = r.files[0].Entry, "group:"+r.files[0].Key
	err := fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) (err error) {
		e, _, err = fo.addOnce(ctx, tx, e, r.files[0])
		return err
	})
	return e.ID, err
}

// setOwner gives the entry to the user that the file's name tells.
func (fo *folder) setOwner(ctx context.Context, tx *catalog.Tx, id catalog.EntryID, user string) error {
	if user == "" {
		return nil
	}
	return tx.UpdateEntry(ctx, id, func(e *catalog.Entry) error {
		e.Owner = user
		return nil
	})
}

// addFlavors gives an entry flavors beside those that it has.
func (fo *folder) addFlavors(ctx context.Context, r ready, id catalog.EntryID, link func(context.Context, *catalog.Tx) error) error {
	e, err := fo.cfg.Catalog.Entry(ctx, fo.f.Account, id)
	if err != nil {
		return err
	}
	have, err := fo.cfg.Catalog.Assets(ctx, id, catalog.AssetFlavor)
	if err != nil {
		return err
	}
	for i, t := range r.files {
		asset := catalog.AssetID("")
		for _, a := range have {
			if a.Version == e.Version && !a.Original && a.ParamsID == r.params[i] && a.Name == flavorName(r.params[i]) {
				asset = a.ID
			}
		}
		if asset == "" {
			made, err := fo.cfg.Catalog.AddAssets(ctx, id, []catalog.Asset{{
				Type: catalog.AssetFlavor, Version: e.Version, Name: flavorName(r.params[i]), ParamsID: r.params[i],
			}})
			if err != nil {
				return err
			}
			asset = made[0].ID
		}
		src := content.File{Path: t.path, Name: path.Base(t.Path), Move: true}
		if err := fo.cfg.Content.SetAsset(ctx, fo.f.Account, asset, src); err != nil {
			return err
		}
	}
	return fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error { return link(ctx, tx) })
}

func flavorName(params int64) string { return fmt.Sprintf("flavor-%d", params) }

// finish does what may wait until an entry has its content: markers go, counters count.
func (fo *folder) finish(ctx context.Context, r ready) {
	for _, t := range r.files {
		takenBytes.Add(float64(t.Size))
		if since := t.UploadEnd.Time(); !since.IsZero() {
			waitSeconds.Observe(time.Since(since).Seconds())
		}
		if m := fo.marker(); m != "" {
			if err := fo.store.Remove(ctx, t.Path+m); err != nil && !isGone(err) {
				fo.log.Warn("a marker could not be removed", "file", complete.Shown(t.Path+m), "error", err)
			}
		}
		if t.moved && fo.f.Options.PruneEmpty {
			fo.local.prune(t.Path)
		}
	}
}
