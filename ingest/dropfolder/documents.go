package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/ingest/content"
	"sluice/ingest/manifest"
)

// DefaultSidecarGrace is how long media waits, in a folder for both, whether a document comes that names it.
const DefaultSidecarGrace = time.Minute

// Jobs takes documents in; manifest.Jobs does.
type Jobs interface {
	Add(ctx context.Context, account catalog.AccountID, a manifest.Add) (catalog.BulkJob, error)
}

// formats are the documents of a folder, by the ends of their names.
var formats = map[string]manifest.Format{".xml": manifest.XML, ".json": manifest.JSON, ".ndjson": manifest.JSON, ".csv": manifest.CSV}

// format says whether a file is one of the folder's documents, and of which form.
func (fo *folder) format(rel string) (manifest.Format, bool) {
	f, known := formats[strings.ToLower(path.Ext(rel))]
	only := map[catalog.FileHandler]manifest.Format{catalog.HandleXML: manifest.XML, catalog.HandleJSON: manifest.JSON, catalog.HandleCSV: manifest.CSV}[fo.f.Handler]
	switch {
	case fo.f.Handler == catalog.HandleContent:
		return "", false
	case only != "" && len(fo.include) > 0:
		return only, fo.include.match(rel) // the patterns tell documents from media
	case only != "":
		return only, known && f == only
	}
	return f, known
}

// planDocument decides about a document: it is ready when all the files that it names are complete.
func (fo *folder) planDocument(ctx context.Context, f catalog.DropFolderFile, format manifest.Format) (plan, error) {
	if fo.cfg.Jobs == nil {
		return refuse(f, Parsed{}, trouble(CodeXMLAdding, "This server takes no documents, so %q cannot be handled.", complete.Shown(f.Path))), nil
	}
	if f.Size > manifest.MaxDocument {
		return refuse(f, Parsed{}, trouble(CodeXMLTooLarge, "%q has %d bytes; a document may have %d. Split it.", complete.Shown(f.Path), f.Size, int64(manifest.MaxDocument))), nil
	}
	refs, err := fo.references(ctx, f, format)
	var syntax *manifest.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return refuse(f, Parsed{}, trouble(CodeXMLMalformed, "%q cannot be read: %v. Correct it and send it again.", complete.Shown(f.Path), syntax)), nil
	case err != nil && ctx.Err() == nil:
		return refuse(f, Parsed{}, trouble(CodeReading, "%q cannot be read: %s. See to the cause, then retry.", complete.Shown(f.Path), plain(err))), nil
	case err != nil:
		return plan{}, err
	}
	p := plan{job: job{files: []catalog.DropFolderFile{f}, format: format}, parsed: []Parsed{{}}, event: Taken, to: processing}
	if _, err := fo.owner(ctx, f, format); err != nil {
		var bad *Trouble
		if errors.As(err, &bad) {
			return refuse(f, Parsed{}, bad), nil
		}
		return p, err
	}
	missing, err := fo.nameAll(ctx, f, refs)
	if err != nil {
		return p, err
	}
	if len(missing) > 0 {
		p.event, p.to, p.again = Incomplete, waiting, time.Now().Add(fo.sidecarTimeout())
		p.why = "It waits for " + list(missing) + "."
		return p, nil
	}
	media, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{Folder: fo.f.ID, Lead: f.ID, Statuses: statuses{pending, waiting}})
	for _, m := range media {
		p.files, p.parsed = append(p.files, m), append(p.parsed, Parsed{})
	}
	return p, err
}

// owner is the only user whose entries a document may touch, by the session that it carries, in folders that ask for one; "" is any.
// What is wrong with the session is a Trouble.
func (fo *folder) owner(ctx context.Context, f catalog.DropFolderFile, format manifest.Format) (string, error) {
	if !fo.f.Options.ValidateKS {
		return "", nil
	}
	r, err := fo.store.Open(ctx, f.Path, 0)
	if err != nil {
		return "", err
	}
	defer r.Close()
	doc, err := manifest.NewReader(io.LimitReader(r, manifest.MaxDocument+1), format)
	if err == nil {
		_, err = doc.Next()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	key, shown := manifest.SessionKey(doc), complete.Shown(f.Path)
	switch {
	case key == "":
		return "", trouble(CodeXMLAdding, "%q carries no session, and this folder asks for one: put it into <ks> and send the document again.", shown)
	case fo.cfg.Session == nil:
		return "", trouble(CodeXMLAdding, "This server opens no sessions, so %q cannot be handled.", shown)
	}
	user, err := fo.cfg.Session(ctx, fo.f.Account, key)
	if err != nil {
		return "", trouble(CodeXMLAdding, "The session that %q carries is no good: %s. Send the document again with another.", shown, plain(err))
	}
	return user, nil
}

// list names a few of many things.
func list(names []string) string {
	const most = 5
	more := ""
	if n := len(names) - most; n > 0 {
		names, more = names[:most], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ") + more
}

func (fo *folder) references(ctx context.Context, f catalog.DropFolderFile, format manifest.Format) ([]manifest.Reference, error) {
	r, err := fo.store.Open(ctx, f.Path, 0)
	if err != nil {
		return nil, err
	}
	refs, err := manifest.References(ctx, io.LimitReader(r, manifest.MaxDocument+1), format)
	return refs, errors.Join(err, r.Close())
}

// nameAll makes the document the lead of the files that it names, with rows for those that nobody has seen. It returns the names of
// those that are not complete.
func (fo *folder) nameAll(ctx context.Context, doc catalog.DropFolderFile, refs []manifest.Reference) (missing []string, err error) {
	for len(refs) > 0 {
		batch := refs[:min(len(refs), keepBatch)]
		refs = refs[len(batch):]
		var some []string
		err := fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
			some = nil
			for _, ref := range batch {
				ok, err := fo.name(ctx, tx, doc, ref)
				if err != nil {
					return err
				}
				if !ok {
					some = append(some, complete.Shown(ref.Path))
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		missing = append(missing, some...)
	}
	return missing, nil
}

// name makes a document the lead of one file, and says whether that is complete.
func (fo *folder) name(ctx context.Context, tx *catalog.Tx, doc catalog.DropFolderFile, ref manifest.Reference) (bool, error) {
	if checkName(ref.Path) != "" || path.Clean(ref.Path) != ref.Path || path.IsAbs(ref.Path) || ref.Path == doc.Path {
		return true, nil // the job refuses the item, with its line
	}
	row, err := tx.DropFolderFileByPath(ctx, fo.f.ID, catalog.PathKey(ref.Path))
	if errors.Is(err, catalog.ErrNotFound) {
		return false, fo.addParsed(ctx, tx, doc, ref.Path)
	}
	if err != nil {
		return false, err
	}
	switch row.Status {
	case uploading, pending, waiting, noMatch, detected, parsed:
		if row.Lead != doc.ID {
			_, err = tx.UpdateDropFolderFile(ctx, fo.fence, row.ID, row.Status, func(n *catalog.DropFolderFile) error {
				n.Lead = doc.ID
				return nil
			})
		}
		return row.Status == pending || row.Status == waiting, err
	case processing, downloading:
		return false, nil // another document's, for now
	}
	// It was handled, or stopped, before: it starts over as this document's.
	if !applies(Replaced, row.Status) {
		return false, nil
	}
	if _, err := move(ctx, tx, fo.fence, row, Replaced, purged, nil); err != nil {
		return false, err
	}
	fo.lookAgain(ref.Path)
	return false, fo.addParsed(ctx, tx, doc, ref.Path)
}

func (fo *folder) addParsed(ctx context.Context, tx *catalog.Tx, doc catalog.DropFolderFile, rel string) error {
	if err := check(Named, none, parsed); err != nil {
		return err
	}
	row := announced(fo.f, rel, "document", parsed)
	row.Lead, row.UploadStart, row.SizeSetAt = doc.ID, 0, 0
	_, _, err := tx.AddDropFolderFiles(ctx, fo.fence, []catalog.DropFolderFile{row})
	return err
}

// planMedia decides about media in a folder of documents: it waits for the one that names it, which is looked at again when this was
// the last file that it waited for.
func (fo *folder) planMedia(ctx context.Context, f catalog.DropFolderFile) (plan, error) {
	p := plan{job: job{files: []catalog.DropFolderFile{f}}, parsed: []Parsed{{}}, event: Incomplete, to: waiting}
	if s, ok := fo.sidecar(f.Path); ok && f.Lead == 0 {
		return fo.planSidecar(ctx, f, s)
	}
	if f.Lead == 0 {
		grace := DefaultSidecarGrace
		if s := fo.f.Options.SidecarGrace; s > 0 {
			grace = time.Duration(s) * time.Second
		}
		if fo.f.Handler != catalog.HandleAuto {
			grace = fo.sidecarTimeout()
		}
		p.again, p.why = time.Now().Add(grace), "It waits for a document that names it."
		return p, nil
	}
	p.again, p.why = time.Now().Add(fo.sidecarTimeout()), "It waits for the other files of its document."
	open, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{
		Folder: fo.f.ID, Lead: f.Lead, Statuses: statuses{parsed, uploading, detected}, Limit: 1,
	})
	if err == nil && len(open) == 0 {
		p.lead = f.Lead
	}
	return p, err
}

// wakeLead lets a document be looked at again that waits.
func (fo *folder) wakeLead(ctx context.Context, tx *catalog.Tx, lead catalog.DropFolderFileID) error {
	_, err := moveAll(ctx, tx, fo.fence, []catalog.DropFolderFileID{lead}, Retried, waiting, pending)
	fo.signal()
	return err
}

// enterDocument makes a bulk job of a document whose files are taken.
func (fo *folder) enterDocument(ctx context.Context, r ready, doc catalog.DropFolderFile) error {
	err := fo.addJob(ctx, r, doc)
	if err == nil {
		fo.at("entered")
		return nil
	}
	if errors.Is(err, manifest.ErrDocument) {
		err = &Trouble{Code: CodeXMLAdding, Text: fmt.Sprintf("%q is not taken in: %v. Correct it and send it again.", complete.Shown(doc.Path), err)}
	}
	causes := []error{err}
	for range r.files {
		causes = append(causes, errSibling)
	}
	return fo.fail(ctx, append([]taken{{DropFolderFile: doc}}, r.files...), causes...)
}

func (fo *folder) addJob(ctx context.Context, r ready, doc catalog.DropFolderFile) error {
	owner, err := fo.owner(ctx, doc, r.format)
	if err != nil {
		return err
	}
	src, err := fo.store.Open(ctx, doc.Path, 0)
	if err != nil {
		return err
	}
	add := manifest.Add{
		Format: r.format, FileName: path.Base(doc.Path), Document: src, Profile: fo.f.ConversionProfile, Folder: fo.f.ID, Key: fmt.Sprintf("%s:%d", doc.Key, doc.ID),
		UploadedBy: "Drop Folder", User: owner, Owner: owner,
	}
	if r.format == manifest.XML {
		add.Type = manifest.TypeDropFolderXML
	}
	made, err := fo.cfg.Jobs.Add(ctx, fo.f.Account, add)
	if err := errors.Join(err, src.Close()); err != nil {
		return err
	}
	files := []catalog.DropFolderFile{doc}
	for _, t := range r.files {
		files = append(files, t.DropFolderFile)
	}
	return fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		for _, f := range files {
			_, err := tx.UpdateDropFolderFile(ctx, fo.fence, f.ID, f.Status, func(n *catalog.DropFolderFile) error {
				n.Job, n.Entry, n.Why = int64(made.ID), "", fmt.Sprintf("Bulk job %d works on it.", made.ID)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// TakenFiles are the files of drop folders that bulk jobs work on: manifest.Jobs asks it for those that items name.
type TakenFiles struct {
	Catalog *catalog.DB
	// Incoming is that of the watchers.
	Incoming string
}

// Source returns a file of a folder that is taken for a bulk job. One that another item of the job used before is gone.
func (t TakenFiles) Source(ctx context.Context, folder catalog.DropFolderID, rel string) (content.Source, error) {
	f, err := t.Catalog.DropFolderFileByPath(ctx, folder, catalog.PathKey(rel))
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, trouble(CodeReading, "Drop folder %d has no file %q.", folder, complete.Shown(rel))
	}
	if err != nil {
		return nil, err
	}
	if f.Status != processing && f.Status != downloading {
		return nil, trouble(CodeReading, "File %q of drop folder %d is not for this document: its status is %d.", complete.Shown(rel), folder, f.Status)
	}
	place := (&Watcher{cfg: Config{Incoming: t.Incoming}}).place(f)
	return content.File{Path: place, Name: path.Base(f.Path), Move: true}, nil
}

// settleJobs ends the files of bulk jobs that ended.
func (fo *folder) settleJobs(ctx context.Context) error {
	if fo.cfg.Jobs == nil || fo.f.Handler == catalog.HandleContent {
		return nil
	}
	docs, err := fo.cfg.Catalog.DropFolderJobs(ctx, fo.f.ID, keepBatch)
	if err != nil {
		return err
	}
	for _, doc := range docs {
		if fo.isBusy(doc.ID) {
			continue
		}
		j, err := fo.cfg.Catalog.BulkJob(ctx, fo.f.Account, catalog.BulkJobID(doc.Job))
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return err
		}
		if err == nil && !j.Status.Ended() {
			continue
		}
		if err := fo.settleJob(ctx, doc, j); err != nil {
			return err
		}
	}
	return nil
}

// settleJob ends the files of one job: first those that the document names, then the document.
func (fo *folder) settleJob(ctx context.Context, doc catalog.DropFolderFile, j catalog.BulkJob) error {
	media, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{Folder: fo.f.ID, Lead: doc.ID, Statuses: statuses{processing, downloading}})
	if err != nil {
		return err
	}
	used, err := fo.usedBy(ctx, j, media)
	if err != nil {
		return err
	}
	for _, m := range media {
		t := taken{DropFolderFile: m, path: fo.place(m)}
		_, err := fo.store.Stat(ctx, m.Path)
		t.moved = fo.moves(m) && isGone(err)
		if entry, ok := used[m.ID]; ok {
			err = fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error { return fo.linked(ctx, tx, t, entry) })
		} else {
			err = fo.fail(ctx, []taken{t}, trouble(CodeXMLContent,
				"No item of bulk job %d used %q: %s The file is kept. See the job's results, correct the document and send it again.",
				doc.Job, complete.Shown(m.Path), sentence(j.ErrorText)))
		}
		if err != nil && !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
	return fo.each(ctx, []catalog.DropFolderFile{doc}, func(tx *catalog.Tx, f catalog.DropFolderFile) error {
		if j.Status == catalog.BulkFinished || j.Status == catalog.BulkFinishedPartially {
			_, err := move(ctx, tx, fo.fence, f, JobDone, handled, func(n *catalog.DropFolderFile) {
				n.ImportEnd, n.NextAt = catalog.StampOf(time.Now()), fo.purgeAt(*n)
				if j.Failed > 0 {
					n.NextAt, n.Warning = 0, fmt.Sprintf("%d of %d items failed: see the results of bulk job %d.", j.Failed, j.Total, j.ID)
				}
			})
			return err
		}
		_, err := move(ctx, tx, fo.fence, f, Failed, errorHandling, func(n *catalog.DropFolderFile) {
			n.ErrorCode = string(CodeXMLJob)
			n.ErrorText = fmt.Sprintf("Bulk job %d of %q failed: %s Correct the document and send it again.", f.Job, complete.Shown(f.Path), sentence(j.ErrorText))
		})
		return err
	})
}

func sentence(s string) string {
	if s == "" {
		return "its items failed."
	}
	return strings.TrimSuffix(s, ".") + "."
}

// usedBy finds out which files became part of an entry: those whose bytes an entry of the job's successful items is about to import,
// or has imported.
func (fo *folder) usedBy(ctx context.Context, j catalog.BulkJob, media []catalog.DropFolderFile) (map[catalog.DropFolderFileID]catalog.EntryID, error) {
	used := map[catalog.DropFolderFileID]catalog.EntryID{}
	if len(media) == 0 || j.ID == 0 {
		return used, nil
	}
	for _, m := range media {
		if _, err := os.Lstat(fo.place(m)); errors.Is(err, os.ErrNotExist) {
			used[m.ID] = "" // stored already: a caption, a picture
		}
	}
	for after := int64(0); ; {
		results, err := fo.cfg.Catalog.BulkResultsAfter(ctx, fo.f.Account, j.ID, after, keepBatch, false)
		if err != nil || len(results) == 0 {
			return used, err
		}
		for _, r := range results {
			after = r.Line
			if r.Status == catalog.BulkItemError || r.ObjectType != catalog.BulkEntries {
				continue
			}
			tasks, err := fo.cfg.Catalog.Tasks(ctx, catalog.EntryID(r.ObjectID))
			if err != nil {
				return nil, err
			}
			for _, t := range tasks {
				i := slices.IndexFunc(media, func(m catalog.DropFolderFile) bool {
					return strings.Contains(string(t.Payload), fmt.Sprintf("/df-%d/", m.ID))
				})
				if i >= 0 {
					used[media[i].ID] = catalog.EntryID(r.ObjectID)
				}
			}
		}
	}
}
