package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// AcquireLease takes or renews a named lease until ttl from now. The flag says whether owner holds it; the token grows
// each time the lease changes hands, so that what an earlier holder still does can be told apart. Owners must be distinct
// names, and the clocks of the machines must agree to well within ttl.
func (db *DB) AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (token int64, ok bool, err error) {
	if name == "" || owner == "" || ttl <= 0 {
		return 0, false, fmt.Errorf("lease %q: %w: it needs a name, an owner and a time", name, ErrInvalid)
	}
	err = db.inTx(ctx, lazy, func(tx *Tx) error {
		now := micros(tx.now)
		return tx.tx.NewRaw(`
			INSERT INTO leases (name, owner, token, until) VALUES (?0, ?1, 1, ?2)
			ON CONFLICT (name) DO UPDATE SET owner = EXCLUDED.owner, until = EXCLUDED.until,
				token = CASE WHEN leases.owner = EXCLUDED.owner AND leases.until > ?3 THEN leases.token ELSE leases.token + 1 END
			WHERE leases.owner = EXCLUDED.owner OR leases.until <= ?3
			RETURNING token`, name, owner, micros(tx.now.Add(ttl)), now).Scan(ctx, &token)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("lease %q: %w", name, err)
	}
	return token, true, nil
}

// ReleaseLease gives a lease up before its time; one that is no longer owner's with this token is left alone.
func (db *DB) ReleaseLease(ctx context.Context, name, owner string, token int64) error {
	err := db.inTx(ctx, lazy, func(tx *Tx) error {
		_, err := tx.tx.NewUpdate().Table("leases").Set("until = 0").Where("name = ?", name).Where("owner = ?", owner).
			Where("token = ?", token).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("release lease %q: %w", name, err)
	}
	return nil
}
