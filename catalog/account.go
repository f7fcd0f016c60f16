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

type accountRow struct {
	bun.BaseModel `bun:"table:accounts"`

	ID                  AccountID `bun:"id,pk"`
	Name                string    `bun:"name"`
	AdminSecret         string    `bun:"admin_secret"`
	UserSecret          string    `bun:"user_secret"`
	Status              int       `bun:"status"`
	PlayWhileProcessing bool      `bun:"play_while_processing"`
	CreatedAt           int64     `bun:"created_at"`
	UpdatedAt           int64     `bun:"updated_at"`
}

func (r accountRow) account() Account {
	return Account{
		ID: r.ID, Name: r.Name, AdminSecret: r.AdminSecret, UserSecret: r.UserSecret, Status: r.Status,
		PlayWhileProcessing: r.PlayWhileProcessing, CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt),
	}
}

// EnsureAccount returns the account id, and makes it with random secrets when there is none; the flag says whether it
// was made. With id 0 a new account gets the next free id.
func (db *DB) EnsureAccount(ctx context.Context, id AccountID, name string) (Account, bool, error) {
	if id < 0 {
		return Account{}, false, fmt.Errorf("account %d: %w: ids are positive", id, ErrInvalid)
	}
	if err := checkText("account name", name, maxNameBytes); err != nil {
		return Account{}, false, err
	}
	now := micros(time.Now())
	row := accountRow{
		ID: id, Name: name, AdminSecret: newSecret(), UserSecret: newSecret(), Status: 1, PlayWhileProcessing: true,
		CreatedAt: now, UpdatedAt: now,
	}
	var made bool
	for try := 1; ; try++ {
		err := db.inTx(ctx, durable, func(tx *Tx) (err error) {
			made, err = tx.ensureAccount(ctx, &row, id == 0)
			return err
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
