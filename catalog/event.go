package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Names of the catalog's own events.
const (
	EventEntryCreated = "entry.created"
	EventEntryUpdated = "entry.updated"
	// EventEntryReady and EventEntryFailed come before the entry.updated of the same change.
	EventEntryReady   = "entry.ready"
	EventEntryFailed  = "entry.failed"
	EventEntryDeleted = "entry.deleted"
	EventAssetReady   = "asset.ready"
	EventAssetDeleted = "asset.deleted"
	EventTaskDead     = "task.dead"
	// EventReplacementReady and EventReplacementFailed are those of hidden entries, which are to replace another's content.
	// Whatever happens to a hidden entry is a replacement's event: to consumers of other events it does not exist.
	EventReplacementReady   = "replacement.ready"
	EventReplacementFailed  = "replacement.failed"
	EventReplacementUpdated = "replacement.updated"
	EventReplacementDeleted = "replacement.deleted"
)

type eventRow struct {
	bun.BaseModel `bun:"table:events"`

	Seq     int64     `bun:"seq,pk,autoincrement"`
	Name    string    `bun:"name"`
	Account AccountID `bun:"account"`
	Entry   EntryID   `bun:"entry"`
	Object  string    `bun:"object"`
	Data    string    `bun:"data"`
	At      int64     `bun:"at"`
}

// Emit adds an event to the transaction; data is encoded as JSON.
func (tx *Tx) Emit(name string, account AccountID, entry EntryID, object string, data any) error {
	text, err := encode(data)
	if err != nil {
		return fmt.Errorf("event %s of %s: %w", name, object, err)
	}
	tx.events = append(tx.events, eventRow{
		Name: name, Account: account, Entry: entry, Object: object, Data: text, At: micros(tx.now),
	})
	return nil
}

// outboxLock is PostgreSQL's advisory lock of those who write events.
const outboxLock = 0x736c75696365

// flushEvents writes the transaction's events as its last act. PostgreSQL gives out sequence numbers before a transaction
// commits, so a reader could see 8 before 7 and skip 7 for ever; a lock held from the first number to the commit makes
// the order of the numbers the order of the commits. SQLite has one writer anyway.
func (tx *Tx) flushEvents(ctx context.Context) error {
	if len(tx.events) == 0 {
		return nil
	}
	if err := tx.nameReplacements(ctx); err != nil {
		return fmt.Errorf("name events: %w", err)
	}
	if tx.db.postgres {
		if _, err := tx.tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", outboxLock); err != nil {
			return fmt.Errorf("lock outbox: %w", err)
		}
	}
	if _, err := tx.tx.NewInsert().Model(&tx.events).Exec(ctx); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

// nameReplacements gives the transaction's events of hidden entries and of their assets the names of a replacement's.
func (tx *Tx) nameReplacements(ctx context.Context) error {
	ids := map[EntryID]bool{}
	for _, e := range tx.events {
		if strings.HasPrefix(e.Name, "entry.") || strings.HasPrefix(e.Name, "asset.") {
			ids[e.Entry] = true
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var hidden []EntryID
	err := tx.tx.NewSelect().Table("entries").Column("id").Where("id IN (?)", bun.List(slices.Collect(maps.Keys(ids)))).Where("replaced <> ''").Scan(ctx, &hidden)
	if err != nil {
		return err
	}
	for i := range tx.events {
		e := &tx.events[i]
		noun, what, _ := strings.Cut(e.Name, ".")
		switch {
		case !slices.Contains(hidden, e.Entry):
		case noun == "entry":
			e.Name = "replacement." + what
		case noun == "asset":
			e.Name = EventReplacementUpdated
		}
	}
	return nil
}

// Events returns up to limit events after the sequence number, in order. Whoever reads on from the last one it handled
// misses none; after a crash it may see the last ones again.
func (db *DB) Events(ctx context.Context, after int64, limit int) ([]Event, error) {
	var rows []eventRow
	err := db.read.NewSelect().Model(&rows).Where("seq > ?", after).Order("seq").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	out := make([]Event, len(rows))
	for i, r := range rows {
		out[i] = Event{
			Seq: r.Seq, Name: r.Name, Account: r.Account, Entry: r.Entry, Object: r.Object, Data: decode(r.Data),
			At: fromMicros(r.At),
		}
	}
	return out, nil
}

// LastEvent returns the sequence number of the newest event, 0 when there is none: a consumer that cares only for what
// comes starts there.
func (db *DB) LastEvent(ctx context.Context) (int64, error) {
	var seq int64
	if err := db.read.NewSelect().Table("events").ColumnExpr("coalesce(max(seq), 0)").Scan(ctx, &seq); err != nil {
		return 0, fmt.Errorf("last event: %w", err)
	}
	return seq, nil
}

type cursorRow struct {
	bun.BaseModel `bun:"table:cursors"`

	Consumer  string `bun:"consumer,pk"`
	Seq       int64  `bun:"seq"`
	UpdatedAt int64  `bun:"updated_at"`
}

// Cursor returns the sequence number that consumer handled last; 0 when it is new.
func (db *DB) Cursor(ctx context.Context, consumer string) (int64, error) {
	var rows []cursorRow
	if err := db.read.NewSelect().Model(&rows).Where("consumer = ?", consumer).Scan(ctx); err != nil {
		return 0, fmt.Errorf("cursor of %s: %w", consumer, err)
	}
	if len(rows) == 0 {
		return 0, nil
	}
	return rows[0].Seq, nil
}

// SetCursor records that consumer handled all events up to seq. A cursor never goes back.
func (db *DB) SetCursor(ctx context.Context, consumer string, seq int64) error {
	err := db.inTx(ctx, durable, func(tx *Tx) error { return tx.SetCursor(ctx, consumer, seq) })
	if err != nil {
		return fmt.Errorf("set cursor of %s: %w", consumer, err)
	}
	return nil
}

// SetCursor moves a consumer's cursor together with the other changes of the transaction: what the consumer writes to
// the catalog then happens once.
func (tx *Tx) SetCursor(ctx context.Context, consumer string, seq int64) error {
	_, err := tx.tx.NewInsert().Model(&cursorRow{Consumer: consumer, Seq: seq, UpdatedAt: micros(tx.now)}).
		On("CONFLICT (consumer) DO UPDATE").Set("seq = EXCLUDED.seq").Set("updated_at = EXCLUDED.updated_at").
		Where("cursor_row.seq < EXCLUDED.seq").Exec(ctx)
	return err
}

// TrimEvents deletes up to limit events that are older than before and that every consumer with a cursor has handled,
// and reports how many.
func (db *DB) TrimEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int64
	err := db.inTx(ctx, lazy, func(tx *Tx) error {
		slowest := tx.tx.NewSelect().Table("cursors").ColumnExpr("min(seq)")
		old := tx.tx.NewSelect().Table("events").Column("seq").Where("at < ?", micros(before)).
			Where("seq <= coalesce((?), 9223372036854775807)", slowest).Order("at").Limit(int64(limit))
		res, err := tx.tx.NewDelete().Table("events").Where("seq IN (?)", old).Exec(ctx)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("trim events: %w", err)
	}
	return int(n), nil
}
