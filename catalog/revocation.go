package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Revocation says that a session, or a group of sessions, is no longer good. Key is its id.
type Revocation struct {
	bun.BaseModel `bun:"table:revocations"`

	Key       string    `bun:"key,pk"`
	Account   AccountID `bun:"account"`
	ExpiresAt Stamp     `bun:"expires_at"` // when no such session can be valid any more
}

// Revoke records revocations. One that exists lasts until the later of both ends.
func (db *DB) Revoke(ctx context.Context, list ...Revocation) error {
	if len(list) == 0 {
		return nil
	}
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		_, err := tx.tx.NewInsert().Model(&list).On("CONFLICT (key) DO UPDATE").Set("expires_at = EXCLUDED.expires_at").
			Where("revocation.expires_at < EXCLUDED.expires_at").Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke %s: %w", list[0].Key, err)
	}
	return nil
}

// Revoked says whether any of the keys is revoked.
func (db *DB) Revoked(ctx context.Context, keys ...string) (bool, error) {
	n, err := db.read.NewSelect().Table("revocations").Where("key IN (?)", bun.List(keys)).Count(ctx)
	if err != nil {
		return false, fmt.Errorf("look up revocations: %w", err)
	}
	return n > 0, nil
}

// Revocations returns up to limit revocations after a key, in the order of keys.
func (db *DB) Revocations(ctx context.Context, after string, limit int) ([]Revocation, error) {
	var out []Revocation
	err := db.read.NewSelect().Model(&out).Where("key > ?", after).Order("key").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list revocations: %w", err)
	}
	return out, nil
}

// TrimRevocations deletes up to limit revocations that ended before, and reports how many.
func (db *DB) TrimRevocations(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int64
	err := db.inTx(ctx, lazy, func(tx *Tx) error {
		old := tx.tx.NewSelect().Table("revocations").Column("key").Where("expires_at < ?", StampOf(before)).Limit(int64(limit))
		res, err := tx.tx.NewDelete().Table("revocations").Where("key IN (?)", old).Exec(ctx)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("trim revocations: %w", err)
	}
	return int(n), nil
}
