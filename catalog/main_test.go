package catalog_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/internal/pgtest"
)

// everyDatabase runs a test on a fresh catalog in SQLite and in PostgreSQL.
func everyDatabase(t *testing.T, test func(t *testing.T, db *catalog.DB)) {
	t.Helper()
	everyLocation(t, func(t *testing.T, location string) { test(t, open(t, location)) })
}

// everyLocation runs a test on a fresh location in SQLite and in PostgreSQL.
func everyLocation(t *testing.T, test func(t *testing.T, location string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite://"+filepath.Join(t.TempDir(), "catalog.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgres(t)) })
}

// rawExec returns a function that runs a statement on a location, past the catalog.
func rawExec(t testing.TB, location string) func(statement string) {
	t.Helper()
	driver, name := "pgx", location
	if path, ok := strings.CutPrefix(location, "sqlite://"); ok {
		driver, name = "sqlite", path
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t testing.TB, url string) *catalog.DB {
	t.Helper()
	db, err := catalog.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// One PostgreSQL server serves all tests of the package, each with a database of its own.
var server struct {
	once sync.Once
	tb   *packageTB
	url  string
	skip string
}

func postgres(t testing.TB) string {
	t.Helper()
	server.once.Do(func() {
		server.tb = &packageTB{TB: t}
		server.url = pgtest.Start(server.tb)
	})
	if server.url == "" {
		t.Skip("needs PostgreSQL")
	}
	return pgtest.NewDatabase(t, server.url)
}

// packageTB keeps what pgtest cleans up until all tests have run.
type packageTB struct {
	testing.TB
	cleanups []func()
}

func (p *packageTB) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }

func TestMain(m *testing.M) {
	if child := os.Getenv("CATALOG_TEST_CHILD"); child != "" {
		os.Exit(runChild(child))
	}
	code := m.Run()
	if server.tb != nil {
		for i := len(server.tb.cleanups) - 1; i >= 0; i-- {
			server.tb.cleanups[i]()
		}
	}
	os.Exit(code)
}

// newAccount makes account id.
func newAccount(t testing.TB, db *catalog.DB, id catalog.AccountID) {
	t.Helper()
	if _, _, err := db.EnsureAccount(t.Context(), id, fmt.Sprintf("account %d", id)); err != nil {
		t.Fatal(err)
	}
}

// newEntry makes an entry with tasks in account 1.
func newEntry(t testing.TB, db *catalog.DB, tasks ...catalog.NewTask) (catalog.Entry, []catalog.Task) {
	t.Helper()
	newAccount(t, db, 1)
	e, _, made, err := db.CreateEntry(t.Context(), catalog.NewEntry{Account: 1, Name: t.Name()}, nil, tasks)
	if err != nil {
		t.Fatal(err)
	}
	return e, made
}

func claim(t testing.TB, db *catalog.DB, id catalog.TaskID) catalog.Task {
	t.Helper()
	task, err := db.Claim(t.Context(), id, "worker", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// finish claims and completes a task.
func finish(t testing.TB, db *catalog.DB, id catalog.TaskID) {
	t.Helper()
	task := claim(t, db, id)
	if err := db.Complete(t.Context(), id, task.Attempt, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// states returns the states of an entry's tasks by name.
func states(t testing.TB, db *catalog.DB, entry catalog.EntryID) map[string]catalog.TaskState {
	t.Helper()
	tasks, err := db.Tasks(t.Context(), entry)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]catalog.TaskState{}
	for _, task := range tasks {
		out[task.Name] = task.State
	}
	return out
}

// eventNames returns the names of all events of an entry in order.
func eventNames(t testing.TB, db *catalog.DB, entry catalog.EntryID) []string {
	t.Helper()
	events, err := db.Events(context.Background(), 0, 10000)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		if e.Entry == entry {
			out = append(out, e.Name)
		}
	}
	return out
}
