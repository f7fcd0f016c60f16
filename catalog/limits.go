package catalog

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Limits bound what an account takes in, besides its rate and its storage. In an account's details 0 is the installation's
// default; in that default it is none.
type Limits struct {
	// InFlight is how many bytes may be on their way in at once, to each server.
	InFlight int64 `json:"in_flight,omitempty"`
	// EntriesADay is how many entries may be made in a day, which begins at midnight UTC.
	EntriesADay int64 `json:"entries_a_day,omitempty"`
	// FolderFiles is how many files a drop folder may have at once.
	FolderFiles int64 `json:"folder_files,omitempty"`
	// Sessions is how many high-speed transfers may be open, and how many other files may come to each server at once.
	Sessions int64 `json:"sessions,omitempty"`
	// Pulls is how many files may be fetched from URLs at once, BulkJobs how many bulk jobs may run.
	Pulls    int64 `json:"pulls,omitempty"`
	BulkJobs int64 `json:"bulk_jobs,omitempty"`
}

// Or returns the limits with those of d where there are none.
func (l Limits) Or(d Limits) Limits {
	return Limits{
		InFlight: cmp.Or(l.InFlight, d.InFlight), EntriesADay: cmp.Or(l.EntriesADay, d.EntriesADay),
		FolderFiles: cmp.Or(l.FolderFiles, d.FolderFiles), Sessions: cmp.Or(l.Sessions, d.Sessions),
		Pulls: cmp.Or(l.Pulls, d.Pulls), BulkJobs: cmp.Or(l.BulkJobs, d.BulkJobs),
	}
}

// SetLimits sets the limits of accounts that have none of their own. Without it there are none.
func (db *DB) SetLimits(l Limits) { db.limits.Store(&l) }

func (db *DB) defaultLimits() Limits {
	if l := db.limits.Load(); l != nil {
		return *l
	}
	return Limits{}
}

// AccountLimits returns the limits of an account.
func (db *DB) AccountLimits(ctx context.Context, id AccountID) (Limits, error) {
	a, err := db.Account(ctx, id)
	return a.Details.Or(db.defaultLimits()), err
}

// ErrEntriesADay is the ErrQuota of an account that made all entries that it may make in a day.
var ErrEntriesADay = fmt.Errorf("%w: entries a day", ErrQuota)

const day = 24 * time.Hour

// EntriesLeft says whether the account may make an entry now: ErrEntriesADay when it may not.
func (db *DB) EntriesLeft(ctx context.Context, id AccountID) error {
	l, err := db.AccountLimits(ctx, id)
	if err != nil || l.EntriesADay == 0 {
		return err
	}
	var made []int64
	err = db.read.NewSelect().Table("entry_days").Column("n").Where("account = ?", id).Where("day = ?", dayOf(time.Now())).Scan(ctx, &made)
	if err != nil || len(made) == 0 || made[0] < l.EntriesADay {
		return err
	}
	return enough(id, l.EntriesADay)
}

func dayOf(t time.Time) int64 { return t.Unix() / int64(day/time.Second) }

func enough(id AccountID, most int64) error {
	refusals.WithLabelValues("entries_a_day").Inc()
	return fmt.Errorf("%w: account %d may make %d between midnight and midnight UTC", ErrEntriesADay, id, most)
}

// countEntries counts entries that were just made in the transaction, or refuses them: then it must come to nothing. Accounts without
// a limit pay nothing for it. The first entry of a day, or since there is a limit, counts those before it by their index.
func (tx *Tx) countEntries(ctx context.Context, a Account, made int) error {
	most := a.Details.Or(tx.db.defaultLimits()).EntriesADay
	if most == 0 || made == 0 {
		return nil
	}
	today := dayOf(tx.now)
	res, err := tx.tx.NewUpdate().Table("entry_days").Set("n = n + ?", made).
		Where("account = ?", a.ID).Where("day = ?", today).Where("n <= ?", most-int64(made)).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	known, err := tx.tx.NewSelect().Table("entry_days").Where("account = ?", a.ID).Where("day = ?", today).Exists(ctx)
	if err != nil {
		return err
	}
	if known {
		return enough(a.ID, most)
	}
	n, err := tx.tx.NewSelect().Table("entries").Where("account = ?", a.ID).
		Where("created_at >= ?", time.Unix(today*int64(day/time.Second), 0).UnixMicro()).Count(ctx)
	if err != nil {
		return err
	}
	// Another transaction may have begun the day at the same moment.
	var now int64
	err = tx.tx.NewRaw(`
		INSERT INTO entry_days (account, day, n) VALUES (?0, ?1, ?2) ON CONFLICT (account) DO UPDATE
		SET n = CASE WHEN entry_days.day = EXCLUDED.day THEN entry_days.n + ?3 ELSE EXCLUDED.n END, day = EXCLUDED.day
		RETURNING n`, a.ID, today, n, made).Scan(ctx, &now)
	if err == nil && now > most {
		err = enough(a.ID, most)
	}
	return err
}

// pulls returns how many files of URLs may be fetched at once for each of the accounts; 0 is any number.
func (db *DB) pulls(ctx context.Context, ids []AccountID) (map[AccountID]int64, error) {
	var rows []accountRow
	err := db.read.NewSelect().Model(&rows).Column("id", "details").Where("id IN (?)", bun.List(ids)).Scan(ctx)
	most := make(map[AccountID]int64, len(rows))
	for _, r := range rows {
		most[r.ID] = r.Details.Or(db.defaultLimits()).Pulls
	}
	return most, err
}
