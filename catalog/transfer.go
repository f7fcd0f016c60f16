package catalog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// TransferID names a session of the high-speed upload.
type TransferID string

// TransferStatus is the state of a transfer.
type TransferStatus int

// States of a transfer: it takes files, all of them are in, it was given up.
const (
	TransferOpen TransferStatus = iota
	TransferClosed
	TransferDropped
)

// Transfer is a session of the high-speed upload: files of one client for one destination.
type Transfer struct {
	ID      TransferID
	Account AccountID
	User    string
	// Secret is the SHA-256, in hex, of what the client shows.
	Secret string
	Status TransferStatus
	// Spec is what the files are for and how they come, in the words of the server that takes them.
	Spec      json.RawMessage
	CreatedAt time.Time
	UpdatedAt time.Time
}

// FileStatus is the state of a file of a transfer.
type FileStatus int

// States of a file: bytes are coming, it was handed over, it cannot be.
const (
	FileOpen FileStatus = iota
	FileDone
	FileFailed
)

// TransferFile is a file of a transfer. The client numbers them.
type TransferFile struct {
	Number int64
	// Path is the file's place below what the client sends, with slashes. Size is -1 while it is not known.
	Path     string
	Size     int64
	Modified int64 // Unix nanoseconds, as the client's file system tells
	Status   FileStatus
	// Token keeps the extents of files that are uploads; others have them here.
	Token   UploadTokenID
	Entry   EntryID
	Extents Extents
	// Digest is the tree digest of a file that is done, in hex; Reason says why one failed.
	Digest string
	Reason string
}

type transferRow struct {
	bun.BaseModel `bun:"table:transfers"`

	Num       int64          `bun:"num,pk,autoincrement"`
	ID        TransferID     `bun:"id"`
	Account   AccountID      `bun:"account"`
	Owner     string         `bun:"owner"`
	Secret    string         `bun:"secret"`
	Status    TransferStatus `bun:"status"`
	Spec      string         `bun:"spec"`
	CreatedAt int64          `bun:"created_at"`
	UpdatedAt int64          `bun:"updated_at"`
}

func (r transferRow) transfer() Transfer {
	return Transfer{
		ID: r.ID, Account: r.Account, User: r.Owner, Secret: r.Secret, Status: r.Status, Spec: decode(r.Spec),
		CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt),
	}
}

type transferFileRow struct {
	bun.BaseModel `bun:"table:transfer_files"`

	Transfer TransferID    `bun:"transfer,pk"`
	Number   int64         `bun:"number,pk"`
	Path     string        `bun:"path"`
	Size     int64         `bun:"size"`
	Modified int64         `bun:"modified"`
	Status   FileStatus    `bun:"status"`
	Token    UploadTokenID `bun:"token"`
	Entry    EntryID       `bun:"entry"`
	Extents  string        `bun:"extents"`
	Digest   string        `bun:"digest"`
	Reason   string        `bun:"reason"`
}

func (r transferFileRow) file() (TransferFile, error) {
	var x Extents
	if r.Extents != "" {
		if err := json.Unmarshal([]byte(r.Extents), &x); err != nil {
			return TransferFile{}, fmt.Errorf("extents of file %d: %w", r.Number, err)
		}
	}
	return TransferFile{
		Number: r.Number, Path: r.Path, Size: r.Size, Modified: r.Modified, Status: r.Status, Token: r.Token, Entry: r.Entry,
		Extents: x, Digest: r.Digest, Reason: r.Reason,
	}, nil
}

func fileRow(id TransferID, f TransferFile) (transferFileRow, error) {
	row := transferFileRow{
		Transfer: id, Number: f.Number, Path: f.Path, Size: f.Size, Modified: f.Modified, Status: f.Status, Token: f.Token,
		Entry: f.Entry, Digest: f.Digest, Reason: f.Reason,
	}
	if len(f.Extents) == 0 {
		return row, nil
	}
	x, err := encode(f.Extents)
	row.Extents = x
	return row, err
}

// AddTransfer makes a transfer in state TransferOpen. An account that has as many open ones as its Limits.Sessions says, or without
// that, and with most above 0, as most, gets none: ErrQuota.
func (db *DB) AddTransfer(ctx context.Context, t Transfer, most int) (Transfer, error) {
	spec, err := encode(t.Spec)
	if err != nil {
		return Transfer{}, fmt.Errorf("transfer: %w", err)
	}
	if err := checkText("user", t.User, maxKeyBytes); err != nil {
		return Transfer{}, err
	}
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	row := transferRow{ID: TransferID(hex.EncodeToString(b)), Account: t.Account, Owner: t.User, Secret: t.Secret, Spec: spec}
	err = db.inTx(ctx, durable, func(tx *Tx) error {
		a, err := account(ctx, tx.tx, t.Account)
		if err != nil {
			return err
		}
		if own := a.Details.Sessions; own > 0 {
			most = int(own)
		}
		n, err := tx.tx.NewSelect().Table("transfers").Where("account = ?", t.Account).Where("status = ?", TransferOpen).Count(ctx)
		if err != nil {
			return err
		}
		if most > 0 && int(n) >= most {
			refusals.WithLabelValues("sessions").Inc()
			return fmt.Errorf("%w: account %d has %d unfinished transfers, the limit is %d", ErrQuota, t.Account, n, most)
		}
		row.Num, row.CreatedAt, row.UpdatedAt = 0, micros(tx.now), micros(tx.now)
		_, err = tx.tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if err != nil {
		return Transfer{}, fmt.Errorf("add transfer: %w", err)
	}
	return row.transfer(), nil
}

// Transfer returns a transfer of any account, in any state.
func (db *DB) Transfer(ctx context.Context, id TransferID) (Transfer, error) {
	var row transferRow
	if err := db.read.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx); err != nil {
		return Transfer{}, notFound(err, "transfer %s", id)
	}
	return row.transfer(), nil
}

// EndTransfer closes or drops an open transfer; one that ended before stays as it is.
func (db *DB) EndTransfer(ctx context.Context, id TransferID, to TransferStatus) error {
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		_, err := tx.tx.NewUpdate().Table("transfers").Set("status = ?", to).Set("updated_at = ?", micros(tx.now)).
			Where("id = ?", id).Where("status = ?", TransferOpen).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("end transfer %s: %w", id, err)
	}
	return nil
}

// IdleTransfers returns up to limit transfers of all accounts in a state that did not change since before.
func (db *DB) IdleTransfers(ctx context.Context, before time.Time, limit int, status TransferStatus) ([]Transfer, error) {
	var rows []transferRow
	err := db.read.NewSelect().Model(&rows).Where("status = ?", status).Where("updated_at < ?", micros(before)).
		Order("updated_at").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list idle transfers: %w", err)
	}
	out := make([]Transfer, len(rows))
	for i, r := range rows {
		out[i] = r.transfer()
	}
	return out, nil
}

// ForgetTransfer removes a transfer and its files from the catalog.
func (db *DB) ForgetTransfer(ctx context.Context, id TransferID) error {
	err := db.inTx(ctx, lazy, func(tx *Tx) error {
		if _, err := tx.tx.NewDelete().Table("transfer_files").Where("transfer = ?", id).Exec(ctx); err != nil {
			return err
		}
		_, err := tx.tx.NewDelete().Table("transfers").Where("id = ?", id).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget transfer %s: %w", id, err)
	}
	return nil
}

// TransferFiles returns the files of a transfer by number.
func (db *DB) TransferFiles(ctx context.Context, id TransferID) ([]TransferFile, error) {
	var rows []transferFileRow
	if err := db.read.NewSelect().Model(&rows).Where("transfer = ?", id).Order("number").Scan(ctx); err != nil {
		return nil, fmt.Errorf("files of transfer %s: %w", id, err)
	}
	out := make([]TransferFile, 0, len(rows))
	for _, r := range rows {
		f, err := r.file()
		if err != nil {
			return nil, fmt.Errorf("transfer %s: %w", id, err)
		}
		out = append(out, f)
	}
	return out, nil
}

// fileBatch bounds the rows of a statement.
const fileBatch = 500

// SaveTransferFiles makes or replaces files of a transfer, and with them, in the same transaction, what more there is on disk of
// upload tokens: extents to add by token. A token that takes no more data is left alone.
func (db *DB) SaveTransferFiles(ctx context.Context, t Transfer, files []TransferFile, extents map[UploadTokenID]Extents) error {
	rows := make([]transferFileRow, len(files))
	for i, f := range files {
		var err error
		if rows[i], err = fileRow(t.ID, f); err != nil {
			return fmt.Errorf("transfer %s: %w", t.ID, err)
		}
	}
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		for at := 0; at < len(rows); at += fileBatch {
			batch := rows[at:min(at+fileBatch, len(rows))]
			_, err := tx.tx.NewInsert().Model(&batch).On("CONFLICT (transfer, number) DO UPDATE").
				Set("path = EXCLUDED.path").Set("size = EXCLUDED.size").Set("modified = EXCLUDED.modified").
				Set("status = EXCLUDED.status").Set("token = EXCLUDED.token").Set("entry = EXCLUDED.entry").
				Set("extents = EXCLUDED.extents").Set("digest = EXCLUDED.digest").Set("reason = EXCLUDED.reason").Exec(ctx)
			if err != nil {
				return err
			}
		}
		for id, more := range extents {
			_, err := tx.UpdateUploadToken(ctx, t.Account, id, func(u *UploadToken) error {
				if !u.Open() {
					return nil
				}
				u.Status = UploadPartial
				for _, x := range more {
					u.Extents = u.Extents.Add(x.From, x.To)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		_, err := tx.tx.NewUpdate().Table("transfers").Set("updated_at = ?", micros(tx.now)).Where("id = ?", t.ID).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("save files of transfer %s: %w", t.ID, err)
	}
	return nil
}
