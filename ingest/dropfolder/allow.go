package dropfolder

import (
	"context"
	"errors"
	"fmt"

	"sluice/catalog"
)

// allowed leaves the jobs out for whose files the account, or the folder, has no room: they wait. What the others need is held until
// release is called, which may be called always.
func (fo *folder) allowed(ctx context.Context, jobs []job) (left []job, release func(), err error) {
	var held []func()
	release = func() {
		for _, free := range held {
			free()
		}
	}
	kept := int64(0)
	if fo.f.Options.QuotaBytes > 0 {
		if kept, err = fo.cfg.Catalog.FolderBytes(ctx, fo.f.Account, fo.f.ID); err != nil {
			return nil, release, err
		}
	}
	// Files for which there is no entry today need not be taken to find that out.
	enough := fo.cfg.Catalog.EntriesLeft(ctx, fo.f.Account)
	if enough != nil && !errors.Is(enough, catalog.ErrEntriesADay) {
		return nil, release, enough
	}
	left = make([]job, 0, len(jobs))
	for _, j := range jobs {
		free, err := func() {}, enough
		if err == nil || !j.single() {
			free, err = fo.hold(ctx, kept, j)
		}
		if err == nil {
			held, left = append(held, free), append(left, j)
			continue
		}
		files, causes := make([]taken, len(j.toTake())), make([]error, len(j.toTake()))
		for i, f := range j.toTake() {
			files[i], causes[i] = taken{DropFolderFile: f, path: fo.place(f)}, err
		}
		if err := fo.failJob(ctx, j, files, causes); err != nil {
			return nil, release, err
		}
	}
	return left, release, nil
}

// hold holds room for the files of a job in what the account, and the folder, may keep.
func (fo *folder) hold(ctx context.Context, kept int64, j job) (release func(), err error) {
	bytes := int64(0)
	for _, f := range j.toTake() {
		bytes += f.Size
	}
	free := func() {}
	if fo.cfg.Keep != nil {
		if free, err = fo.cfg.Keep(ctx, fo.f.Account, bytes); err != nil {
			return nil, err
		}
	}
	fo.mu.Lock()
	defer fo.mu.Unlock()
	if limit := fo.f.Options.QuotaBytes; limit > 0 && kept+fo.held > limit-bytes {
		free()
		return nil, fmt.Errorf("%w: the folder's entries keep %d of %d bytes, %d more are on their way, and this is %d", catalog.ErrQuota, kept, limit, fo.held, bytes)
	}
	fo.held += bytes
	return func() {
		free()
		fo.mu.Lock()
		defer fo.mu.Unlock()
		fo.held -= bytes
	}, nil
}
