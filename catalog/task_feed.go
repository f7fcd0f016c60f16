package catalog

import (
	"container/heap"
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// maxFeedAccounts bounds how many accounts one pass of the feeder looks at; the next pass goes on after them.
const maxFeedAccounts = 256

// Offer is a runnable task that the feeder may announce.
type Offer struct {
	Task    TaskID
	Account AccountID
}

// Runnable returns up to limit runnable tasks of a stage in the order they should be announced. Each next one is of the
// account that has the fewest tasks queued, running or already offered; among equals they take turns, beginning after the
// account last served. Within an account the order is priority, then the age of the entry, so that entries that were
// begun are finished before others are, then the task's own age. Of StageFetch an account never has more queued and running than
// Limits.Pulls says.
func (db *DB) Runnable(ctx context.Context, stage Stage, limit int, last AccountID) ([]Offer, error) {
	offers, err := db.runnable(ctx, stage, limit, last)
	if err != nil {
		return nil, fmt.Errorf("runnable tasks of stage %s: %w", stage, err)
	}
	return offers, nil
}

func (db *DB) runnable(ctx context.Context, stage Stage, limit int, last AccountID) ([]Offer, error) {
	if limit <= 0 {
		return nil, nil
	}
	accounts, err := db.feedAccounts(ctx, stage, last)
	if err != nil || len(accounts) == 0 {
		return nil, err
	}
	load, err := db.accountLoad(ctx, stage)
	if err != nil {
		return nil, err
	}
	var most map[AccountID]int64
	if stage == StageFetch {
		if most, err = db.pulls(ctx, accounts); err != nil {
			return nil, err
		}
	}
	now := micros(time.Now())
	d := make(deal, 0, len(accounts))
	for turn, a := range accounts {
		d = append(d, &dealer{account: a, load: load[a], turn: turn})
	}
	heap.Init(&d)
	var out []Offer
	for len(out) < limit && len(d) > 0 {
		next := d[0]
		if n := most[next.account]; n > 0 && int64(next.load) >= n {
			heap.Pop(&d)
			continue
		}
		if len(next.tasks) == 0 && !next.fetched {
			next.fetched = true
			err := db.read.NewSelect().Table("tasks").Column("id").Where("state = ?", TaskRunnable).Where("stage = ?", stage).
				Where("account = ?", next.account).Where("not_before <= ?", now).Order("priority", "entry_num", "id").
				Limit(int64(limit-len(out))).Scan(ctx, &next.tasks)
			if err != nil {
				return nil, err
			}
		}
		if len(next.tasks) == 0 {
			heap.Pop(&d)
			continue
		}
		out = append(out, Offer{Task: next.tasks[0], Account: next.account})
		next.tasks = next.tasks[1:]
		next.load++
		heap.Fix(&d, 0)
	}
	return out, nil
}

// RunnableStages returns the stages that have runnable tasks, due or not. It hops through the index from stage to stage.
func (db *DB) RunnableStages(ctx context.Context) ([]Stage, error) {
	var stages []Stage
	err := db.read.NewRaw(`
		WITH RECURSIVE hop (stage) AS (
			SELECT (SELECT min(stage) FROM tasks WHERE state = ?0)
			UNION ALL
			SELECT (SELECT min(stage) FROM tasks WHERE state = ?0 AND stage > hop.stage) FROM hop WHERE stage IS NOT NULL
		)
		SELECT stage FROM hop WHERE stage IS NOT NULL`, TaskRunnable).Scan(ctx, &stages)
	if err != nil {
		return nil, fmt.Errorf("stages with runnable tasks: %w", err)
	}
	return stages, nil
}

// feedAccounts returns the accounts that have runnable tasks of a stage, from the one after last on and around. It hops
// through the index from account to account: its cost is the accounts', not the tasks'.
func (db *DB) feedAccounts(ctx context.Context, stage Stage, last AccountID) ([]AccountID, error) {
	hop := func(beyond AccountID, n int) ([]AccountID, error) {
		var found []AccountID
		err := db.read.NewRaw(`
			WITH RECURSIVE hop (account, n) AS (
				SELECT (SELECT min(account) FROM tasks WHERE state = ?0 AND stage = ?1 AND account > ?2), 1
				UNION ALL
				SELECT (SELECT min(account) FROM tasks WHERE state = ?0 AND stage = ?1 AND account > hop.account), n + 1
				FROM hop WHERE account IS NOT NULL AND n < ?3
			)
			SELECT account FROM hop WHERE account IS NOT NULL`, TaskRunnable, stage, beyond, n).Scan(ctx, &found)
		return found, err
	}
	accounts, err := hop(last, maxFeedAccounts)
	if err != nil || last == 0 || len(accounts) == maxFeedAccounts {
		return accounts, err
	}
	around, err := hop(0, maxFeedAccounts-len(accounts))
	for _, a := range around {
		if a <= last {
			accounts = append(accounts, a)
		}
	}
	return accounts, err
}

// accountLoad counts the tasks of a stage that are queued or running, by account.
func (db *DB) accountLoad(ctx context.Context, stage Stage) (map[AccountID]int, error) {
	var rows []struct {
		Account AccountID
		N       int
	}
	err := db.read.NewSelect().Table("tasks").Column("account").ColumnExpr("count(*) AS n").
		Where("state IN (?, ?)", TaskQueued, TaskRunning).Where("stage = ?", stage).Group("account").Scan(ctx, &rows)
	load := make(map[AccountID]int, len(rows))
	for _, r := range rows {
		load[r.Account] = r.N
	}
	return load, err
}

// dealer is an account in a deal of tasks.
type dealer struct {
	account AccountID
	load    int
	turn    int
	fetched bool
	tasks   []TaskID
}

// deal is a heap of accounts, the least loaded first.
type deal []*dealer

func (d deal) Len() int { return len(d) }
func (d deal) Less(i, j int) bool {
	if d[i].load != d[j].load {
		return d[i].load < d[j].load
	}
	return d[i].turn < d[j].turn
}
func (d deal) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *deal) Push(x any)   { *d = append(*d, x.(*dealer)) }
func (d *deal) Pop() any {
	old := *d
	last := old[len(old)-1]
	*d = old[:len(old)-1]
	return last
}

// QueuedTasks returns the tasks of a stage that were marked queued before a time.
func (db *DB) QueuedTasks(ctx context.Context, stage Stage, before time.Time) ([]TaskID, error) {
	var ids []TaskID
	err := db.read.NewSelect().Table("tasks").Column("id").Where("state = ?", TaskQueued).Where("stage = ?", stage).
		Where("queued_at < ?", micros(before)).Order("id").Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("queued tasks of stage %s: %w", stage, err)
	}
	return ids, nil
}

// RequeueLost makes runnable again the tasks of a stage that were marked queued before a time and are not among announced:
// their announcement is lost. It reports how many they were.
func (db *DB) RequeueLost(ctx context.Context, stage Stage, announced []TaskID, before time.Time) (int, error) {
	queued, err := db.QueuedTasks(ctx, stage, before)
	if err != nil {
		return 0, err
	}
	known := make(map[TaskID]bool, len(announced))
	for _, id := range announced {
		known[id] = true
	}
	var lost []TaskID
	for _, id := range queued {
		if !known[id] {
			lost = append(lost, id)
		}
	}
	if len(lost) == 0 {
		return 0, nil
	}
	var n int64
	err = db.inTx(ctx, lazy, func(tx *Tx) error {
		open := tx.tx.NewSelect().Table("tasks").Column("id").Where("id IN (?)", bun.List(lost)).
			Where("state = ?", TaskQueued).Where("queued_at < ?", micros(before)).Order("id")
		if db.postgres {
			open = open.For("UPDATE")
		}
		res, err := tx.tx.NewUpdate().Table("tasks").Set("state = ?", TaskRunnable).Where("id IN (?)", open).Exec(ctx)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		tx.woken = true
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("requeue lost tasks of stage %s: %w", stage, err)
	}
	return int(n), nil
}

// TaskCounts counts the tasks that are not done or cancelled, by stage and state. Its cost does not grow with history.
func (db *DB) TaskCounts(ctx context.Context) (map[Stage]map[TaskState]int, error) {
	var rows []struct {
		Stage Stage
		State TaskState
		N     int
	}
	err := db.read.NewSelect().Table("tasks").Column("stage", "state").ColumnExpr("count(*) AS n").
		Where("state IN (?)", bun.List(append([]TaskState{TaskDead}, unfinished...))).Group("state", "stage").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count tasks: %w", err)
	}
	counts := map[Stage]map[TaskState]int{}
	for _, r := range rows {
		if counts[r.Stage] == nil {
			counts[r.Stage] = map[TaskState]int{}
		}
		counts[r.Stage][r.State] = r.N
	}
	return counts, nil
}
