package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"
)

// DropFolderFileID is the id of a file's row.
type DropFolderFileID int64

// DropFolderFileStatus is the state of a file in a drop folder; the values are the wire's.
type DropFolderFileStatus int

// States of a file.
const (
	FileUploading        DropFolderFileStatus = 1  // seen, still arriving
	FilePending          DropFolderFileStatus = 2  // complete
	FileWaiting          DropFolderFileStatus = 3  // complete, waits for files that belong to it
	FileHandled          DropFolderFileStatus = 4  // its content is an entry's
	FileIgnored          DropFolderFileStatus = 5  // an operator or a pattern wants none of it
	FileDeleted          DropFolderFileStatus = 6  // to be removed
	FilePurged           DropFolderFileStatus = 7  // gone; the row is history
	FileNoMatch          DropFolderFileStatus = 8  // no entry has its reference id yet
	FileErrorHandling    DropFolderFileStatus = 9  // handling stopped
	FileErrorDeleting    DropFolderFileStatus = 10 // it cannot be removed
	FileDownloading      DropFolderFileStatus = 11 // it comes from another machine
	FileErrorDownloading DropFolderFileStatus = 12
	FileProcessing       DropFolderFileStatus = 13 // in a job
	FileParsed           DropFolderFileStatus = 14 // a document names it, nobody has seen it
	FileDetected         DropFolderFileStatus = 15 // a transfer server told of its beginning
)

// DropFolderFile is a file of a drop folder, or the memory of one.
type DropFolderFile struct {
	bun.BaseModel `bun:"table:drop_folder_files"`
	Record

	ID     DropFolderFileID `bun:"id,pk,autoincrement"`
	Folder DropFolderID     `bun:"folder"`
	// Path is relative to the folder, in a form that can be shown; PathKey, of the raw bytes, is unique among live rows.
	Path    string `bun:"path"`
	PathKey string `bun:"path_key"`
	// FoldKey is the same for names that differ only in case or in Unicode's form.
	FoldKey string               `bun:"fold_key"`
	Status  DropFolderFileStatus `bun:"status"`
	Type    FileHandler          `bun:"type"`
	Size    int64                `bun:"size"`
	// SizeSetAt is when the size was last seen to change; ModifiedNS the file's own time in nanoseconds.
	SizeSetAt  Stamp `bun:"size_set_at"`
	ModifiedNS int64 `bun:"modified_ns"`
	// Identity tells a file from another of the same name: device and inode, or an ETag.
	Identity string `bun:"identity"`

	// Slug, Flavor and User are what the slug pattern found in the name.
	Slug   string `bun:"slug"`
	Flavor string `bun:"flavor"`
	User   string `bun:"owner"`
	// Lead is the document that names this file. Deleted is 0 in live rows and the row's own id once the file is gone.
	Lead    DropFolderFileID `bun:"lead"`
	Deleted DropFolderFileID `bun:"deleted_file"`
	// Entry is the entry that the file became part of, or is about to.
	Entry EntryID `bun:"entry"`
	Job   int64   `bun:"job"`

	ErrorCode string `bun:"error_code"`
	ErrorText string `bun:"error_text"`
	// Why says what a file waits for, or what is odd about it.
	Why string `bun:"why"`
	// Warning is something for the operator that does not stop the file.
	Warning string `bun:"warning"`

	SHA256     string `bun:"sha256"`
	Attempt    int    `bun:"attempt"` // failed tries
	NextAt     Stamp  `bun:"next_at"` // when to try again, or to give up waiting; 0 is never
	Done       int64  `bun:"done"`    // bytes downloaded
	Key        string `bun:"idempotency_key"`
	DetectedBy string `bun:"detected_by"`

	UploadStart Stamp `bun:"upload_start"`
	UploadEnd   Stamp `bun:"upload_end"`
	ImportStart Stamp `bun:"import_start"`
	ImportEnd   Stamp `bun:"import_end"`
	PausedAt    Stamp `bun:"paused_at"` // a transfer into the folder rests since then
}

// Live says that the row is not history.
func (f DropFolderFile) Live() bool { return f.Deleted == 0 }

// Modified is the file's own time.
func (f DropFolderFile) Modified() time.Time {
	if f.ModifiedNS == 0 {
		return time.Time{}
	}
	return time.Unix(0, f.ModifiedNS).UTC()
}

// SetDeliveryKey sets the key of this delivery: the same name, size, time and identity have the same.
func (f *DropFolderFile) SetDeliveryKey() {
	f.Key = fmt.Sprintf("dff:%d:%s:%d:%d:%s", f.Folder, f.PathKey, f.Size, f.ModifiedNS, PathKey(f.Identity)[:16])
}

// PathKey is the key of a path's raw bytes.
func PathKey(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:16])
}

var dropFolderFileFields = fields{
	"id": {"id", kindInt}, "partnerId": {"account", kindInt}, "dropFolderId": {"folder", kindInt}, "fileName": {"path", kindText},
	"fileSize": {"size", kindInt}, "fileSizeLastSetAt": {"size_set_at", kindTime}, "status": {"status", kindInt},
	"parsedSlug": {"slug", kindText}, "parsedFlavor": {"flavor", kindText}, "parsedUserId": {"owner", kindText},
	"leadDropFolderFileId": {"lead", kindInt}, "deletedDropFolderFileId": {"deleted_file", kindInt}, "entryId": {"entry", kindText},
	"errorCode": {"error_code", kindText}, "createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
}

// DropFolderFile returns a file's row of the account, in any state.
func (db *DB) DropFolderFile(ctx context.Context, account AccountID, id DropFolderFileID) (DropFolderFile, error) {
	return dropFolderFile(ctx, db.read, id, account)
}

func dropFolderFile(ctx context.Context, q bun.IDB, id DropFolderFileID, account AccountID) (DropFolderFile, error) {
	var row DropFolderFile
	sel := q.NewSelect().Model(&row).Where("id = ?", id)
	if account != 0 {
		sel = sel.Where("account = ?", account)
	}
	if err := sel.Scan(ctx); err != nil {
		return DropFolderFile{}, notFound(err, "drop folder file %d", id)
	}
	return row, nil
}

// DropFolderFileByPath returns the live row of a file.
func (db *DB) DropFolderFileByPath(ctx context.Context, folder DropFolderID, pathKey string) (DropFolderFile, error) {
	return fileByPath(ctx, db.read, folder, pathKey)
}

// DropFolderFileByPath returns the live row of a file as the transaction sees it.
func (tx *Tx) DropFolderFileByPath(ctx context.Context, folder DropFolderID, pathKey string) (DropFolderFile, error) {
	return fileByPath(ctx, tx.tx, folder, pathKey)
}

func fileByPath(ctx context.Context, q bun.IDB, folder DropFolderID, pathKey string) (DropFolderFile, error) {
	var row DropFolderFile
	err := q.NewSelect().Model(&row).Where("folder = ?", folder).Where("path_key = ?", pathKey).Where("deleted_file = 0").Scan(ctx)
	if err != nil {
		return DropFolderFile{}, notFound(err, "file of drop folder %d", folder)
	}
	return row, nil
}

// DropFolderFiles returns a page of the account's files and how many the query selects; rows of purged files only when the query
// asks for their status.
func (db *DB) DropFolderFiles(ctx context.Context, account AccountID, q Query) ([]DropFolderFile, int, error) {
	return db.dropFolderFiles(ctx, q, func(s *bun.SelectQuery) *bun.SelectQuery { return s.Where("account = ?", account) })
}

func (db *DB) dropFolderFiles(ctx context.Context, q Query, scope func(*bun.SelectQuery) *bun.SelectQuery) ([]DropFolderFile, int, error) {
	purged := false
	for _, c := range q.Conds {
		purged = purged || c.Field == "status" || c.Field == "deletedDropFolderFileId" || c.Field == "id"
	}
	rows, total, err := listWhere[DropFolderFile](ctx, db, dropFolderFileFields, q, "id", func(s *bun.SelectQuery) *bun.SelectQuery {
		if !purged {
			s = s.Where("deleted_file = 0")
		}
		return scope(s)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list drop folder files: %w", err)
	}
	return rows, total, nil
}

// FilePick selects files of one folder for its watcher, in the order of their ids.
type FilePick struct {
	Folder   DropFolderID
	Statuses []DropFolderFileStatus // none means all of live rows
	// Slug and Lead restrict when set. Due, when set, wants those whose NextAt has come by then, Ready those that have none besides.
	Slug  string
	Lead  DropFolderFileID
	Due   time.Time
	Ready time.Time
	After DropFolderFileID
	Limit int
}

func (p FilePick) apply(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.Where("folder = ?", p.Folder)
	if len(p.Statuses) > 0 {
		q = q.Where("status IN (?)", bun.List(p.Statuses))
	} else {
		q = q.Where("deleted_file = 0")
	}
	if p.Slug != "" {
		q = q.Where("slug = ?", p.Slug)
	}
	if p.Lead != 0 {
		q = q.Where("lead = ?", p.Lead)
	}
	if !p.Due.IsZero() {
		q = q.Where("next_at > 0").Where("next_at <= ?", micros(p.Due))
	}
	if !p.Ready.IsZero() {
		q = q.Where("next_at <= ?", micros(p.Ready))
	}
	if p.After > 0 {
		q = q.Where("id > ?", p.After)
	}
	if p.Limit > 0 {
		q = q.Limit(int64(p.Limit))
	}
	return q.Order("id")
}

// PickDropFolderFiles returns the files that p selects.
func (db *DB) PickDropFolderFiles(ctx context.Context, p FilePick) ([]DropFolderFile, error) {
	return pickFiles(ctx, db.read, p)
}

// PickDropFolderFiles returns the files that p selects as the transaction sees them.
func (tx *Tx) PickDropFolderFiles(ctx context.Context, p FilePick) ([]DropFolderFile, error) {
	return pickFiles(ctx, tx.tx, p)
}

func pickFiles(ctx context.Context, q bun.IDB, p FilePick) ([]DropFolderFile, error) {
	var rows []DropFolderFile
	if err := p.apply(q.NewSelect().Model(&rows)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("files of drop folder %d: %w", p.Folder, err)
	}
	return rows, nil
}

// KnownFile is what tells whether a file in a folder is the one of its row.
type KnownFile struct {
	ID         DropFolderFileID     `bun:"id"`
	Path       string               `bun:"path"`
	PathKey    string               `bun:"path_key"`
	Status     DropFolderFileStatus `bun:"status"`
	Size       int64                `bun:"size"`
	ModifiedNS int64                `bun:"modified_ns"`
	Identity   string               `bun:"identity"`
}

// KnownDropFolderFiles calls each with batches of a folder's live rows.
func (db *DB) KnownDropFolderFiles(ctx context.Context, folder DropFolderID, each func([]KnownFile) error) error {
	const batch = 4096
	for after := DropFolderFileID(0); ; {
		var rows []KnownFile
		err := db.read.NewSelect().Table("drop_folder_files").
			Column("id", "path", "path_key", "status", "size", "modified_ns", "identity").Where("folder = ?", folder).
			Where("deleted_file = 0").Where("id > ?", after).Order("id").Limit(batch).Scan(ctx, &rows)
		if err != nil {
			return fmt.Errorf("files of drop folder %d: %w", folder, err)
		}
		if err := each(rows); err != nil || len(rows) < batch {
			return err
		}
		after = rows[len(rows)-1].ID
	}
}

// LastPurged returns, by the keys of their paths, the newest rows of files of these names that are gone and that became entries.
func (db *DB) LastPurged(ctx context.Context, folder DropFolderID, pathKeys []string) (map[string]DropFolderFile, error) {
	out := make(map[string]DropFolderFile, len(pathKeys))
	for batch := range slices.Chunk(pathKeys, insertBatch) {
		newest := db.read.NewSelect().Table("drop_folder_files").ColumnExpr("max(deleted_file)").Where("folder = ?", folder).
			Where("path_key IN (?)", bun.List(batch)).Where("deleted_file > 0").Where("entry <> ''").Group("path_key")
		var rows []DropFolderFile
		if err := db.read.NewSelect().Model(&rows).Where("id IN (?)", newest).Scan(ctx); err != nil {
			return nil, fmt.Errorf("earlier files of drop folder %d: %w", folder, err)
		}
		for _, r := range rows {
			out[r.PathKey] = r
		}
	}
	return out, nil
}

// SettledDropFolderFiles returns up to limit files in the state Processing whose content an entry has that is ready by now, or failed,
// or is gone.
func (db *DB) SettledDropFolderFiles(ctx context.Context, folder DropFolderID, limit int) ([]DropFolderFile, error) {
	var rows []DropFolderFile
	err := db.read.NewSelect().Model(&rows).Join("LEFT JOIN entries AS e ON e.id = drop_folder_file.entry").
		Where("drop_folder_file.folder = ?", folder).Where("drop_folder_file.status = ?", FileProcessing).
		Where("drop_folder_file.import_end > 0").
		Where("(e.id IS NULL OR e.status IN (?, ?, ?, ?))", EntryReady, EntryDeleted, EntryErrorConverting, EntryErrorImporting).
		OrderExpr("drop_folder_file.id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("settled files of drop folder %d: %w", folder, err)
	}
	return rows, nil
}

// DropFolderJobs returns up to limit documents of a folder that bulk jobs work on.
func (db *DB) DropFolderJobs(ctx context.Context, folder DropFolderID, limit int) ([]DropFolderFile, error) {
	var rows []DropFolderFile
	err := db.read.NewSelect().Model(&rows).Where("folder = ?", folder).Where("status = ?", FileProcessing).Where("job > 0").Where("lead = 0").
		Order("id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("documents of drop folder %d: %w", folder, err)
	}
	return rows, nil
}

// OrphanedDropFolderFiles returns up to limit files of a folder that are only named, by documents that are gone.
func (db *DB) OrphanedDropFolderFiles(ctx context.Context, folder DropFolderID, limit int) ([]DropFolderFile, error) {
	var rows []DropFolderFile
	gone := db.read.NewSelect().Table("drop_folder_files").Column("id").Where("folder = ?", folder).Where("status = ?", FilePurged)
	err := db.read.NewSelect().Model(&rows).Where("folder = ?", folder).Where("status = ?", FileParsed).Where("lead IN (?)", gone).
		Order("id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("orphans of drop folder %d: %w", folder, err)
	}
	return rows, nil
}

// CountDropFolderFiles counts the files of folders by state; rows of purged files are left out.
func (db *DB) CountDropFolderFiles(ctx context.Context, folders ...DropFolderID) (map[DropFolderID]map[DropFolderFileStatus]int, error) {
	out := map[DropFolderID]map[DropFolderFileStatus]int{}
	if len(folders) == 0 {
		return out, nil
	}
	var rows []struct {
		Folder DropFolderID
		Status DropFolderFileStatus
		N      int
	}
	err := db.read.NewSelect().Table("drop_folder_files").Column("folder", "status").ColumnExpr("count(*) AS n").
		Where("folder IN (?)", bun.List(folders)).Where("deleted_file = 0").Group("folder", "status").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count drop folder files: %w", err)
	}
	for _, r := range rows {
		if out[r.Folder] == nil {
			out[r.Folder] = map[DropFolderFileStatus]int{}
		}
		out[r.Folder][r.Status] = r.N
	}
	return out, nil
}

func (f *DropFolderFile) check() error {
	if f.PathKey == "" || f.Path == "" {
		return fmt.Errorf("%w: a drop folder file needs a path", ErrInvalid)
	}
	f.ErrorText, f.Why, f.Warning = reason(f.ErrorText), reason(f.Why), reason(f.Warning)
	err := errors.Join(checkText("slug", f.Slug, maxKeyBytes), checkText("flavor", f.Flavor, maxKeyBytes), checkText("user", f.User, maxKeyBytes),
		checkText("path", f.Path, maxTextBytes), checkText("identity", f.Identity, maxKeyBytes))
	if err != nil {
		return fmt.Errorf("drop folder file %s: %w", strconv.Quote(f.Path), err)
	}
	return nil
}

// AnyDropFolderFiles is DropFolderFiles of all accounts.
func (db *DB) AnyDropFolderFiles(ctx context.Context, q Query) ([]DropFolderFile, int, error) {
	return db.dropFolderFiles(ctx, q, func(s *bun.SelectQuery) *bun.SelectQuery { return s })
}

// AnyDropFolderFile is DropFolderFile of any account.
func (db *DB) AnyDropFolderFile(ctx context.Context, id DropFolderFileID) (DropFolderFile, error) {
	return dropFolderFile(ctx, db.read, id, 0)
}
