package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/complete"
	"sluice/ingest/content"
	"sluice/storage"
)

const (
	// maxTries is how often a file is tried before it is left to an operator.
	maxTries = 5
	// firstRetry is the pause after a failure; it doubles up to lastRetry.
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// fullRetry is how often a file is tried for which there is no room.
	fullRetry = 15 * time.Second
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
		if errors.Join(failed...) != nil {
			if j.format != "" {
				files, failed = append(files, taken{DropFolderFile: j.files[0]}), append(failed, errSibling)
			}
			if err := fo.fail(ctx, files, failed...); err != nil {
				return err
			}
			continue
		}
		r := ready{job: j, files: files}
		if j.params == nil && j.target == "" && j.format == "" {
			singles = append(singles, r)
		} else {
			others = append(others, r)
		}
	}
	if err := fo.enterSingles(ctx, singles); err != nil {
		return err
	}
	for _, r := range others {
		var err error
		switch {
		case r.format != "":
			err = fo.enterDocument(ctx, r, r.job.files[0])
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

// toTake are the files of a job whose bytes are needed: a document is read where it is.
func (j job) toTake() []catalog.DropFolderFile {
	if j.format != "" {
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

// enterSingles makes an entry of each file, all in one transaction; if that fails, in one each.
func (fo *folder) enterSingles(ctx context.Context, batch []ready) error {
	if len(batch) == 0 {
		return nil
	}
	err := fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		for _, r := range batch {
			if err := fo.enterNew(ctx, tx, r.files[0]); err != nil {
				return err
			}
		}
		return nil
	})
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

// enterNew makes the entry of a file, with its original and the first tasks, and says so in the file's row.
func (fo *folder) enterNew(ctx context.Context, tx *catalog.Tx, t taken) error {
	e := fo.blank(t)
	e.ID, e.Status, e.DedupKey = t.Entry, catalog.EntryImport, t.Key
	e, added, err := fo.addOnce(ctx, tx, e, t)
	if err != nil {
		return err
	}
	if added {
		a := catalog.Asset{
			ID: catalog.NewAssetID(), Type: catalog.AssetFlavor, Status: catalog.AssetImporting, Version: 1, Name: "source", Original: true,
			Size: t.Size,
		}
		key := fmt.Sprintf("%d/%s/%d/%s/source%s", e.Account, e.ID, 1, a.ID, ingest.Extension(path.Base(t.Path)))
		if _, err := tx.AddAssets(ctx, e.ID, []catalog.Asset{a}); err != nil {
			return err
		}
		tasks := fo.cfg.Arrival(ingest.Original{Path: t.path, Asset: a.ID, Key: key, SHA256: t.sha256})
		if _, err := tx.AddTasks(ctx, e.ID, tasks); err != nil {
			return err
		}
	}
	return fo.linked(ctx, tx, t, e.ID, !added)
}

// blank is the entry of a file, without id, status and key.
func (fo *folder) blank(t taken) catalog.Entry {
	e := catalog.BlankEntry(fo.f.Account)
	e.Name, e.ReferenceID, e.Owner, e.Creator = t.Slug, t.Slug, t.User, t.User
	e.ConversionProfile, e.Categories = fo.f.ConversionProfile, fo.categories(t.DropFolderFile)
	e.SourceKey = fmt.Sprintf("dropfolder:%d:%s", fo.f.ID, t.Path)
	return e
}

// addOnce adds an entry unless the same delivery is one already. One whose entry was deleted, or every one where the folder wants it
// so, makes another.
func (fo *folder) addOnce(ctx context.Context, tx *catalog.Tx, e catalog.Entry, t taken) (catalog.Entry, bool, error) {
	own := fmt.Sprintf("%s:%d", e.DedupKey, t.ID)
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

// linked says in a file's row that an entry has its content; again says that it had it before.
func (fo *folder) linked(ctx context.Context, tx *catalog.Tx, t taken, entry catalog.EntryID, again bool) error {
	event, to := Linked, handled
	switch {
	case t.moved:
		event, to = Moved, purged
	case fo.f.DeletePolicy == catalog.DeleteWhenReady:
		to = processing
	}
	_, err := move(ctx, tx, fo.fence, t.DropFolderFile, event, to, func(n *catalog.DropFolderFile) {
		now := time.Now()
		n.Entry, n.SHA256, n.ImportEnd, n.Done = entry, t.sha256, catalog.StampOf(now), t.Size
		if again {
			n.Warning = duplicateWarning
		}
		switch to {
		case handled:
			n.NextAt = fo.purgeAt(*n)
		case processing:
			n.Why = "Its content is the entry's. The file stays until the entry is ready."
		}
	})
	return err
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
			if err := fo.linked(ctx, tx, t, target, false); err != nil {
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

// errSibling is the cause of a file that is fine, but cannot become content for another's sake.
var errSibling = errors.New("another file of its group could not be taken")

// fail deals with a job whose files could not become content, for one cause or one each: its files go back to where they can be
// tried, or wait for an operator.
func (fo *folder) fail(ctx context.Context, files []taken, causes ...error) error {
	for i, t := range files {
		cause := causes[min(i, len(causes)-1)]
		if ctx.Err() != nil || errors.Is(cause, catalog.ErrFenced) {
			return cause // the next watcher resumes them
		}
		if cause == nil {
			cause = errSibling
		}
		var now catalog.DropFolderFile
		err := fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) (err error) {
			now, err = fo.failOne(ctx, tx, t.DropFolderFile, cause)
			return err
		})
		switch {
		case errors.Is(err, catalog.ErrConflict), errors.Is(err, catalog.ErrNotFound):
			err = fo.abandon(ctx, t)
		case err == nil && now.Status != pending: // what is tried again goes on with what is there
			err = fo.giveBack(t)
		}
		if err != nil {
			return err
		}
		fo.lookAgain(t.Path)
	}
	return nil
}

// giveBack returns what was taken of a file to its folder.
func (fo *folder) giveBack(t taken) error {
	if _, err := os.Lstat(t.path); err == nil && t.moved {
		return fo.putBack(&t)
	}
	return os.RemoveAll(fo.placeDir(t.ID))
}

// abandon gives a file back that an operator, or a look, has decided about while it was taken.
func (fo *folder) abandon(ctx context.Context, t taken) error {
	row, err := fo.cfg.Catalog.DropFolderFile(ctx, fo.f.Account, t.ID)
	if err != nil {
		return err
	}
	if row.Status == deleted || row.Status == purged {
		return os.RemoveAll(fo.placeDir(t.ID))
	}
	return fo.giveBack(t)
}

// failOne puts one file's row into the state that follows from the cause.
func (fo *folder) failOne(ctx context.Context, tx *catalog.Tx, f catalog.DropFolderFile, cause error) (catalog.DropFolderFile, error) {
	var bad *Trouble
	var odd *content.Error
	shown := complete.Shown(f.Path)
	switch {
	case errors.Is(cause, storage.ErrChanged):
		return move(ctx, tx, fo.fence, f, Changed, uploading, func(n *catalog.DropFolderFile) {
			n.ErrorCode, n.Why = string(CodeChanged), "It changed while it was read, so it is waited for again. Nothing of it was used."
			n.Entry = ""
		})
	case errors.As(cause, &bad):
		return fo.refuse(ctx, tx, f, bad, cause)
	case errors.As(cause, &odd) && odd.Kind == content.Restricted:
		return fo.refuse(ctx, tx, f, trouble(CodeTypeRefused, "%q is of a type that is not taken in: %v. Remove the file.", shown, odd.Err), cause)
	case isGone(cause):
		return move(ctx, tx, fo.fence, f, Gone, purged, func(n *catalog.DropFolderFile) {
			n.ErrorCode, n.ErrorText = string(CodeReading), "The file went away before it could be read."
		})
	case errors.Is(cause, errSibling):
		return fo.later(ctx, tx, f, f.Attempt, time.Second, "", "It is fine, but another file of its group could not be taken.")
	case errors.Is(cause, storage.ErrFull):
		return fo.later(ctx, tx, f, f.Attempt, fullRetry, CodeDiskFull, "There is no room for it on the server. It is tried again by itself: "+cause.Error())
	case f.Attempt+1 < maxTries:
		return fo.later(ctx, tx, f, f.Attempt+1, min(firstRetry<<f.Attempt, lastRetry), "", "It could not be handled and is tried again: "+plain(cause))
	}
	code := CodeInContent
	if f.Status == downloading {
		code = CodeDownloading
	}
	return fo.refuse(ctx, tx, f, trouble(code, "%q could not be handled in %d tries: %s. See to the cause, then retry.", shown, maxTries, plain(cause)), cause)
}

// later lets a file be tried again after a pause.
func (fo *folder) later(ctx context.Context, tx *catalog.Tx, f catalog.DropFolderFile, tries int, pause time.Duration, code Code, why string) (catalog.DropFolderFile, error) {
	return move(ctx, tx, fo.fence, f, Interrupted, pending, func(n *catalog.DropFolderFile) {
		n.Attempt, n.NextAt, n.Why, n.ErrorCode, n.Entry = tries, catalog.StampOf(time.Now().Add(pause)), why, string(code), ""
	})
}

// refuse leaves a file to an operator.
func (fo *folder) refuse(ctx context.Context, tx *catalog.Tx, f catalog.DropFolderFile, bad *Trouble, cause error) (catalog.DropFolderFile, error) {
	to := errorHandling
	if f.Status == downloading {
		to = errorDownloading
	}
	fo.log.Warn("a file of a drop folder could not be handled", "file", complete.Shown(f.Path), "code", bad.Code, "reason", cause)
	return move(ctx, tx, fo.fence, f, Failed, to, func(n *catalog.DropFolderFile) {
		n.ErrorCode, n.ErrorText, n.Entry, n.Attempt = string(bad.Code), bad.Text, "", f.Attempt+1
	})
}
