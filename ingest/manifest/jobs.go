package manifest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/fetch"
	"sluice/storage"
)

// Types of documents on the wire.
const (
	TypeCSV           = "bulkUploadCsv.CSV"
	TypeXML           = "bulkUploadXml.XML"
	TypeJSON          = "sluice.JSON"
	TypeDropFolderXML = "dropFolderXmlBulkUpload.DROP_FOLDER_XML"
)

// FormatOfType returns the form of a type on the wire.
func FormatOfType(t string) (Format, bool) {
	switch t {
	case TypeCSV:
		return CSV, true
	case TypeXML, TypeDropFolderXML:
		return XML, true
	case TypeJSON:
		return JSON, true
	}
	return "", false
}

// typeOf is the type on the wire of a form.
func typeOf(f Format) string {
	return map[Format]string{CSV: TypeCSV, XML: TypeXML, JSON: TypeJSON}[f]
}

// Content gives entries and assets their content; content.Service does.
type Content interface {
	SetEntry(ctx context.Context, account catalog.AccountID, entry catalog.EntryID, parts []content.Part, opts content.Options) error
	SetAsset(ctx context.Context, account catalog.AccountID, asset catalog.AssetID, src content.Source) error
}

// Jobs takes documents in and applies them. Fields are set before its methods are called; it is safe for concurrent use, by
// several processes.
type Jobs struct {
	Catalog *catalog.DB
	Store   storage.Store
	Content Content
	// Files finds a file of a drop folder; nil, or a job without a folder, refuses items that name one.
	Files func(ctx context.Context, folder catalog.DropFolderID, rel string) (content.Source, error)
	// Roots are the folders of this server that items may name files of; none refuses them all.
	Roots []string
	// Reach says why a file at a URL could not be had now: rehearsals ask it; nil takes every URL that is one.
	Reach func(ctx context.Context, req fetch.Request) error
	// Language returns the code of a language given by its name or code; false says that there is no such language.
	Language func(name string) (code string, ok bool)
	Log      *slog.Logger
	// PerAccount is how many jobs of one account run at once, 0 means 4; AtOnce how many this process runs, 0 means 32.
	PerAccount, AtOnce int
	// Every is how often it looks for jobs; 0 means a second. Lease is how long a job stays with a process that is gone; 0
	// means 30 seconds.
	Every, Lease time.Duration
}

// Add is a document to be taken in.
type Add struct {
	Format Format
	// Type is what the job is called on the wire; "" follows from Format.
	Type     string
	FileName string
	// Document is read to its end before Add returns.
	Document    io.Reader
	Description string
	// Profile is the conversion profile of items that name none; 0 is the account's default.
	Profile int64
	// Folder is the drop folder whose files the items name; 0 for none.
	Folder catalog.DropFolderID
	// Key, when set, is the delivery's: the same key again gives the same job.
	Key string
	// User is who sends the document, UploadedBy what lists show instead; Owner, when set, is the only user whose items it may touch.
	User, UploadedBy, Owner string
	// Object is what the lines of a document in CSV are about: a type of catalog's bulk objects; 0 for entries.
	Object int
	// Strict applies nothing when one item is not valid; DryRun applies nothing and tells everything that is wrong.
	Strict, DryRun bool
}

// ErrDocument says that a document is not taken in at all: it is empty, too large, or not of its form.
var ErrDocument = errors.New("document refused")

// Add stores a document and makes a job of it, which Run carries out. The beginning of the document is looked at: one that is
// not of its form is refused with an error that wraps ErrDocument. A key that a job of the account has gives that job.
func (j *Jobs) Add(ctx context.Context, account catalog.AccountID, a Add) (catalog.BulkJob, error) {
	none := catalog.BulkJob{}
	if typeOf(a.Format) == "" {
		return none, fmt.Errorf("%w: %q is not a form of documents: use xml, csv or json", ErrDocument, a.Format)
	}
	a.Object = cmp.Or(a.Object, catalog.BulkEntries)
	if a.Object != catalog.BulkEntries && (objects[a.Object] == nil || a.Format != CSV) {
		return none, fmt.Errorf("%w: a document in %s cannot be about objects of type %d: use csv for categories, users, members and entries of categories", ErrDocument, a.Format, a.Object)
	}
	key := fmt.Sprintf("%d/bulk/%s/document.%s", account, strings.ToLower(rand.Text()), a.Format)
	obj, err := j.Store.Put(ctx, key, &bounded{r: a.Document, left: MaxDocument})
	if err != nil {
		return none, fmt.Errorf("store document %q: %w", a.FileName, err)
	}
	job, err := j.add(ctx, account, a, obj)
	if err != nil || job.Document != key {
		if derr := j.Store.Delete(context.WithoutCancel(ctx), key); derr != nil {
			j.log().Warn("document of no job stays in storage", "object", key, "error", derr)
		}
	}
	return job, err
}

func (j *Jobs) add(ctx context.Context, account catalog.AccountID, a Add, obj storage.Object) (catalog.BulkJob, error) {
	none := catalog.BulkJob{}
	if obj.Size == 0 {
		return none, fmt.Errorf("%w: it is empty", ErrDocument)
	}
	r, err := j.open(ctx, obj.Key)
	if err != nil {
		return none, err
	}
	defer r.Close()
	if _, err := newReader(r, a.Format, objects[a.Object]); err != nil {
		return none, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	job, err := j.Catalog.AddBulkJob(ctx, account, catalog.BulkJob{
		Type: cmp.Or(a.Type, typeOf(a.Format)), ObjectType: a.Object, Status: catalog.BulkPending, Key: a.Key, FileName: a.FileName,
		Description: a.Description, Document: obj.Key, Size: obj.Size, Profile: a.Profile, Folder: a.Folder, Strict: a.Strict, DryRun: a.DryRun,
		User: a.User, Owner: a.Owner, UploadedBy: cmp.Or(a.UploadedBy, a.User), More: []byte(fmt.Sprintf(`{"format":%q}`, a.Format)),
	})
	if errors.Is(err, catalog.ErrConflict) && job.ID != 0 {
		return job, nil
	}
	if err == nil {
		added.WithLabelValues(string(a.Format)).Inc()
		j.nudge()
	}
	return job, err
}

// bounded fails with ErrDocument when a reader yields more than it may.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%w: it has more than %d bytes", ErrDocument, MaxDocument)
	}
	return n, err
}

// open returns a stored document.
func (j *Jobs) open(ctx context.Context, key string) (io.ReadCloser, error) {
	r, err := j.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(r, 0, r.Object().Size), r}, nil
}

// Document returns the document of a job, as it was sent.
func (j *Jobs) Document(ctx context.Context, job catalog.BulkJob) (io.ReadCloser, error) {
	r, err := j.open(ctx, job.Document)
	if errors.Is(err, storage.ErrNotExist) {
		err = fmt.Errorf("document of bulk job %d: %w", job.ID, os.ErrNotExist)
	}
	return r, err
}

func (j *Jobs) log() *slog.Logger {
	if j.Log != nil {
		return j.Log
	}
	return slog.Default()
}
