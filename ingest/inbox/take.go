package inbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/complete"
	"sluice/storage"
)

// job is a complete file to take.
type job struct {
	rel     string
	account catalog.AccountID
	dedup   string
}

// result is what became of a job.
type result struct {
	job
	entry    catalog.EntryID
	rejected string // where the file is now, if its name was refused
	err      error
}

// work takes files until ctx ends.
func (b *Inbox) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-b.jobs:
			r := b.take(ctx, j)
			select {
			case b.results <- r:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (b *Inbox) take(ctx context.Context, j job) result {
	r := result{job: j}
	name := path.Base(j.rel)
	if err := ingest.CheckName(name); err != nil {
		r.rejected, r.err = b.reject(j.rel, err)
		return r
	}
	if r.err = b.ensure(ctx, j.account); r.err != nil {
		return r
	}
	e, err := b.cfg.Ingester.Ingest(ctx, ingest.Request{
		Account: j.account, Path: b.path(j.rel), ReferenceID: ingest.Slug(name), Door: "inbox", Move: true, DedupKey: j.dedup,
	})
	r.entry, r.err = e.ID, err
	if m := b.cfg.Marker; m != "" && err == nil {
		if err := os.Remove(b.path(j.rel + m)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			b.cfg.Log.Warn("a marker could not be removed", "file", complete.Shown(j.rel+m), "error", err)
		}
	}
	return r
}

// ensure makes the account of an account's folder, once.
func (b *Inbox) ensure(ctx context.Context, id catalog.AccountID) error {
	if id == b.cfg.Account || b.cfg.EnsureAccount == nil {
		return nil
	}
	if _, done := b.accounts.Load(id); done {
		return nil
	}
	if err := b.cfg.EnsureAccount(ctx, id); err != nil {
		return fmt.Errorf("account %d: %w", id, err)
	}
	b.accounts.Store(id, true)
	return nil
}

// reject keeps a file that can never come in, with the reason beside it.
func (b *Inbox) reject(rel string, why error) (string, error) {
	var id [4]byte
	_, _ = rand.Read(id[:])
	dir := b.path(filepath.Join(".rejected", time.Now().UTC().Format("20060102T150405-")+hex.EncodeToString(id[:])))
	if err := os.MkdirAll(dir, 0o770); err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s\n%s\n", complete.Shown(rel), why)
	err := os.WriteFile(dir+".reason.txt", []byte(text), 0o660)
	if err == nil {
		err = os.Rename(b.path(rel), filepath.Join(dir, path.Base(rel)))
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir), os.RemoveAll(dir+".reason.txt"))
	}
	b.cfg.Log.Warn("a file was refused", "file", complete.Shown(rel), "reason", why, "kept", dir)
	return dir, nil
}

// finish deals with the result of a job.
func (b *Inbox) finish(r result) {
	f := b.files[r.rel]
	if f == nil {
		return
	}
	now := time.Now()
	switch {
	case r.rejected != "":
		b.status.Rejected++
		b.leave(f)
	case r.err == nil, errors.Is(r.err, catalog.ErrConflict) && r.entry != "":
		b.status.Taken++
		b.leave(f)
	case errors.Is(r.err, fs.ErrNotExist):
		b.leave(f)
	case errors.Is(r.err, ingest.ErrNotRegular):
		f.state, f.why = Ignored, reason(r.err)
	case errors.Is(r.err, storage.ErrChanged):
		f.Seen, f.Changed, f.Looks = complete.None, now, 0
		b.look(f, now)
	default:
		b.retry(f, r.err, now)
	}
}

// leave forgets a file that is no longer here. Another may have its name already.
func (b *Inbox) leave(f *file) {
	b.forget(f.rel, f)
	b.visit(f.rel, complete.None)
}

// retry keeps the file for another try, later each time.
func (b *Inbox) retry(f *file, err error, now time.Time) {
	pause := b.cfg.firstRetry << min(f.tries, 20)
	if pause > lastRetry || pause <= 0 {
		pause = lastRetry
	}
	f.state, f.why = Waiting, "it could not be taken: "+err.Error()
	if errors.Is(err, storage.ErrFull) {
		f.why = "there is no room: " + err.Error()
		pause = b.cfg.fullPause
		b.pause = now.Add(pause)
	} else {
		f.tries++
	}
	b.cfg.Log.Warn("a file could not be taken; it is tried again", "file", complete.Shown(f.rel), "in", pause, "error", err)
	b.dues.set(f, now.Add(pause))
}
