//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"sluice/api/account"
	"sluice/api/rpc/ks"
	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/dropfolder"
	"sluice/ingest/hook"
	"sluice/pipeline/stage"
)

// folderRoots are the directories that local drop folders may be in.
func (s *system) folderRoots() dropfolder.Roots {
	if roots := s.cfg.List("dropfolder.roots"); len(roots) > 0 {
		return roots
	}
	return dropfolder.Roots{absolute(s.cfg.Data("folders"))}
}

// startDropFolders watches the drop folders of the catalog until ctx ends.
func (s *system) startDropFolders(ctx context.Context, g *errgroup.Group) error {
	if err := s.unlock(ctx, os.Stderr); err != nil { // for the credentials of other machines
		return err
	}
	w, err := dropfolder.New(dropfolder.Config{
		Catalog: s.catalog, Content: s.content, Incoming: s.cfg.Data("incoming"), Openers: s.folderOpeners(), Admit: s.admit, Keep: s.keep, Ask: hook.New(s.cfg.Text("dropfolder.hook")).Ask,
		Jobs:     s.bulk, // takes documents in; whoever runs jobs carries them out
		Language: languageCode, Session: s.documentSession(),
		Sweep: s.cfg.Duration("dropfolder.sweep"), Workers: int(s.cfg.Int("dropfolder.workers")), Log: s.log,
		Arrival: func(o ingest.Original) []catalog.NewTask {
			return stage.Arrival(stage.ImportPayload{Path: o.Path, Asset: o.Asset, Key: o.Key, SHA256: o.SHA256})
		},
	})
	if err != nil {
		return fmt.Errorf("drop folders: %w", err)
	}
	g.Go(func() error { return w.Run(ctx) })
	return nil
}

// documentSession opens the sessions that documents carry.
func (s *system) documentSession() func(context.Context, catalog.AccountID, string) (string, error) {
	sessions := account.NewSessions(account.Config{Catalog: s.catalog, Redis: s.redis, Logger: s.log})
	return func(ctx context.Context, id catalog.AccountID, token string) (string, error) {
		session, err := sessions.Open(ctx, token, ks.Origin{})
		if err != nil {
			return "", err
		}
		ok, err := sessions.Permits(ctx, session, "media", "bulkuploadadd")
		switch {
		case err != nil:
			return "", err
		case session.Account != id:
			return "", errors.New("it is another account's")
		case !ok || session.Widget():
			return "", errors.New("its role does not let it send documents")
		case session.Admin():
			return "", nil
		case session.User == "":
			return "", errors.New("it is nobody's")
		}
		return session.User, nil
	}
}

// folderFiles are the files of drop folders that bulk jobs work on.
func (s *system) folderFiles() dropfolder.TakenFiles {
	return dropfolder.TakenFiles{Catalog: s.catalog, Incoming: absolute(s.cfg.Data("incoming"))}
}

// folderOpeners open drop folders on other machines, by their types.
func (s *system) folderOpeners() map[catalog.DropFolderType]dropfolder.Opener {
	return s.remoteOpeners()
}
