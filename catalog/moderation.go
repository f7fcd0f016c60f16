package catalog

import (
	"context"

	"github.com/uptrace/bun"
)

// ModerationFlag is a viewer's complaint about an entry.
type ModerationFlag struct {
	bun.BaseModel `bun:"table:moderation_flags"`
	Record

	ID       int64   `bun:"id,pk,autoincrement"`
	Entry    EntryID `bun:"entry"`
	By       string  `bun:"flagged_by"`
	Kind     int     `bun:"kind"`   // KalturaModerationFlagType on the wire
	Status   int     `bun:"status"` // FlagPending or FlagSettled
	Comments string  `bun:"comments"`
}

// States of flags; the values are the wire's.
const (
	FlagPending = 1
	FlagSettled = 2
)

var moderationFlags = table[ModerationFlag, *ModerationFlag]{
	noun: "moderation flag",
	fields: fields{
		"id": {"id", kindInt}, "entryId": {"entry", kindText}, "status": {"status", kindInt}, "createdAt": {"created_at", kindTime},
	},
	check: func(f *ModerationFlag) error { return checkText("comments", f.Comments, maxReasonBytes) },
}

// FlagEntry stores a complaint about an entry of the account and marks the entry for review.
func (db *DB) FlagEntry(ctx context.Context, account AccountID, f ModerationFlag) (made ModerationFlag, err error) {
	err = db.InTx(ctx, func(tx *Tx) error {
		f.Status = FlagPending
		if made, err = moderationFlags.insert(ctx, tx, account, f); err != nil {
			return err
		}
		return tx.UpdateEntry(ctx, f.Entry, func(e *Entry) error {
			e.Moderation = ModerationFlagged
			e.Flags++
			return nil
		})
	})
	return made, err
}

// Moderate gives an entry of the account a moderation status; what was complained about it is settled.
func (db *DB) Moderate(ctx context.Context, account AccountID, entry EntryID, status ModerationStatus) error {
	return db.InTx(ctx, func(tx *Tx) error {
		_, err := tx.tx.NewUpdate().Table("moderation_flags").Set("status = ?", FlagSettled).Set("updated_at = ?", StampOf(tx.now)).
			Where("account = ?", account).Where("entry = ?", entry).Where("status = ?", FlagPending).Exec(ctx)
		if err != nil {
			return err
		}
		return tx.UpdateEntry(ctx, entry, func(e *Entry) error {
			e.Moderation, e.Flags = status, 0
			return nil
		})
	})
}

// ModerationFlags returns a page of the complaints of an account, newest first, and how many there are on all pages.
func (db *DB) ModerationFlags(ctx context.Context, account AccountID, q Query) ([]ModerationFlag, int, error) {
	return moderationFlags.list(ctx, db, account, q)
}
