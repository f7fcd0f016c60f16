package catalog_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/catalog"
)

// runChild is a process that works through the catalog at the location given: it claims tasks and completes them, each
// with an asset named after it, and prints the id of each after the commit. It stops after CATALOG_TEST_TASKS of them.
func runChild(location string) int {
	ctx := context.Background()
	db, err := catalog.Open(ctx, location)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	most, err := strconv.Atoi(os.Getenv("CATALOG_TEST_TASKS"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if err := workThrough(ctx, db, most, func(id catalog.TaskID) { fmt.Println(id) }); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// workThrough completes tasks until there are none, or most of them.
func workThrough(ctx context.Context, db *catalog.DB, most int, done func(catalog.TaskID)) error {
	for {
		offers, err := db.Runnable(ctx, catalog.StageProbe, 20, 0)
		if err != nil || len(offers) == 0 {
			return err
		}
		for _, o := range offers {
			got, err := db.ClaimMany(ctx, []catalog.TaskID{o.Task}, strconv.Itoa(os.Getpid()), time.Minute)
			if err != nil {
				return err
			}
			for _, task := range got {
				err := db.Complete(ctx, task.ID, task.Attempt, nil, func(tx *catalog.Tx) error {
					_, err := tx.AddAssets(ctx, task.Entry, []catalog.Asset{{Name: fmt.Sprint(task.ID)}})
					return err
				})
				if err != nil {
					return err
				}
				done(task.ID)
				if most--; most == 0 {
					return nil
				}
			}
		}
	}
}

func manyTasks(n int) []catalog.NewTask {
	tasks := make([]catalog.NewTask, n)
	for i := range tasks {
		tasks[i] = catalog.NewTask{Stage: catalog.StageProbe, Name: fmt.Sprint(i)}
	}
	return tasks
}

// child starts a process that does at most so many tasks of the catalog, and returns its output.
func child(t *testing.T, location string, most int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CATALOG_TEST_CHILD="+location, "CATALOG_TEST_TASKS="+strconv.Itoa(most))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewScanner(out)
}

func TestTwoProcessesShareOneFile(t *testing.T) {
	location := "sqlite://" + filepath.Join(t.TempDir(), "catalog.db")
	db := open(t, location)
	const n = 400
	e, _ := newEntry(t, db, manyTasks(n)...)
	// Half is left for this process, however slowly it is scheduled.
	cmd, out := child(t, location, n/2)
	var mu sync.Mutex
	by := map[catalog.TaskID][]string{}
	add := func(who string, id catalog.TaskID) {
		mu.Lock()
		defer mu.Unlock()
		by[id] = append(by[id], who)
	}
	if !out.Scan() { // the other process has begun
		t.Fatal("the other process did nothing")
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for line := out.Text(); ; line = out.Text() {
			id, err := strconv.ParseInt(line, 10, 64)
			if err != nil {
				t.Errorf("the other process: %s", line)
			}
			add("other", catalog.TaskID(id))
			if !out.Scan() {
				return
			}
		}
	}()
	if err := workThrough(t.Context(), db, n, func(id catalog.TaskID) { add("this", id) }); err != nil {
		t.Fatal(err)
	}
	<-read
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	shares := map[string]int{}
	for id, who := range by {
		if len(who) != 1 {
			t.Errorf("task %d was done by %v", id, who)
		}
		shares[who[0]]++
	}
	if len(by) != n || shares["this"] == 0 || shares["other"] == 0 {
		t.Errorf("%d tasks done of %d: %v", len(by), n, shares)
	}
	if assets, err := db.Assets(t.Context(), e.ID); err != nil || len(assets) != n {
		t.Errorf("%d assets, %v", len(assets), err)
	}
}

func TestKilledProcessLeavesWholeTransactions(t *testing.T) {
	everyLocation(t, func(t *testing.T, location string) {
		db := open(t, location)
		e, _ := newEntry(t, db, manyTasks(300)...)
		cmd, out := child(t, location, 300)
		reported := map[string]bool{}
		for range 50 {
			if !out.Scan() {
				t.Fatal("the process ended early")
			}
			reported[out.Text()] = true
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for out.Scan() {
			if line := out.Text(); line != "" {
				reported[line] = true
			}
		}
		_ = cmd.Wait()
		db = open(t, location)
		tasks, err := db.Tasks(t.Context(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		assets, err := db.Assets(t.Context(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		marked := map[string]bool{}
		for _, a := range assets {
			marked[a.Name] = true
		}
		for _, task := range tasks {
			id, done := fmt.Sprint(task.ID), task.State == catalog.TaskDone
			if reported[id] && !done {
				t.Errorf("task %s was reported done and is %s", id, task.State)
			}
			if done != marked[id] {
				t.Errorf("task %s is %s, and its asset is there: %t", id, task.State, marked[id])
			}
		}
	})
}

func TestCatalogOpensOnceForAllAndRefusesNewerSchemas(t *testing.T) {
	everyLocation(t, func(t *testing.T, location string) {
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				db, err := catalog.Open(t.Context(), location)
				if err != nil {
					t.Error(err)
					return
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		exec := rawExec(t, location)
		exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
		_, err := catalog.Open(t.Context(), location)
		if err == nil || !strings.Contains(err.Error(), "newer") {
			t.Errorf("opened a newer schema: %v", err)
		}
	})
}

func TestLocationsThatAreNone(t *testing.T) {
	for _, location := range []string{"", "catalog.db", "mysql://x", "sqlite://", "sqlite://:memory:", "sqlite:///x?mode=ro"} {
		if db, err := catalog.Open(t.Context(), location); err == nil {
			_ = db.Close()
			t.Errorf("%q was opened", location)
		}
	}
}
