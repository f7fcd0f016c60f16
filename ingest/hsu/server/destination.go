package server

import (
	"context"
	"fmt"
	"os"

	"sluice/catalog"
	"sluice/ingest/hsu"
)

// destination is what the files of a session are for. Its methods may be called side by side, for different files; what they do
// they may have to do again after a crash.
type destination interface {
	// allows says why a file cannot be taken.
	allows(d hsu.File) error
	// place makes the place for a file's bytes and returns the row with what names it.
	place(ctx context.Context, row catalog.TransferFile) (catalog.TransferFile, error)
	// begin readies what the file is for, when its row is recorded.
	begin(ctx context.Context, row catalog.TransferFile) error
	// open opens the place for reading and writing; errHanded when the file is there no more because finish took it.
	open(row catalog.TransferFile) (*os.File, error)
	// openNew is open for what comes in now: a place that need not be made before is made.
	openNew(row catalog.TransferFile) (*os.File, error)
	// sync makes durable what was written to the files.
	sync(rows []catalog.TransferFile) error
	// finish hands complete files over, and says what became of each.
	finish(ctx context.Context, rows []catalog.TransferFile) []error
	// drop removes what came in of a file.
	drop(ctx context.Context, row catalog.TransferFile) error
	// end removes what is left of the session.
	end() error
	close()
}

func (s *Server) destination(ctx context.Context, t catalog.Transfer, o spec) (destination, error) {
	if o.Folder == 0 {
		return &entries{server: s, transfer: t, spec: o}, nil
	}
	if s.cfg.Folder == nil {
		return nil, fmt.Errorf("drop folder %d: %w", o.Folder, catalog.ErrNotFound)
	}
	folder, err := s.cfg.Folder(ctx, t.Account, o.Folder)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder.Dir())
	if err != nil {
		return nil, fmt.Errorf("drop folder %d: %w", o.Folder, err)
	}
	return &folderOf{folder: folder, news: s.newTeller(folder), root: root, parts: &parts{root: root, name: partsOf(t.ID)}, prefix: o.Prefix, log: s.cfg.Log}, nil
}
