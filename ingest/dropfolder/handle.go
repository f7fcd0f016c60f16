package dropfolder

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"sluice/catalog"
	"sluice/ingest/hook"
	"sluice/ingest/manifest"
)

const (
	// batchFiles and batchBytes bound what is taken together and entered in one transaction: many small files, or a large one.
	// Entries of remoteFiles wait for the slowest download among them.
	batchFiles  = 256
	remoteFiles = 32
	batchBytes  = 64 << 20
	// maxBatches bounds the batches of one folder that are being taken.
	maxBatches = 4
	// handlePoll is how often files are looked for that nobody told of: those of other processes, and those that try again.
	handlePoll = time.Second
)

// job is what is made into the content of one entry: a file, or a group of flavors.
type job struct {
	files  []catalog.DropFolderFile
	params []int64         // the flavor params of each file; nil for a single source
	target catalog.EntryID // the entry that gets the content; "" means a new one
	late   bool            // the flavors join those that the entry has
	beside bool            // the file is a caption or picture of the target
	format manifest.Format // of the document that the first file is; "" when it is none
	// archive says that the file is to be expanded.
	archive bool
	answer  hook.Answer // of the first file
}

// handle makes entries of complete files until ctx ends.
func (fo *folder) handle(ctx context.Context) error {
	slots := make(chan struct{}, maxBatches)
	failed := make(chan error, maxBatches)
	var running sync.WaitGroup
	defer running.Wait()
	tick := time.NewTicker(handlePoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case slots <- struct{}{}:
		}
		jobs, more, err := fo.claim(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return &Error{Code: ErrCatalog, Text: "complete files cannot be handled", Err: err}
		}
		if len(jobs) > 0 {
			running.Go(func() {
				defer func() { <-slots }()
				if err := fo.inTurn(ctx, jobs); err != nil {
					select {
					case failed <- err:
					default: // one is enough
					}
				}
			})
			continue
		}
		<-slots
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-fo.pending:
		case <-tick.C:
		}
	}
}

// inTurn runs jobs when it is the account's turn.
func (fo *folder) inTurn(ctx context.Context, jobs []job) error {
	defer fo.release(jobs)
	if err := fo.turns.take(ctx, fo.f.Account); err != nil {
		return nil // what was claimed is resumed by the next watcher
	}
	defer fo.turns.give()
	err := fo.do(ctx, jobs)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (fo *folder) release(jobs []job) {
	for _, j := range jobs {
		fo.setBusy(j.files, false)
	}
}

// claim decides about the next complete files. It returns those that are to be taken now, in the state Processing; more says that
// others may be left.
func (fo *folder) claim(ctx context.Context) (jobs []job, more bool, err error) {
	limit := cmp.Or(fo.cfg.batch, batchFiles)
	if fo.local == nil {
		limit = min(limit, remoteFiles)
	}
	files, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{
		Folder: fo.f.ID, Statuses: statuses{pending}, Ready: time.Now(), Limit: limit,
	})
	if err != nil || len(files) == 0 {
		return nil, false, err
	}
	sum := int64(0)
	for i, f := range files {
		if sum += f.Size; i > 0 && sum > batchBytes && !fo.moves(f) {
			files = files[:i]
			break
		}
	}
	jobs, err = fo.decide(ctx, files)
	return jobs, true, err
}

// decide finds out what is to be done with complete files, and claims those that are to be taken. Single files are claimed together;
// a flavor of several at once, so that the next one of the group sees it.
func (fo *folder) decide(ctx context.Context, files []catalog.DropFolderFile) (jobs []job, err error) {
	earlier, err := fo.earlierOf(ctx, files)
	if err != nil {
		return nil, err
	}
	var singles []plan
	for _, f := range files {
		if fo.isBusy(f.ID) {
			continue // an earlier one completed its group
		}
		p, err := fo.plan(ctx, f, earlier[f.PathKey])
		if err != nil {
			return nil, err
		}
		// Of two files of the same content the second has to see the first.
		if p.parsed[0].Flavor == "" && fo.f.Handler == catalog.HandleContent && !fo.byContent() {
			singles = append(singles, p)
			continue
		}
		if jobs, err = fo.start(ctx, jobs, func(tx *catalog.Tx) ([]job, error) { return fo.apply(ctx, tx, p) }); err != nil {
			return nil, err
		}
	}
	if len(singles) > 0 {
		jobs, err = fo.start(ctx, jobs, func(tx *catalog.Tx) ([]job, error) { return fo.applySingles(ctx, tx, singles) })
	}
	fo.at("claimed")
	return jobs, err
}

// start applies plans in one transaction, and adds the jobs that come of them. A claim that a power cut undoes is made again.
func (fo *folder) start(ctx context.Context, jobs []job, apply func(*catalog.Tx) ([]job, error)) ([]job, error) {
	var made []job
	err := fo.cfg.Catalog.InLazyTx(ctx, func(tx *catalog.Tx) (err error) {
		made, err = apply(tx)
		return err
	})
	if errors.Is(err, catalog.ErrConflict) {
		return jobs, nil // an operator or a look was faster; what is still to be handled comes again
	}
	if err != nil {
		return nil, err
	}
	for _, j := range made {
		fo.setBusy(j.files, true)
	}
	return append(jobs, made...), nil
}

// plan is what is to be done with a file, or a group of files.
type plan struct {
	job
	parsed []Parsed // of each file
	event  Event
	to     catalog.DropFolderFileStatus
	bad    *Trouble
	why    string
	again  time.Time
	same   catalog.DropFolderFile   // the earlier file that had the very same bytes
	lead   catalog.DropFolderFileID // a document that may be complete now
	sum    string                   // the SHA-256 of a single file, when it was read for it
}

func refuse(f catalog.DropFolderFile, parsed Parsed, bad *Trouble) plan {
	return plan{job: job{files: []catalog.DropFolderFile{f}}, parsed: []Parsed{parsed}, event: Refused, to: errorHandling, bad: bad}
}

// apply changes the states of a plan's files; of all or of none, so the job that comes back has all its files.
func (fo *folder) apply(ctx context.Context, tx *catalog.Tx, p plan) ([]job, error) {
	j := p.job
	j.files = make([]catalog.DropFolderFile, len(p.files))
	entry := p.entry()
	for i, f := range p.files {
		moved, err := move(ctx, tx, fo.fence, f, p.event, p.to, func(n *catalog.DropFolderFile) { fo.set(n, p, i, entry) })
		if err != nil {
			return nil, err
		}
		j.files[i] = moved
	}
	if p.lead != 0 {
		if err := fo.wakeLead(ctx, tx, p.lead); err != nil {
			return nil, err
		}
	}
	if p.event != Taken {
		return nil, nil
	}
	return []job{j}, nil
}

// applySingles is apply for many plans of one file each. A file that is in another state meanwhile is left out.
func (fo *folder) applySingles(ctx context.Context, tx *catalog.Tx, plans []plan) ([]job, error) {
	alike, byID := map[change][]catalog.DropFolderFileID{}, map[catalog.DropFolderFileID]plan{}
	for _, p := range plans {
		f := p.files[0]
		c := change{p.event, f.Status, p.to}
		alike[c], byID[f.ID] = append(alike[c], f.ID), p
	}
	var jobs []job
	for c, ids := range alike {
		moved, err := moveEach(ctx, tx, fo.fence, ids, c, func(n *catalog.DropFolderFile) {
			p := byID[n.ID]
			fo.set(n, p, 0, p.entry())
		})
		if err != nil {
			return nil, err
		}
		if c.event != Taken {
			continue
		}
		for _, f := range moved {
			j := byID[f.ID].job
			j.files = []catalog.DropFolderFile{f}
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// entry is the id of the entry that a plan's files become, made before the entry itself.
func (p plan) entry() catalog.EntryID {
	switch {
	case p.event != Taken || p.format != "" || p.archive:
		return ""
	case p.target != "":
		return p.target
	}
	return catalog.NewEntryID()
}

// set enters in the i-th file's row what a plan says of it.
func (fo *folder) set(n *catalog.DropFolderFile, p plan, i int, entry catalog.EntryID) {
	n.Slug, n.Flavor, n.User = p.parsed[i].Slug, p.parsed[i].Flavor, p.parsed[i].User
	n.Why, n.NextAt = p.why, catalog.StampOf(p.again)
	if p.bad != nil {
		n.ErrorCode, n.ErrorText = string(p.bad.Code), p.bad.Text
	}
	switch p.event {
	case Taken:
		n.SHA256 = p.sum
		n.Entry, n.ImportStart = entry, catalog.StampOf(time.Now())
		n.SetDeliveryKey()
		if i > 0 {
			n.Lead = p.files[0].ID
		}
	case Skipped:
		n.Entry, n.Warning, n.SHA256 = p.same.Entry, duplicateWarning, p.same.SHA256
		n.ImportEnd, n.NextAt = catalog.StampOf(time.Now()), fo.purgeAt(*n)
	}
}

const duplicateWarning = "The same file came before under this name and is the content of the entry already, so no new version was made."
