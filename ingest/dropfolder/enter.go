package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
)

// twinWarning is told files whose names other machines would take for one.
const twinWarning = "Another file of this folder has the same name but for case or the way its letters are encoded. Both are kept."

// flush enters what looks found: new files, changes, completions and departures.
func (s *scan) flush(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.flushGone, s.flushFresh, s.flushStale, s.flushWhole} {
		if err := step(ctx); err != nil {
			if passing(err) || ctx.Err() != nil {
				return err
			}
			return &Error{Code: ErrCatalog, Text: "the folder's files cannot be entered in the catalog", Err: err}
		}
	}
	return nil
}

// entered is a row and what was found in its place.
type entered struct {
	row  catalog.DropFolderFile
	obs  observation
	skip bool // a handler has the row: it is looked at again then
}

func (s *scan) flushFresh(ctx context.Context) error {
	for len(s.fresh) > 0 {
		batch := s.fresh[:min(len(s.fresh), ListBatch)]
		var rows []entered
		err := s.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) (err error) {
			rows, err = s.enterFresh(ctx, tx, batch)
			return err
		})
		if err != nil {
			return err
		}
		s.at("seen")
		s.fresh = s.fresh[len(batch):]
		for _, e := range rows {
			s.entered(e)
		}
	}
	s.fresh = nil
	return nil
}

// entered follows a file by what its row says.
func (s *scan) entered(e entered) {
	switch {
	case e.skip:
	case e.row.Status == uploading:
		s.track(e.row.ID, e.obs)
	default:
		s.known[s.hash(e.row.PathKey)] = known{print: s.printOf(e.obs.File), id: e.row.ID, sweep: s.sweeps}
		if e.row.Status == pending {
			s.signal()
		}
	}
}

// enterFresh makes rows of files that have none, and sees what has become of those that have one.
func (s *scan) enterFresh(ctx context.Context, tx *catalog.Tx, batch []observation) ([]entered, error) {
	now := time.Now()
	files := make([]catalog.DropFolderFile, len(batch))
	for i, o := range batch {
		files[i] = s.row(o, now)
	}
	rows, added, err := tx.AddDropFolderFiles(ctx, s.fence, files)
	if err != nil {
		return nil, err
	}
	out := make([]entered, 0, len(rows))
	folds := make([]string, 0, len(rows))
	for i, row := range rows {
		e := entered{row: row, obs: batch[i]}
		if added[i] {
			folds = append(folds, row.FoldKey)
			transitions.WithLabelValues(string(Seen)).Inc()
		} else if e, err = s.meet(ctx, tx, row, batch[i], files[i]); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	twins, err := tx.FoldedTwins(ctx, s.f.ID, folds)
	if err != nil {
		return nil, err
	}
	return out, tx.WarnOfTwins(ctx, s.f.ID, twins, twinWarning)
}

// row is the row of a file that was never seen.
func (s *scan) row(o observation, now time.Time) catalog.DropFolderFile {
	r := catalog.DropFolderFile{
		Record: catalog.Record{Account: s.f.Account}, Folder: s.f.ID, Path: o.Path, PathKey: catalog.PathKey(o.Path), FoldKey: foldKey(o.Path),
		Status: uploading, Type: s.f.Handler, DetectedBy: o.by, UploadStart: catalog.StampOf(now), Lead: o.lead,
	}
	setFile(&r, o.File, now)
	code := o.Odd
	if name := checkName(o.Path); name != "" {
		code = name
		r.Path = complete.Shown(o.Path)
	}
	if limit := s.f.Options.MaxFileSize; code == "" && limit > 0 && o.Size > limit {
		code = CodeTooLarge
	}
	switch {
	case code != "":
		r.Status, r.ErrorCode, r.ErrorText = errorHandling, string(code), oddity(code, o.Path).Text
	case s.f.Handler == catalog.HandleContent && len(s.include) > 0 && !s.include.match(o.Path):
		r.Status, r.ErrorCode, r.ErrorText = ignored, string(CodeTypeRefused), oddity(CodeTypeRefused, o.Path).Text
	}
	return r
}

// setFile copies what a look found.
func setFile(r *catalog.DropFolderFile, f File, now time.Time) {
	if r.Size != f.Size || r.SizeSetAt == 0 {
		r.SizeSetAt = catalog.StampOf(now)
	}
	r.Size, r.ModifiedNS, r.Identity = f.Size, f.ModTime.UnixNano(), f.Identity
}

// meet decides about a file whose name has a row already; fresh is the row that it would have without.
func (s *scan) meet(ctx context.Context, tx *catalog.Tx, row catalog.DropFolderFile, o observation, fresh catalog.DropFolderFile) (entered, error) {
	same := row.Size == fresh.Size && row.ModifiedNS == fresh.ModifiedNS && row.Identity == fresh.Identity
	e := entered{row: row, obs: o}
	if !same && s.holds(row.ID) {
		e.skip = true
		return e, nil
	}
	event := Replaced
	switch {
	case row.Status == parsed || row.Status == detected:
		event = Seen
	case same:
		return e, nil
	case applies(Changed, row.Status):
		event = Changed
	}
	var err error
	if event != Replaced {
		e.row, err = move(ctx, tx, s.fence, row, event, uploading, func(n *catalog.DropFolderFile) {
			setFile(n, o.File, time.Now())
			if n.UploadStart == 0 {
				n.UploadStart = fresh.UploadStart
			}
			n.Entry, n.ImportStart, n.ImportEnd, n.Attempt, n.Done, n.SHA256 = "", 0, 0, 0, 0, ""
		})
		return e, err
	}
	if _, err := move(ctx, tx, s.fence, row, Replaced, purged, nil); err != nil {
		return e, err
	}
	fresh.Lead = row.Lead
	rows, _, err := tx.AddDropFolderFiles(ctx, s.fence, []catalog.DropFolderFile{fresh})
	if err != nil {
		return e, err
	}
	e.row = rows[0]
	return e, nil
}

// flushStale enters sizes of files that grow.
func (s *scan) flushStale(ctx context.Context) error {
	stale := s.stale
	s.stale = nil
	if len(stale) == 0 {
		return nil
	}
	return s.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		for _, a := range stale {
			if s.arriving[a.Path] != a || a.row == a.File {
				continue
			}
			err := s.change(ctx, tx, a)
			if err != nil && !errors.Is(err, catalog.ErrConflict) {
				return err
			}
		}
		return nil
	})
}

func (s *scan) change(ctx context.Context, tx *catalog.Tx, a *arriving) error {
	row := catalog.DropFolderFile{ID: a.id, Status: uploading}
	_, err := move(ctx, tx, s.fence, row, Changed, uploading, func(n *catalog.DropFolderFile) { setFile(n, a.File, time.Now()) })
	if err == nil {
		a.row = a.File
	}
	return err
}

// flushWhole enters files that are complete.
func (s *scan) flushWhole(ctx context.Context) error {
	for len(s.whole) > 0 {
		batch := s.whole[:min(len(s.whole), ListBatch)]
		if err := s.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error { return s.enterWhole(ctx, tx, batch) }); err != nil {
			return err
		}
		s.at("whole")
		s.whole = s.whole[len(batch):]
		for _, a := range batch {
			s.known[s.hash(catalog.PathKey(a.Path))] = known{print: s.printOf(a.File), id: a.id, sweep: s.sweeps}
		}
		s.signal()
	}
	s.whole = nil
	return nil
}

func (s *scan) enterWhole(ctx context.Context, tx *catalog.Tx, batch []*arriving) error {
	var plainly, empty []catalog.DropFolderFileID
	for _, a := range batch {
		if a.row != a.File {
			err := s.change(ctx, tx, a)
			if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) {
				continue // an operator was faster
			}
			if err != nil {
				return err
			}
		}
		if a.Size == 0 {
			empty = append(empty, a.id)
		} else {
			plainly = append(plainly, a.id)
		}
	}
	_, err := moveAll(ctx, tx, s.fence, plainly, Completed, uploading, pending)
	if err != nil {
		return err
	}
	_, err = moveEach(ctx, tx, s.fence, empty, change{Refused, uploading, errorHandling}, func(n *catalog.DropFolderFile) {
		bad := oddity(CodeEmpty, n.Path)
		n.ErrorCode, n.ErrorText = string(bad.Code), bad.Text
	})
	return err
}

// flushGone makes history of the rows of files that are not there any more. Those that a handler has are its own to judge.
func (s *scan) flushGone(ctx context.Context) error {
	for len(s.gone) > 0 {
		batch := s.gone[:min(len(s.gone), ListBatch)]
		ids := make([]catalog.DropFolderFileID, 0, len(batch))
		for _, id := range batch {
			if !s.holds(id) {
				ids = append(ids, id)
			}
		}
		err := s.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
			for _, from := range live {
				if from == parsed || from == detected {
					continue // they are not in the folder by their nature
				}
				if _, err := moveAll(ctx, tx, s.fence, ids, Gone, from, purged); err != nil {
					return fmt.Errorf("files that are gone: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.gone = s.gone[len(batch):]
	}
	s.gone = nil
	return nil
}
