package catalog

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
)

// Tx is a transaction of the catalog. Its methods mirror those of DB. It must not leave the function it was given to,
// and that function must be quick: on SQLite no one else writes meanwhile. Events are written just before the commit.
type Tx struct {
	tx     bun.IDB
	db     *DB
	now    time.Time
	events []eventRow
	// woken says that tasks became runnable.
	woken bool
}

// durability says whether a commit waits for the disk. Losing a lazy commit to a power cut only repeats work.
type durability bool

const (
	durable durability = true
	lazy    durability = false
)

// maxTries bounds how often a transaction that lost against another one is run again.
const maxTries = 8

// InTx runs fn in one transaction and commits when fn returns nil. Fn may run several times, each time from the start,
// when the database asks for it.
func (db *DB) InTx(ctx context.Context, fn func(tx *Tx) error) error {
	return db.inTx(ctx, durable, fn)
}

// InLazyTx is InTx for what is only done again when it is lost: its commit does not wait for the disk, so a power cut may undo it,
// though never without what was committed after it.
func (db *DB) InLazyTx(ctx context.Context, fn func(tx *Tx) error) error {
	return db.inTx(ctx, lazy, fn)
}

func (db *DB) inTx(ctx context.Context, d durability, fn func(tx *Tx) error) error {
	for try := 1; ; try++ {
		tx, err := db.tryTx(ctx, d, fn)
		if err == nil {
			if tx.woken {
				db.wakes.signal()
			}
			return nil
		}
		if try == maxTries || !lostRace(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(1+rand.IntN(10*try)) * time.Millisecond):
		}
	}
}

func (db *DB) tryTx(ctx context.Context, d durability, fn func(tx *Tx) error) (*Tx, error) {
	if !db.postgres {
		select {
		case db.turn <- struct{}{}:
			defer func() { <-db.turn }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := db.setSync(ctx, d); err != nil {
			return nil, err
		}
	}
	btx, err := db.write.BeginTx(ctx, &sql.TxOptions{})
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = btx.Rollback() }() // does nothing after the commit
	if db.postgres && d == lazy {
		if _, err := btx.ExecContext(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
			return nil, err
		}
	}
	tx := &Tx{tx: btx, db: db, now: time.Now()}
	if err := fn(tx); err != nil {
		return nil, err
	}
	if err := tx.flushEvents(ctx); err != nil {
		return nil, err
	}
	if err := btx.Commit(); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	return tx, nil
}

// setSync makes the writing connection's commits wait for the disk, or not. A new connection starts with waiting, so a
// wrong db.synced can only cost time.
func (db *DB) setSync(ctx context.Context, d durability) error {
	if db.synced == bool(d) {
		return nil
	}
	pragma := "PRAGMA synchronous = normal"
	if d == durable {
		pragma = "PRAGMA synchronous = full"
	}
	if _, err := db.write.ExecContext(ctx, pragma); err != nil {
		return err
	}
	db.synced = bool(d)
	return nil
}

// savepoint runs fn in a part of the transaction that is undone alone when fn fails.
func (tx *Tx) savepoint(ctx context.Context, fn func() error) error {
	outer, ok := tx.tx.(bun.Tx)
	if !ok {
		return errors.New("savepoint outside a transaction")
	}
	events, woken := len(tx.events), tx.woken
	inner, err := outer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	tx.tx = inner
	err = fn()
	tx.tx = outer
	if err != nil {
		tx.events, tx.woken = tx.events[:events], woken
		return errors.Join(err, inner.Rollback())
	}
	return inner.Commit()
}

// guard runs a statement that may meet a unique value, so that the transaction can go on when it does: PostgreSQL would
// refuse everything after it, SQLite undoes the one statement by itself.
func (tx *Tx) guard(ctx context.Context, statement func() error) error {
	if !tx.db.postgres {
		return statement()
	}
	return tx.savepoint(ctx, statement)
}

// lockEntries makes this transaction the only one to change these entries, their assets and their tasks. PostgreSQL
// locks the rows, in the order of their ids so that two transactions never wait for each other; SQLite has one writer.
func (tx *Tx) lockEntries(ctx context.Context, ids ...EntryID) error {
	if !tx.db.postgres || len(ids) == 0 {
		return nil
	}
	var locked []string
	return tx.tx.NewSelect().Table("entries").Column("id").Where("id IN (?)", bun.List(ids)).Order("id").
		For("NO KEY UPDATE").Scan(ctx, &locked)
}

// lostRace reports whether err means that the same transaction may succeed when run again. A bad connection is one that
// ended before the statement reached the server: what the transaction did before is undone.
func lostRace(err error) bool {
	if errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		const serializationFailure, deadlock, idleInTransaction = "40001", "40P01", "25P03"
		return pg.Code == serializationFailure || pg.Code == deadlock || pg.Code == idleInTransaction
	}
	return false
}

// uniqueViolation reports whether err says that a unique value exists already.
func uniqueViolation(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite interface{ Code() int }
	const constraintUnique, constraintPrimaryKey = 2067, 1555
	return errors.As(err, &lite) && (lite.Code() == constraintUnique || lite.Code() == constraintPrimaryKey)
}
