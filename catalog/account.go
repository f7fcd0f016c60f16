package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// firstAccount is the id of the first account whose id the catalog chooses.
const firstAccount AccountID = 101

// AccountStatus is the state of an account; the values are the wire's.
type AccountStatus int

// States of an account. Nobody acts for a blocked one.
const (
	AccountActive  AccountStatus = 1
	AccountBlocked AccountStatus = 2
)

// AccountDetails are what is told of an account and how its sessions are made.
type AccountDetails struct {
	Website     string `json:"website,omitempty"`
	Description string `json:"description,omitempty"`
	AdminName   string `json:"admin_name,omitempty"`
	AdminEmail  string `json:"admin_email,omitempty"`
	// TokenVersion is the version of the session tokens that are minted, 1 or 2; 0 means 2.
	TokenVersion int `json:"token_version,omitempty"`
	// MaxSession is the longest session that is started, in seconds; 0 means a day.
	MaxSession int64 `json:"max_session,omitempty"`
	// ActsFor are the accounts whose sessions this one may start, and which its administrators' sessions may name as partnerId.
	ActsFor []AccountID `json:"acts_for,omitempty"`
	// SecureOnly refuses the API's calls over plain HTTP, save from the machine itself.
	SecureOnly bool `json:"secure_only,omitempty"`
	// UploadRate, in bits a second, is what all transfers into the account may have together; Storage, in bytes, what it may
	// keep. 0 is the installation's default.
	UploadRate int64 `json:"upload_rate,omitempty"`
	Storage    int64 `json:"storage,omitempty"`
	Limits
}

// LongestSession is how long a session of the account may last at most.
func (d AccountDetails) LongestSession() time.Duration {
	if d.MaxSession > 0 {
		return time.Duration(d.MaxSession) * time.Second
	}
	return 24 * time.Hour
}

// accountRow still has the columns in which secrets were before they were sealed; Unlock empties them.
type accountRow struct {
	bun.BaseModel `bun:"table:accounts"`

	ID                  AccountID      `bun:"id,pk"`
	Name                string         `bun:"name"`
	AdminSecret         string         `bun:"admin_secret"`
	UserSecret          string         `bun:"user_secret"`
	Status              AccountStatus  `bun:"status"`
	PlayWhileProcessing bool           `bun:"play_while_processing"`
	Details             AccountDetails `bun:"details"`
	CreatedAt           int64          `bun:"created_at"`
	UpdatedAt           int64          `bun:"updated_at"`
}

func (r accountRow) account() Account {
	return Account{
		ID: r.ID, Name: r.Name, Status: r.Status, PlayWhileProcessing: r.PlayWhileProcessing, Details: r.Details,
		CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt),
	}
}

// EnsureAccount returns the account id, and makes it when there is none; the flag says whether it was made. With id 0 a
// new account gets the next free id. A new account has secrets once the catalog is unlocked.
func (db *DB) EnsureAccount(ctx context.Context, id AccountID, name string) (Account, bool, error) {
	if id < 0 {
		return Account{}, false, fmt.Errorf("account %d: %w: ids are positive", id, ErrInvalid)
	}
	if err := checkText("account name", name, maxNameBytes); err != nil {
		return Account{}, false, err
	}
	now := micros(time.Now())
	row := accountRow{ID: id, Name: name, Status: AccountActive, PlayWhileProcessing: true, CreatedAt: now, UpdatedAt: now}
	var made bool
	for try := 1; ; try++ {
		err := db.inTx(ctx, durable, func(tx *Tx) (err error) {
			if made, err = tx.ensureAccount(ctx, &row, id == 0); err != nil || !made {
				return err
			}
			return tx.firstSecrets(ctx, row.ID)
		})
		// Two callers may choose the same next id; the second takes the one after.
		if id == 0 && uniqueViolation(err) && try < maxTries {
			continue
		}
		if err != nil {
			return Account{}, false, fmt.Errorf("account %d: %w", id, err)
		}
		return row.account(), made, nil
	}
}

// UpdateAccount changes an account by fn and returns it. Fn sees the newest state, may run several times, and must leave
// the id alone.
func (db *DB) UpdateAccount(ctx context.Context, id AccountID, fn func(*Account) error) (Account, error) {
	var out Account
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		if err := tx.lockAccount(ctx, id); err != nil {
			return err
		}
		a, err := account(ctx, tx.tx, id)
		if err != nil {
			return err
		}
		if err := fn(&a); err != nil {
			return err
		}
		if err := checkText("account name", a.Name, maxNameBytes); err != nil {
			return err
		}
		// While there was no limit, nothing was counted.
		if _, err := tx.tx.NewDelete().Table("entry_days").Where("account = ?", id).Exec(ctx); err != nil {
			return err
		}
		a.UpdatedAt = tx.now
		row := accountRow{
			ID: id, Name: a.Name, Status: a.Status, PlayWhileProcessing: a.PlayWhileProcessing, Details: a.Details,
			UpdatedAt: micros(a.UpdatedAt),
		}
		out = a
		_, err = tx.tx.NewUpdate().Model(&row).Column("name", "status", "play_while_processing", "details", "updated_at").
			WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return Account{}, fmt.Errorf("change account %d: %w", id, err)
	}
	return out, nil
}

// lockAccount makes this transaction the only one to change the account or its secrets.
func (tx *Tx) lockAccount(ctx context.Context, id AccountID) error {
	if !tx.db.postgres {
		return nil
	}
	var locked []AccountID
	return tx.tx.NewSelect().Table("accounts").Column("id").Where("id = ?", id).For("NO KEY UPDATE").Scan(ctx, &locked)
}

func (tx *Tx) ensureAccount(ctx context.Context, row *accountRow, next bool) (bool, error) {
	if next {
		var highest AccountID
		if err := tx.tx.NewSelect().Table("accounts").ColumnExpr("coalesce(max(id), 0)").Scan(ctx, &highest); err != nil {
			return false, err
		}
		row.ID = max(highest+1, firstAccount)
		if _, err := tx.tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return false, err
		}
		return true, tx.addDefaultAccess(ctx, row.ID)
	}
	res, err := tx.tx.NewInsert().Model(row).On("CONFLICT (id) DO NOTHING").Exec(ctx)
	if err != nil {
		return false, err
	}
	switch n, err := res.RowsAffected(); {
	case err != nil:
		return false, err
	case n == 1:
		return true, tx.addDefaultAccess(ctx, row.ID)
	}
	return false, tx.tx.NewSelect().Model(row).WherePK().Scan(ctx)
}

// Account returns the account id.
func (db *DB) Account(ctx context.Context, id AccountID) (Account, error) {
	return account(ctx, db.read, id)
}

func account(ctx context.Context, q bun.IDB, id AccountID) (Account, error) {
	var row accountRow
	if err := q.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx); err != nil {
		return Account{}, notFound(err, "account %d", id)
	}
	return row.account(), nil
}

// Accounts returns all accounts by id.
func (db *DB) Accounts(ctx context.Context) ([]Account, error) {
	var rows []accountRow
	if err := db.read.NewSelect().Model(&rows).Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	out := make([]Account, len(rows))
	for i, r := range rows {
		out[i] = r.account()
	}
	return out, nil
}

// notFound names the thing of a query that found nothing, or wraps another failure with that name.
func notFound(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
