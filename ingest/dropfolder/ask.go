package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/ingest/hook"
)

// askers bounds the questions of a batch that are asked at a time.
const askers = 16

// awayRetry is how often a file is asked about while nobody answers.
const awayRetry = 15 * time.Second

// permitted leaves the jobs out whose files the hook does not want, or about which it says nothing: those wait. What it says of the others
// is in the jobs.
func (fo *folder) permitted(ctx context.Context, jobs []job) ([]job, error) {
	if fo.cfg.Ask == nil {
		return jobs, nil
	}
	errs := make([][]error, len(jobs))
	aside(askers, len(jobs), func(i int) {
		for _, f := range jobs[i].toTake() {
			a, err := fo.ask(ctx, fo.question(jobs[i], f))
			if errs[i] = append(errs[i], err); len(errs[i]) == 1 {
				jobs[i].answer = a // of several flavors, the first speaks for the entry
			}
		}
	})
	left := make([]job, 0, len(jobs))
	for i, j := range jobs {
		if errors.Join(errs[i]...) == nil {
			left = append(left, j)
			continue
		}
		files := make([]taken, len(j.toTake()))
		for k, f := range j.toTake() {
			files[k] = taken{DropFolderFile: f, path: fo.place(f)}
			if errors.Is(errs[i][k], hook.ErrDenied) {
				_, reason, _ := strings.Cut(errs[i][k].Error(), ": ")
				errs[i][k] = trouble(CodeDenied, "%q is not to come in: %s. Remove it, or have that changed and retry.", complete.Shown(f.Path), reason)
			}
		}
		if err := fo.failJob(ctx, j, files, errs[i]); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// ask refuses answers that lead nowhere.
func (fo *folder) ask(ctx context.Context, q hook.Question) (hook.Answer, error) {
	a, err := fo.cfg.Ask(ctx, q)
	if err == nil && a.Profile != 0 {
		if _, err = fo.cfg.Catalog.ConversionProfile(ctx, q.Account, a.Profile); errors.Is(err, catalog.ErrNotFound) {
			err = fmt.Errorf("%w: it routes to conversion profile %d, which the account does not have", hook.ErrAway, a.Profile)
		}
	}
	return a, err
}

func (fo *folder) question(j job, f catalog.DropFolderFile) hook.Question {
	q := hook.Question{Account: f.Account, Folder: f.Folder, Path: f.Path, Size: f.Size, ReferenceID: f.Slug, User: f.User}
	if j.format == "" {
		q.Entry = j.target
	}
	return q
}

// apply changes a new entry as the hook says.
func (t taken) apply(e *catalog.Entry) {
	if t.answer.Name != "" {
		e.Name = t.answer.Name
	}
	if t.answer.Profile != 0 {
		e.ConversionProfile = t.answer.Profile
	}
	if t.answer.User != "" {
		e.Owner, e.Creator = t.answer.User, t.answer.User
	}
	e.Categories = append(e.Categories, t.answer.Categories...)
}
