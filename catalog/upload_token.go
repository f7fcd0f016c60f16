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

// UploadStatus is the state of an upload token; the values are the wire's.
type UploadStatus int

// States of an upload token: waiting for a first chunk, receiving, complete, used, given up, deleted.
const (
	UploadPending UploadStatus = 0
	UploadPartial UploadStatus = 1
	UploadFull    UploadStatus = 2
	UploadClosed  UploadStatus = 3
	UploadTimeout UploadStatus = 4
	UploadDeleted UploadStatus = 5
)

// UploadToken is one file that comes in through the API, and how much of it is here.
type UploadToken struct {
	ID      UploadTokenID
	Account AccountID
	User    string
	Status  UploadStatus
	// FileName is the sender's; FileSize what the sender announced, 0 for nothing.
	FileName string
	FileSize int64
	// AutoFinalize makes the upload complete when FileSize bytes are here.
	AutoFinalize bool
	// Generation counts the files begun for the token: a chunk that starts over begins another.
	Generation int
	// Extents are the bytes that are durably here.
	Extents Extents
	// AttachedType and AttachedID name what the file is for: "entry" or a kind of asset. Arrival says what happens to the file
	// when it is complete, in the words of whoever attached the token.
	AttachedType string
	AttachedID   string
	Arrival      json.RawMessage
	// Carrier names the protocol that the upload began with, "" for the API's own; State is what that keeps with it. Any other
	// may go on with the upload.
	Carrier   string
	State     json.RawMessage
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Open says whether the token takes data.
func (t UploadToken) Open() bool { return t.Status == UploadPending || t.Status == UploadPartial }

type uploadTokenRow struct {
	bun.BaseModel `bun:"table:upload_tokens"`

	Num          int64         `bun:"num,pk,autoincrement"`
	ID           UploadTokenID `bun:"id"`
	Account      AccountID     `bun:"account"`
	Owner        string        `bun:"owner"`
	Status       UploadStatus  `bun:"status"`
	FileName     string        `bun:"file_name"`
	FileSize     int64         `bun:"file_size"`
	AutoFinalize bool          `bun:"auto_finalize"`
	Generation   int           `bun:"generation"`
	Extents      string        `bun:"extents"`
	Contiguous   int64         `bun:"contiguous"`
	AttachedType string        `bun:"attached_type"`
	AttachedID   string        `bun:"attached_id"`
	Arrival      string        `bun:"arrival"`
	Carrier      string        `bun:"carrier"`
	State        string        `bun:"state"`
	CreatedAt    int64         `bun:"created_at"`
	UpdatedAt    int64         `bun:"updated_at"`
}

func (r *uploadTokenRow) token() UploadToken {
	var x Extents
	if r.Extents != "" {
		_ = json.Unmarshal([]byte(r.Extents), &x) // written by fill
	}
	return UploadToken{
		ID: r.ID, Account: r.Account, User: r.Owner, Status: r.Status, FileName: r.FileName, FileSize: r.FileSize,
		AutoFinalize: r.AutoFinalize, Generation: r.Generation, Extents: x, AttachedType: r.AttachedType, AttachedID: r.AttachedID,
		Arrival: decode(r.Arrival), Carrier: r.Carrier, State: decode(r.State), CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt),
	}
}

func (r *uploadTokenRow) fill(t UploadToken) error {
	if err := checkText("user", t.User, maxKeyBytes); err != nil {
		return err
	}
	if err := checkText("file name", t.FileName, maxNameBytes); err != nil {
		return err
	}
	arrival, err := encode(t.Arrival)
	if err != nil {
		return fmt.Errorf("arrival: %w", err)
	}
	state, err := encode(t.State)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if err := checkText("state", state, maxTextBytes); err != nil {
		return err
	}
	extents := ""
	if len(t.Extents) > 0 {
		if extents, err = encode(t.Extents); err != nil {
			return err
		}
	}
	*r = uploadTokenRow{
		Num: r.Num, ID: t.ID, Account: t.Account, Owner: t.User, Status: t.Status, FileName: t.FileName, FileSize: t.FileSize,
		AutoFinalize: t.AutoFinalize, Generation: t.Generation, Extents: extents, Contiguous: t.Extents.Contiguous(),
		AttachedType: t.AttachedType, AttachedID: t.AttachedID, Arrival: arrival, Carrier: t.Carrier, State: state,
		CreatedAt: micros(t.CreatedAt), UpdatedAt: micros(t.UpdatedAt),
	}
	return nil
}

// NewUploadTokenID returns a random id for a token: the site, 0, and 32 hexadecimal digits.
func NewUploadTokenID() UploadTokenID {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return UploadTokenID("0_" + hex.EncodeToString(b))
}

// AddUploadToken makes a token in state UploadPending. With most above 0, an account that has so many open tokens gets none:
// ErrQuota.
func (db *DB) AddUploadToken(ctx context.Context, t UploadToken, most int) (UploadToken, error) {
	var made UploadToken
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		if _, err := account(ctx, tx.tx, t.Account); err != nil {
			return err
		}
		if most > 0 {
			n, err := tx.tx.NewSelect().Table("upload_tokens").Where("account = ?", t.Account).
				Where("status IN (?, ?)", UploadPending, UploadPartial).Count(ctx)
			if err != nil {
				return err
			}
			if int(n) >= most {
				refusals.WithLabelValues("uploads").Inc()
				return fmt.Errorf("%w: account %d has %d unfinished uploads, the limit is %d", ErrQuota, t.Account, n, most)
			}
		}
		t.ID, t.Status, t.CreatedAt, t.UpdatedAt = NewUploadTokenID(), UploadPending, tx.now, tx.now
		var row uploadTokenRow
		if err := row.fill(t); err != nil {
			return err
		}
		_, err := tx.tx.NewInsert().Model(&row).Exec(ctx)
		made = row.token()
		return err
	})
	if err != nil {
		return UploadToken{}, fmt.Errorf("add upload token: %w", err)
	}
	return made, nil
}

// UploadToken returns an account's token, in any state.
func (db *DB) UploadToken(ctx context.Context, account AccountID, id UploadTokenID) (UploadToken, error) {
	row, err := uploadToken(ctx, db.read, account, id, false)
	if err != nil {
		return UploadToken{}, err
	}
	return row.token(), nil
}

// UploadToken is DB.UploadToken as the transaction sees it.
func (tx *Tx) UploadToken(ctx context.Context, account AccountID, id UploadTokenID) (UploadToken, error) {
	row, err := uploadToken(ctx, tx.tx, account, id, tx.db.postgres)
	if err != nil {
		return UploadToken{}, err
	}
	return row.token(), nil
}

func uploadToken(ctx context.Context, q bun.IDB, account AccountID, id UploadTokenID, lock bool) (*uploadTokenRow, error) {
	var row uploadTokenRow
	sel := q.NewSelect().Model(&row).Where("id = ?", id).Where("account = ?", account)
	if lock {
		sel = sel.For("UPDATE")
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, notFound(err, "upload token %s", id)
	}
	return &row, nil
}

// UpdateUploadToken changes a token by fn, which may run several times, and returns it as it is then.
func (db *DB) UpdateUploadToken(ctx context.Context, account AccountID, id UploadTokenID, fn func(t *UploadToken) error) (UploadToken, error) {
	var out UploadToken
	err := db.inTx(ctx, durable, func(tx *Tx) (err error) {
		out, err = tx.UpdateUploadToken(ctx, account, id, fn)
		return err
	})
	return out, err
}

// UpdateUploadToken is DB.UpdateUploadToken inside a transaction.
func (tx *Tx) UpdateUploadToken(ctx context.Context, account AccountID, id UploadTokenID, fn func(t *UploadToken) error) (UploadToken, error) {
	row, err := uploadToken(ctx, tx.tx, account, id, tx.db.postgres)
	if err != nil {
		return UploadToken{}, err
	}
	t := row.token()
	if err := fn(&t); err != nil {
		return UploadToken{}, err
	}
	t.ID, t.Account, t.CreatedAt, t.UpdatedAt = row.ID, row.Account, fromMicros(row.CreatedAt), tx.now
	if err := row.fill(t); err != nil {
		return UploadToken{}, fmt.Errorf("upload token %s: %w", id, err)
	}
	if _, err := tx.tx.NewUpdate().Model(row).WherePK().Exec(ctx); err != nil {
		return UploadToken{}, fmt.Errorf("upload token %s: %w", id, err)
	}
	return row.token(), nil
}

// IdleUploadTokens returns up to limit tokens of all accounts that are in one of the states and did not change since before.
func (db *DB) IdleUploadTokens(ctx context.Context, before time.Time, limit int, states ...UploadStatus) ([]UploadToken, error) {
	var rows []uploadTokenRow
	err := db.read.NewSelect().Model(&rows).Where("status IN (?)", bun.List(states)).Where("updated_at < ?", micros(before)).
		Order("updated_at").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list idle upload tokens: %w", err)
	}
	out := make([]UploadToken, len(rows))
	for i := range rows {
		out[i] = rows[i].token()
	}
	return out, nil
}

// WholeUploadTokens returns up to limit open tokens of all accounts whose files are here to the last byte that their senders
// announced, and that did not change since before: whoever was to complete them did not come to it.
func (db *DB) WholeUploadTokens(ctx context.Context, before time.Time, limit int) ([]UploadToken, error) {
	var rows []uploadTokenRow
	err := db.read.NewSelect().Model(&rows).Where("status = ?", UploadPartial).Where("auto_finalize = ?", true).
		Where("contiguous >= file_size").Where("updated_at < ?", micros(before)).Order("updated_at").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list whole upload tokens: %w", err)
	}
	out := make([]UploadToken, len(rows))
	for i := range rows {
		out[i] = rows[i].token()
	}
	return out, nil
}

// CarriedUploadTokens returns up to limit tokens of all accounts that a carrier began and that are in one of the states, the oldest
// first.
func (db *DB) CarriedUploadTokens(ctx context.Context, carrier string, limit int, states ...UploadStatus) ([]UploadToken, error) {
	var rows []uploadTokenRow
	err := db.read.NewSelect().Model(&rows).Where("status IN (?)", bun.List(states)).Where("carrier = ?", carrier).
		Order("num").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list upload tokens of %s: %w", carrier, err)
	}
	out := make([]UploadToken, len(rows))
	for i := range rows {
		out[i] = rows[i].token()
	}
	return out, nil
}

// AttachedUploadTokens returns an account's tokens that are for an object, the newest first.
func (db *DB) AttachedUploadTokens(ctx context.Context, account AccountID, object string) ([]UploadToken, error) {
	var rows []uploadTokenRow
	err := db.read.NewSelect().Model(&rows).Where("attached_id = ?", object).Where("attached_id <> ''").Where("account = ?", account).
		Order("num DESC").Limit(fewTokens).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("upload tokens of %s: %w", object, err)
	}
	out := make([]UploadToken, len(rows))
	for i := range rows {
		out[i] = rows[i].token()
	}
	return out, nil
}

// fewTokens bounds the tokens of one object that are looked at.
const fewTokens = 20

// UploadTokenByID returns a token of any account.
func (db *DB) UploadTokenByID(ctx context.Context, id UploadTokenID) (UploadToken, error) {
	var row uploadTokenRow
	if err := db.read.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx); err != nil {
		return UploadToken{}, notFound(err, "upload token %s", id)
	}
	return row.token(), nil
}

var uploadTokenFields = fields{
	"id": {"id", kindText}, "userId": {"owner", kindText}, "status": {"status", kindInt}, "fileName": {"file_name", kindText},
	"fileSize": {"file_size", kindInt}, "createdAt": {"created_at", kindTime},
}

// UploadTokens returns a page of an account's tokens that are not deleted, and how many the query selects. Fields: id, userId,
// status, fileName, fileSize, createdAt.
func (db *DB) UploadTokens(ctx context.Context, account AccountID, q Query) ([]UploadToken, int, error) {
	rows, total, err := listWhere[uploadTokenRow](ctx, db, uploadTokenFields, q, "num", func(s *bun.SelectQuery) *bun.SelectQuery {
		return s.Where("account = ?", account).Where("status <> ?", UploadDeleted)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list upload tokens: %w", err)
	}
	out := make([]UploadToken, len(rows))
	for i := range rows {
		out[i] = rows[i].token()
	}
	return out, total, nil
}
