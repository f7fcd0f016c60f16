package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the "sqlite" driver

	"sluice/catalog/seal"
)

const (
	// sqliteBusyTimeout is how long one process waits for another's write. Writes take milliseconds.
	sqliteBusyTimeout = 15 * time.Second
	sqliteReaders     = 4
	postgresConns     = 16

	// postgresIdleTx is how long a machine that stands still within a transaction, or lost its network, keeps the rows it
	// locked: PostgreSQL then ends its connection, and the others go on. Transactions of the catalog never wait for anything
	// else, so a machine that works needs milliseconds.
	postgresIdleTx      = "10s"
	postgresIdleTxParam = "idle_in_transaction_session_timeout"
)

// DB is the catalog's database. It is safe for concurrent use, and several processes may share one database.
type DB struct {
	// read serves queries outside transactions; write serves transactions. On SQLite write has one connection, because
	// the file has one writer; on PostgreSQL both are the same pool.
	read     *bun.DB
	write    *bun.DB
	postgres bool

	// turn is held by the one SQLite transaction of this process; a waiter leaves when its context ends. synced, which
	// belongs to its holder, says whether the connection waits for the disk at commit.
	turn   chan struct{}
	synced bool

	lookups lookups
	wakes   wakes

	// ring seals secrets; nil until Unlock.
	ring atomic.Pointer[seal.Ring]

	limits atomic.Pointer[Limits] // of accounts without their own; nil for none
}

// Open opens the catalog at location and brings its tables up to date. A location is "sqlite:///path/to/file" (the file
// is made when missing) or "postgres://user@host/database", where parameters of the session may follow behind a "?".
func Open(ctx context.Context, location string) (*DB, error) {
	scheme, rest, ok := strings.Cut(location, "://")
	if !ok {
		return nil, fmt.Errorf("open catalog: %w: location must start with sqlite:// or postgres://", ErrInvalid)
	}
	var db *DB
	var err error
	switch scheme {
	case "sqlite":
		db, err = openSQLite(ctx, rest)
	case "postgres", "postgresql":
		db, err = openPostgres(ctx, location)
	default:
		err = fmt.Errorf("%w: unknown database %q; use sqlite or postgres", ErrInvalid, scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	return db, nil
}

func openSQLite(ctx context.Context, path string) (*DB, error) {
	if path == "" || strings.ContainsAny(path, "?#\x00") || strings.HasPrefix(path, ":") {
		return nil, fmt.Errorf("%w: %q is not the path of a file", ErrInvalid, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	// The file holds account secrets: nobody else may read it.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	if err := registerFold(); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite", sqliteDSN(path, "immediate", "synchronous(full)"))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	if err := migrateSQLite(ctx, write, path); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := sql.Open("sqlite", sqliteDSN(path, "deferred", "query_only(1)"))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(sqliteReaders)
	read.SetMaxIdleConns(sqliteReaders)
	db := &DB{
		read:   bun.NewDB(read, dialect{sqlitedialect.New()}),
		write:  bun.NewDB(write, dialect{sqlitedialect.New()}),
		turn:   make(chan struct{}, 1),
		synced: true,
	}
	db.lookups = newLookups(db.read, "group_concat(a.params_id)")
	if err := db.lookups.prepare(ctx, db.read); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func sqliteDSN(path, lock, pragma string) string {
	q := url.Values{"_txlock": {lock}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", sqliteBusyTimeout.Milliseconds()),
		"journal_mode(wal)", "foreign_keys(1)", "cache_size(-32768)", "temp_store(memory)", pragma,
	}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

func openPostgres(ctx context.Context, location string) (*DB, error) {
	cfg, err := pgx.ParseConfig(location)
	if err != nil {
		return nil, err
	}
	// Each statement has its values in its text. To prepare them would cost a round trip more, and nothing would be met again.
	if !strings.Contains(location, "default_query_exec_mode") {
		cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	// Poolers refuse parameters that they do not know when a connection starts, and pass statements on.
	var setUp []stdlib.OptionOpenDB
	if _, set := cfg.RuntimeParams[postgresIdleTxParam]; !set {
		setUp = append(setUp, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "SET "+postgresIdleTxParam+" = '"+postgresIdleTx+"'")
			return err
		}))
	}
	pool := stdlib.OpenDB(*cfg, setUp...)
	pool.SetMaxOpenConns(postgresConns)
	pool.SetMaxIdleConns(postgresConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := migratePostgres(ctx, pool); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	db := bun.NewDB(pool, dialect{pgdialect.New()})
	return &DB{read: db, write: db, postgres: true, lookups: newLookups(db, "string_agg(a.params_id::text, ',')")}, nil
}

// Close closes the database's connections.
func (db *DB) Close() error {
	if db.postgres {
		return db.write.Close()
	}
	return errors.Join(db.read.Close(), db.write.Close())
}

// Check reports whether the database answers: readiness probes call it.
func (db *DB) Check(ctx context.Context) error {
	var one int
	if err := db.read.NewRaw("SELECT 1").Scan(ctx, &one); err != nil {
		return fmt.Errorf("check catalog: %w", err)
	}
	return nil
}

// Writers is how many transactions it is useful to run at once.
func (db *DB) Writers() int {
	if db.postgres {
		return postgresConns / 4
	}
	return 1
}
