package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/uptrace/bun"

	"sluice/catalog/seal"
)

// DropFolderID is the id of a drop folder.
type DropFolderID int64

// DropFolderType says where a drop folder is; the values are the wire's.
type DropFolderType string

// Types of drop folders that are watched. SCP folders are reached by SFTP, type 6 is an older name of S3.
const (
	DropFolderLocal DropFolderType = "1"
	DropFolderFTP   DropFolderType = "2"
	DropFolderSCP   DropFolderType = "3"
	DropFolderSFTP  DropFolderType = "4"
	DropFolderS3Old DropFolderType = "6"
	DropFolderS3    DropFolderType = "S3DropFolder.S3DROPFOLDER"
)

// DropFolderStatus is the state of a drop folder; the values are the wire's.
type DropFolderStatus int

// States of a drop folder. One in error is watched, too: its error may pass.
const (
	DropFolderDisabled DropFolderStatus = 0
	DropFolderEnabled  DropFolderStatus = 1
	DropFolderDeleted  DropFolderStatus = 2
	DropFolderError    DropFolderStatus = 3
)

// FileHandler says what is made of a drop folder's files; the values are the wire's.
type FileHandler string

// Handlers: media by their names, XML, JSON or CSV documents that name media, or media with documents beside them.
const (
	HandleContent FileHandler = "1"
	HandleXML     FileHandler = "dropFolderXmlBulkUpload.XML"
	HandleICal    FileHandler = "scheduleDropFolder.ICAL"
	HandleJSON    FileHandler = "sluice.JSON"
	HandleCSV     FileHandler = "sluice.CSV"
	HandleAuto    FileHandler = "sluice.AUTO"
)

// FileDeletePolicy says when a handled file is removed from its folder; the values are the wire's.
type FileDeletePolicy int

// Delete policies: never, after it was taken, when its entry is ready.
const (
	DeleteManually     FileDeletePolicy = 1
	DeleteAfterImport  FileDeletePolicy = 2
	DeleteWhenReady    FileDeletePolicy = 3
	deletePolicyLowest                  = DeleteManually
)

// MatchPolicy says what a content handler does with a file's reference id; the values are the wire's.
type MatchPolicy int

// Match policies: always a new entry; the entry that has the reference id, or a new one; that entry, or wait for it.
const (
	MatchUndefined MatchPolicy = 0
	AddAsNew       MatchPolicy = 1
	MatchOrAdd     MatchPolicy = 2
	MatchOrKeep    MatchPolicy = 3
)

// DropFolder is a folder, here or on another machine, whose files become entries.
type DropFolder struct {
	bun.BaseModel `bun:"table:drop_folders"`
	Record

	ID          DropFolderID     `bun:"id,pk,autoincrement"`
	Name        string           `bun:"name"`
	Description string           `bun:"description"`
	Tags        string           `bun:"tags"` // comma list
	Type        DropFolderType   `bun:"type"`
	Status      DropFolderStatus `bun:"status"`
	// ConversionProfile is that of the entries; 0 is the account's default.
	ConversionProfile int64 `bun:"conversion_profile"`
	DC                int   `bun:"dc"`
	// Path is absolute for local folders, which no other one may share or contain; for S3 it begins with the bucket.
	Path string `bun:"path"`
	// Patterns and Ignore are comma lists of globs of base names, without case.
	Patterns string      `bun:"patterns"`
	Ignore   string      `bun:"ignore_patterns"`
	Handler  FileHandler `bun:"handler"`
	// SizeInterval is how many seconds a file of which nothing better is known must be unchanged.
	SizeInterval int              `bun:"size_interval"`
	DeletePolicy FileDeletePolicy `bun:"delete_policy"`
	DeleteRegex  string           `bun:"delete_regex"`
	DeleteDays   int              `bun:"delete_days"`
	// ErrorCode and ErrorText say what went wrong when the folder was last looked at; the codes are the wire's, 0 is none.
	ErrorCode  int    `bun:"error_code"`
	ErrorText  string `bun:"error_text"`
	LastAccess Stamp  `bun:"last_access"`
	// LastFile is the newest modification time among its files, in seconds.
	LastFile int64             `bun:"last_file"`
	Options  DropFolderOptions `bun:"options"`
	// Secrets are stored sealed; nil when there are none, or when they were not asked for.
	Secrets *DropFolderSecrets `bun:"-"`
	Sealed  string             `bun:"sealed"`
}

// Watched says whether the folder is to be looked at.
func (f DropFolder) Watched() bool {
	return f.DeletedAt == 0 && (f.Status == DropFolderEnabled || f.Status == DropFolderError)
}

// Local says that the folder is a directory of this machine.
func (f DropFolder) Local() bool { return f.Type == DropFolderLocal }

// DropFolderOptions is what no query looks at.
type DropFolderOptions struct {
	Match MatchPolicy `json:"match,omitempty"`
	// SlugRegex is as given, in PCRE's notation with delimiters.
	SlugRegex  string `json:"slug_regex,omitempty"`
	CSVProfile int64  `json:"csv_profile,omitempty"`

	Host     string `json:"host,omitempty"`
	Port     int    `json:"port,omitempty"`
	Username string `json:"username,omitempty"`
	// PublicKey is the client's own, in OpenSSH's form; HostKey, when set, is the only one that the server may have.
	PublicKey string `json:"public_key,omitempty"`
	HostKey   string `json:"host_key,omitempty"`
	Passive   *bool  `json:"passive,omitempty"`
	// TLS is "", "explicit" or "implicit", of an FTP server.
	TLS      string `json:"tls,omitempty"`
	S3Region string `json:"s3_region,omitempty"`
	UseS3Arn bool   `json:"use_s3_arn,omitempty"`
	S3Arn    string `json:"s3_arn,omitempty"`

	Incremental        bool   `json:"incremental,omitempty"`
	MetadataProfile    int64  `json:"metadata_profile,omitempty"`
	CategoriesField    string `json:"categories_field,omitempty"`
	EnforceEntitlement bool   `json:"enforce_entitlement,omitempty"`
	ValidateKS         bool   `json:"validate_ks,omitempty"`

	// Flat keeps sub-folders out. SubfolderPolicy is "flatten" (""), "category" or "referencePrefix".
	Flat            bool   `json:"flat,omitempty"`
	SubfolderPolicy string `json:"subfolder_policy,omitempty"`
	MaxFileSize     int64  `json:"max_file_size,omitempty"` // bytes; 0 is the server's limit
	// Stability is what completes a file: "auto" (""), "close", "rename", "marker" or "size".
	Stability    string `json:"stability,omitempty"`
	MarkerSuffix string `json:"marker_suffix,omitempty"`
	// SidecarTimeout is how many seconds files wait for those that belong to them, SidecarGrace how long media waits whether a
	// document comes that it does not know of; 0 are the defaults.
	SidecarTimeout int `json:"sidecar_timeout,omitempty"`
	SidecarGrace   int `json:"sidecar_grace,omitempty"`
	// OrphanPolicy is "keep" ("") or "ingestAsContent": media that no document names.
	OrphanPolicy string `json:"orphan_policy,omitempty"`
	// MatchKey is "referenceId" ("") or "sha256": what finds the entry of a file.
	MatchKey string `json:"match_key,omitempty"`
	// DuplicatePolicy is "skipIdentical" (""), "newVersion" or "always": the same name with the same bytes again.
	DuplicatePolicy string `json:"duplicate_policy,omitempty"`
	// Priority is that of the entries that the folder makes.
	Priority int `json:"priority,omitempty"`
	// QuotaBytes bounds what the entries that the folder made may keep; 0 is no bound but the account's.
	QuotaBytes int64 `json:"quota_bytes,omitempty"`
	// ExpandArchives makes archives the files in them.
	ExpandArchives bool `json:"expand_archives,omitempty"`
	// PruneEmpty removes sub-folders whose files are handled. Trash keeps removed files so many days under .sluice-trash.
	PruneEmpty bool `json:"prune_empty,omitempty"`
	TrashDays  int  `json:"trash_days,omitempty"`
}

// DropFolderSecrets open another machine.
type DropFolderSecrets struct {
	Password   string `json:"password,omitempty"` // also the secret key of S3
	PrivateKey string `json:"private_key,omitempty"`
	PassPhrase string `json:"pass_phrase,omitempty"`
}

var dropFolders = table[DropFolder, *DropFolder]{
	noun: "drop folder",
	fields: fields{
		"id": {"id", kindInt}, "partnerId": {"account", kindInt}, "name": {"name", kindText}, "type": {"type", kindText},
		"status": {"status", kindInt}, "conversionProfileId": {"conversion_profile", kindInt}, "dc": {"dc", kindInt},
		"path": {"path", kindText}, "fileHandlerType": {"handler", kindText}, "fileNamePatterns": {"patterns", kindCSV},
		"tags": {"tags", kindCSV}, "errorCode": {"error_code", kindInt}, "errorDescription": {"error_text", kindText},
		"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
	},
	check: func(f *DropFolder) error {
		switch {
		case f.Name == "":
			return fmt.Errorf("%w: a drop folder needs a name", ErrInvalid)
		case f.Local() && (!path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path):
			return fmt.Errorf("%w: the path of a local drop folder must be absolute and plain, %q is not", ErrInvalid, f.Path)
		case f.DeletePolicy < deletePolicyLowest || f.DeletePolicy > DeleteWhenReady:
			return fmt.Errorf("%w: no delete policy %d", ErrInvalid, f.DeletePolicy)
		}
		return errors.Join(checkText("name", f.Name, maxNameBytes), checkText("description", f.Description, maxTextBytes),
			checkText("tags", f.Tags, maxKeyBytes), checkText("path", f.Path, maxKeyBytes),
			checkText("file name patterns", f.Patterns, maxTextBytes), checkText("ignored patterns", f.Ignore, maxTextBytes),
			checkText("delete pattern", f.DeleteRegex, maxReasonBytes), checkText("slug pattern", f.Options.SlugRegex, maxReasonBytes))
	},
}

// DropFolder returns a folder of the account, without its secrets.
func (db *DB) DropFolder(ctx context.Context, account AccountID, id DropFolderID) (DropFolder, error) {
	return dropFolders.get(ctx, db, account, id)
}

// DropFolderByID returns a folder of any account that is not deleted, without its secrets.
func (db *DB) DropFolderByID(ctx context.Context, id DropFolderID) (DropFolder, error) {
	var row DropFolder
	if err := db.read.NewSelect().Model(&row).Where("id = ?", id).Where("deleted_at = 0").Scan(ctx); err != nil {
		return DropFolder{}, notFound(err, "drop folder %d", id)
	}
	return row, nil
}

// DropFolders returns a page of the account's folders and how many the query selects.
func (db *DB) DropFolders(ctx context.Context, account AccountID, q Query) ([]DropFolder, int, error) {
	return dropFolders.list(ctx, db, account, q)
}

// WatchedDropFolders returns the folders of all active accounts that are to be watched, in the order of their ids.
func (db *DB) WatchedDropFolders(ctx context.Context) ([]DropFolder, error) {
	var rows []DropFolder
	err := db.read.NewSelect().Model(&rows).Where("status IN (?, ?)", DropFolderEnabled, DropFolderError).Where("deleted_at = 0").
		Where("account IN (SELECT id FROM accounts WHERE status = ?)", AccountActive).Order("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("watched drop folders: %w", err)
	}
	return rows, nil
}

// AddDropFolder stores a folder and seals its secrets. A local one whose path another one has, contains or is inside of is
// ErrConflict.
func (db *DB) AddDropFolder(ctx context.Context, account AccountID, f DropFolder) (out DropFolder, err error) {
	err = db.InTx(ctx, func(tx *Tx) error {
		if err := tx.checkPath(ctx, f); err != nil {
			return err
		}
		f.Sealed = ""
		if out, err = dropFolders.insert(ctx, tx, account, f); err != nil || f.Secrets == nil {
			return err
		}
		out, err = tx.changeDropFolder(ctx, account, out.ID, func(n *DropFolder) error {
			n.Secrets = f.Secrets
			return nil
		})
		return err
	})
	return out, err
}

// UpdateDropFolder changes a folder by fn, which sees its secrets if the catalog is unlocked.
func (db *DB) UpdateDropFolder(ctx context.Context, account AccountID, id DropFolderID, fn func(*DropFolder) error) (out DropFolder, err error) {
	err = db.InTx(ctx, func(tx *Tx) error {
		out, err = tx.changeDropFolder(ctx, account, id, fn)
		return err
	})
	return out, err
}

func (tx *Tx) changeDropFolder(ctx context.Context, account AccountID, id DropFolderID, fn func(*DropFolder) error) (DropFolder, error) {
	return dropFolders.change(ctx, tx, account, id, func(_ *Tx, f *DropFolder) error {
		old := *f
		if tx.db.ring.Load() != nil {
			if err := tx.db.openDropFolder(f); err != nil {
				return err
			}
		}
		was := f.Secrets
		if was != nil {
			was = new(*f.Secrets)
		}
		if err := fn(f); err != nil {
			return err
		}
		if f.Path != old.Path || f.Type != old.Type {
			if err := tx.checkPath(ctx, *f); err != nil {
				return err
			}
		}
		if f.Secrets == nil || was != nil && *was == *f.Secrets {
			return nil
		}
		return tx.sealDropFolder(f)
	})
}

func (f DropFolder) secretPlace() string {
	return fmt.Sprintf("secrets of drop folder %d of account %d", f.ID, f.Account)
}

func (tx *Tx) sealDropFolder(f *DropFolder) error {
	text, err := encode(f.Secrets)
	if err != nil {
		return err
	}
	f.Sealed, err = tx.db.seal(text, f.secretPlace())
	return err
}

func (db *DB) openDropFolder(f *DropFolder) error {
	if f.Sealed == "" {
		return nil
	}
	text, err := db.unseal(f.Sealed, f.secretPlace())
	if err != nil {
		return err
	}
	f.Secrets = &DropFolderSecrets{}
	return json.Unmarshal([]byte(text), f.Secrets)
}

// UnsealDropFolder returns the folder with its secrets.
func (db *DB) UnsealDropFolder(f DropFolder) (DropFolder, error) {
	err := db.openDropFolder(&f)
	return f, err
}

func (tx *Tx) resealDropFolders(ctx context.Context, ring *seal.Ring) error {
	var rows []DropFolder
	if err := tx.tx.NewSelect().Model(&rows).Where("sealed <> ''").Where("deleted_at = 0").Order("id").Scan(ctx); err != nil {
		return err
	}
	for _, f := range rows {
		sealed, changed, err := reseal(ring, f.Sealed, f.secretPlace())
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		if _, err := tx.tx.NewUpdate().Table("drop_folders").Set("sealed = ?", sealed).Where("id = ?", f.ID).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkPath refuses a local folder that shares files with another one. PostgreSQL takes its table's lock, so that no other
// comes in between.
func (tx *Tx) checkPath(ctx context.Context, f DropFolder) error {
	if !f.Local() {
		return nil
	}
	if tx.db.postgres {
		if _, err := tx.tx.ExecContext(ctx, "LOCK TABLE drop_folders IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
	}
	var others []DropFolder
	err := tx.tx.NewSelect().Model(&others).Column("id", "path").Where("type = ?", DropFolderLocal).Where("deleted_at = 0").
		Where("id <> ?", f.ID).Scan(ctx)
	if err != nil {
		return err
	}
	mine := strings.TrimSuffix(f.Path, "/") + "/"
	for _, o := range others {
		if theirs := strings.TrimSuffix(o.Path, "/") + "/"; strings.HasPrefix(mine, theirs) || strings.HasPrefix(theirs, mine) {
			return fmt.Errorf("drop folder %q: %w: another drop folder has files there", f.Path, ErrConflict)
		}
	}
	return nil
}

// DeleteDropFolder deletes a folder; its files stay where they are.
func (db *DB) DeleteDropFolder(ctx context.Context, account AccountID, id DropFolderID) error {
	return dropFolders.delete(ctx, db, account, id, func(f *DropFolder) { f.Status = DropFolderDeleted })
}

// DropFolderHealth is what a look at a folder came to.
type DropFolderHealth struct {
	Code int // 0: it went well
	Text string
	// LastFile is the newest modification time among its files, in seconds; 0 leaves it.
	LastFile int64
}

// SetDropFolderHealth records a look at a folder, which is no update of it: UpdatedAt stays.
func (db *DB) SetDropFolderHealth(ctx context.Context, id DropFolderID, h DropFolderHealth) error {
	status := DropFolderEnabled
	if h.Code != 0 {
		status = DropFolderError
	}
	return db.inTx(ctx, lazy, func(tx *Tx) error {
		_, err := tx.tx.NewUpdate().Table("drop_folders").Set("error_code = ?", h.Code).Set("error_text = ?", reason(h.Text)).
			Set("status = CASE WHEN status IN (?, ?) THEN ? ELSE status END", DropFolderEnabled, DropFolderError, status).
			Set("last_access = ?", micros(tx.now)).Set("last_file = CASE WHEN last_file < ? THEN ? ELSE last_file END", h.LastFile, h.LastFile).
			Where("id = ?", id).Exec(ctx)
		return err
	})
}

// AnyDropFolders returns the folders of all accounts, without their secrets, in the order of their ids.
func (db *DB) AnyDropFolders(ctx context.Context) ([]DropFolder, error) {
	var rows []DropFolder
	if err := db.read.NewSelect().Model(&rows).Where("deleted_at = 0").Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("drop folders: %w", err)
	}
	return rows, nil
}
