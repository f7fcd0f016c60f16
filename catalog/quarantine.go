package catalog

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

type quarantineRow struct {
	bun.BaseModel `bun:"table:quarantine"`

	SHA256 string `bun:"sha256,pk"`
	Code   string `bun:"code"`
	At     int64  `bun:"at"`
}

// Quarantine records that content with this SHA-256 (hex) must not be opened again, and the error code that says why. The
// first reason stays.
func (db *DB) Quarantine(ctx context.Context, sha256, code string) error {
	if len(sha256) != 64 {
		return fmt.Errorf("quarantine: %w: %q is not a SHA-256", ErrInvalid, sha256)
	}
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		_, err := tx.tx.NewInsert().Model(&quarantineRow{SHA256: sha256, Code: reason(code), At: micros(tx.now)}).
			On("CONFLICT (sha256) DO NOTHING").Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("quarantine %s: %w", sha256, err)
	}
	return nil
}

// Quarantined returns the error code with which content is in quarantine; the flag says whether it is.
func (db *DB) Quarantined(ctx context.Context, sha256 string) (code string, ok bool, err error) {
	var rows []quarantineRow
	if err := db.read.NewSelect().Model(&rows).Where("sha256 = ?", sha256).Scan(ctx); err != nil {
		return "", false, fmt.Errorf("quarantine of %s: %w", sha256, err)
	}
	if len(rows) == 0 {
		return "", false, nil
	}
	return rows[0].Code, true, nil
}

// Unquarantine lets content be opened again.
func (db *DB) Unquarantine(ctx context.Context, sha256 string) error {
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		_, err := tx.tx.NewDelete().Model((*quarantineRow)(nil)).Where("sha256 = ?", sha256).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("unquarantine %s: %w", sha256, err)
	}
	return nil
}
