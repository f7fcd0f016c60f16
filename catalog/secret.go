package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"sluice/catalog/seal"
)

// ErrLocked says that the catalog has no key for the secrets it holds.
var ErrLocked = errors.New("the catalog has no key for its secrets")

// SecretKind says what a secret of an account is good for.
type SecretKind string

// Kinds of secrets. Sessions of every type are signed with an admin secret; a user secret starts user sessions only.
const (
	AdminSecret SecretKind = "admin"
	UserSecret  SecretKind = "user"
)

// Secret is a secret of an account.
type Secret struct {
	ID        int64
	Account   AccountID
	Kind      SecretKind
	Text      string
	CreatedAt time.Time
	// ExpiresAt is when it stops verifying; zero for the one that is in use.
	ExpiresAt time.Time
}

type secretRow struct {
	bun.BaseModel `bun:"table:account_secrets"`

	ID        int64      `bun:"id,pk,autoincrement"`
	Account   AccountID  `bun:"account"`
	Kind      SecretKind `bun:"kind"`
	Sealed    string     `bun:"sealed"`
	CreatedAt Stamp      `bun:"created_at"`
	ExpiresAt Stamp      `bun:"expires_at"`
}

func (r secretRow) place() string { return fmt.Sprintf("%s secret of account %d", r.Kind, r.Account) }

// seal seals a secret for its place in the catalog.
func (db *DB) seal(secret, place string) (string, error) {
	ring := db.ring.Load()
	if ring == nil {
		return "", fmt.Errorf("seal %s: %w", place, ErrLocked)
	}
	return ring.Seal(secret, place), nil
}

// unseal is the reverse of seal.
func (db *DB) unseal(sealed, place string) (string, error) {
	ring := db.ring.Load()
	if ring == nil {
		return "", fmt.Errorf("open %s: %w", place, ErrLocked)
	}
	return ring.Open(sealed, place)
}

// Seal seals a secret that is kept in a place of the catalog which other rooms write: the words that say which are bound to it.
func (db *DB) Seal(secret, place string) (string, error) { return db.seal(secret, place) }

// Unseal is the reverse of Seal, for the same words.
func (db *DB) Unseal(sealed, place string) (string, error) { return db.unseal(sealed, place) }

// Secrets returns the secrets of an account that verify now, the newest of each kind first.
func (db *DB) Secrets(ctx context.Context, account AccountID) ([]Secret, error) {
	var rows []secretRow
	err := db.read.NewSelect().Model(&rows).Where("account = ?", account).
		Where("expires_at = 0 OR expires_at > ?", StampOf(time.Now())).Order("id DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("secrets of account %d: %w", account, err)
	}
	out := make([]Secret, len(rows))
	for i, r := range rows {
		text, err := db.unseal(r.Sealed, r.place())
		if err != nil {
			return nil, err
		}
		out[i] = Secret{
			ID: r.ID, Account: r.Account, Kind: r.Kind, Text: text, CreatedAt: r.CreatedAt.Time(), ExpiresAt: r.ExpiresAt.Time(),
		}
	}
	return out, nil
}

// RotateSecrets gives an account new secrets of the kinds. Those it has stop verifying after grace; those that expired
// before are deleted.
func (db *DB) RotateSecrets(ctx context.Context, account AccountID, grace time.Duration, kinds ...SecretKind) error {
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		if err := tx.lockAccount(ctx, account); err != nil {
			return err
		}
		ends := StampOf(tx.now.Add(max(grace, 0)))
		for _, kind := range kinds {
			mine := func(q bun.QueryBuilder) bun.QueryBuilder {
				return q.Where("account = ?", account).Where("kind = ?", kind)
			}
			if _, err := tx.tx.NewUpdate().Table("account_secrets").Set("expires_at = ?", ends).ApplyQueryBuilder(mine).
				Where("expires_at = 0 OR expires_at > ?", ends).Exec(ctx); err != nil {
				return err
			}
			if _, err := tx.tx.NewDelete().Table("account_secrets").ApplyQueryBuilder(mine).
				Where("expires_at <= ?", StampOf(tx.now)).Exec(ctx); err != nil {
				return err
			}
			if err := tx.addSecret(ctx, account, kind, newSecret()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("rotate secrets of account %d: %w", account, err)
	}
	return nil
}

func (tx *Tx) addSecret(ctx context.Context, account AccountID, kind SecretKind, text string) error {
	row := secretRow{Account: account, Kind: kind, CreatedAt: StampOf(tx.now)}
	var err error
	if row.Sealed, err = tx.db.seal(text, row.place()); err != nil {
		return err
	}
	_, err = tx.tx.NewInsert().Model(&row).Exec(ctx)
	return err
}

// firstSecrets gives a new account its secrets. While the catalog is locked it gets none: Unlock makes up for it.
func (tx *Tx) firstSecrets(ctx context.Context, account AccountID) error {
	if tx.db.ring.Load() == nil {
		return nil
	}
	return errors.Join(
		tx.addSecret(ctx, account, UserSecret, newSecret()),
		tx.addSecret(ctx, account, AdminSecret, newSecret()),
	)
}

// Unlock gives the catalog the keys of its secrets: whatever is stored from now on is sealed with the first of them.
// Accounts without secrets get theirs, and are returned; secrets that older programs stored in the clear, or that are
// sealed with another key of the ring, are sealed anew. It fails when a secret opens with none of the keys.
func (db *DB) Unlock(ctx context.Context, ring *seal.Ring) (made []AccountID, err error) {
	db.ring.Store(ring)
	if err := db.hideOldSecrets(ctx); err != nil {
		return nil, fmt.Errorf("unlock catalog: %w", err)
	}
	err = db.inTx(ctx, durable, func(tx *Tx) (err error) {
		if err := tx.resealSecrets(ctx, ring); err != nil {
			return err
		}
		if err := tx.resealTokens(ctx, ring); err != nil {
			return err
		}
		if err := tx.resealPasswords(ctx, ring); err != nil {
			return err
		}
		if err := tx.resealDropFolders(ctx, ring); err != nil {
			return err
		}
		made, err = tx.missingSecrets(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unlock catalog: %w", err)
	}
	return made, nil
}

// missingSecrets gives the accounts without secrets theirs and returns them.
func (tx *Tx) missingSecrets(ctx context.Context) (made []AccountID, err error) {
	var ids []AccountID
	err = tx.tx.NewSelect().Table("accounts").Column("id").
		Where("NOT EXISTS (SELECT 1 FROM account_secrets AS s WHERE s.account = accounts.id)").Order("id").Scan(ctx, &ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := tx.lockAccount(ctx, id); err != nil {
			return nil, err
		}
		n, err := tx.tx.NewSelect().Table("account_secrets").Where("account = ?", id).Count(ctx)
		if err != nil {
			return nil, err
		}
		if n > 0 { // another process was faster
			continue
		}
		if err := tx.firstSecrets(ctx, id); err != nil {
			return nil, err
		}
		made = append(made, id)
	}
	return made, nil
}

// hideOldSecrets moves secrets that are in the clear to where they are sealed. SQLite is told to overwrite them in its file.
func (db *DB) hideOldSecrets(ctx context.Context) error {
	var rows []accountRow
	if err := db.read.NewSelect().Model(&rows).Where("admin_secret <> '' OR user_secret <> ''").Scan(ctx); err != nil || len(rows) == 0 {
		return err
	}
	if !db.postgres {
		if _, err := db.write.ExecContext(ctx, "PRAGMA secure_delete = on"); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if err := db.inTx(ctx, durable, func(tx *Tx) error { return tx.hideOldSecrets(ctx, r.ID) }); err != nil {
			return err
		}
	}
	if db.postgres {
		return nil
	}
	_, err := db.write.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

func (tx *Tx) hideOldSecrets(ctx context.Context, id AccountID) error {
	if err := tx.lockAccount(ctx, id); err != nil {
		return err
	}
	row := accountRow{ID: id}
	if err := tx.tx.NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return err
	}
	for _, s := range []struct {
		kind SecretKind
		text string
	}{{UserSecret, row.UserSecret}, {AdminSecret, row.AdminSecret}} {
		if s.text == "" {
			continue
		}
		if err := tx.addSecret(ctx, id, s.kind, s.text); err != nil {
			return err
		}
	}
	_, err := tx.tx.NewUpdate().Table("accounts").Set("admin_secret = ''").Set("user_secret = ''").Where("id = ?", id).Exec(ctx)
	return err
}

func (tx *Tx) resealSecrets(ctx context.Context, ring *seal.Ring) error {
	var rows []secretRow
	if err := tx.tx.NewSelect().Model(&rows).Order("id").Scan(ctx); err != nil {
		return err
	}
	for _, r := range rows {
		sealed, changed, err := reseal(ring, r.Sealed, r.place())
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		if _, err := tx.tx.NewUpdate().Table("account_secrets").Set("sealed = ?", sealed).Where("id = ?", r.ID).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// reseal seals a text with the ring's first key unless it is already.
func reseal(ring *seal.Ring, sealed, place string) (string, bool, error) {
	secret, err := ring.Open(sealed, place)
	if err != nil {
		return "", false, err
	}
	if ring.Current(sealed) {
		return sealed, false, nil
	}
	return ring.Seal(secret, place), true, nil
}
