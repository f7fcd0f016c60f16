//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/api/account"
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
	"sluice/ingest/dropfolder"
	"sluice/ingest/hsu"
	hsuserver "sluice/ingest/hsu/server"
	"sluice/ingest/quota"
)

// accountLimits are those of accounts that have none of their own.
func (s *system) accountLimits() catalog.Limits {
	return catalog.Limits{
		InFlight: s.cfg.Int("quota.in_flight_bytes"), EntriesADay: s.cfg.Int("quota.entries_a_day"), FolderFiles: s.cfg.Int("quota.folder_files"),
		Sessions: s.cfg.Int("quota.sessions"), Pulls: s.cfg.Int("quota.pulls"), BulkJobs: s.cfg.Int("bulk.per_account"),
	}
}

// newLimits makes what bounds the rates and the storage of accounts.
func (s *system) newLimits() *quota.Limits {
	return quota.New(quota.Config{
		Accounts: s.catalog, Redis: s.redis, Rate: s.cfg.Int("quota.upload_rate") / 8, Storage: s.cfg.Int("quota.storage_bytes"),
		Limits: s.accountLimits(), Admit: s.admit, Log: s.log,
	})
}

// keep holds room in what an account may keep, for bytes that are here or whose volume was asked already.
func (s *system) keep(ctx context.Context, id catalog.AccountID, bytes int64) (release func(), err error) {
	return s.limits.Keep(ctx, id, bytes)
}

// startUploads makes the server of the high-speed upload, mounts it, and opens its own listener, which g serves until ctx ends.
// Behind it the API answers too, so that clients can start sessions.
func (s *system) startUploads(ctx context.Context, g *errgroup.Group, mux *http.ServeMux, sessions *account.Sessions, calls *rpc.Server) error {
	up := hsuserver.New(hsuserver.Config{
		Catalog: s.catalog, Uploads: s.content.Uploads, Content: s.content, Limits: s.limits, MaxOpen: int(s.cfg.Int("quota.sessions")), Log: s.log,
		Lifetime: s.cfg.Duration("upload.lifetime"),
		Folder:   s.uploadFolder,
		Authorize: func(r *http.Request, token string) (hsuserver.Identity, error) {
			return s.uploader(r, token, sessions, calls)
		},
	})
	mux.Handle(hsu.Path, up.Handler())
	mux.Handle(hsu.Path+"/", up.Handler())
	g.Go(func() error { <-ctx.Done(); return up.Close() })
	g.Go(func() error {
		return s.every(ctx, min(s.cfg.Duration("upload.lifetime")/4, 10*time.Minute), "sweep high-speed uploads", func() error { return up.Sweep(ctx) })
	})
	return s.listenTLS(ctx, g, calls.Before(up.Handler()))
}

// folderOf is a local drop folder for uploads.
type folderOf struct {
	catalog.DropFolder
	announce dropfolder.Announcer
}

func (f folderOf) Dir() string { return f.Path }

func (f folderOf) Detected(ctx context.Context, rel string) error {
	return f.announce.Detected(ctx, f.ID, rel, doorHSU)
}

func (f folderOf) Uploaded(ctx context.Context, files []hsuserver.Arrival) error {
	all := make([]dropfolder.Arrival, len(files))
	for i, a := range files {
		all[i] = dropfolder.Arrival(a)
	}
	return f.announce.UploadedAll(ctx, f.ID, doorHSU, all)
}

func (f folderOf) Aborted(ctx context.Context, rel string) error {
	return f.announce.Aborted(ctx, f.ID, rel)
}

// doorHSU is what files that came by the high-speed upload tell of their origin.
const doorHSU = "hsu"

// uploadFolder is a drop folder of an account that lies here and takes files.
func (s *system) uploadFolder(ctx context.Context, id catalog.AccountID, folder int64) (hsuserver.Folder, error) {
	f, err := s.catalog.DropFolder(ctx, id, catalog.DropFolderID(folder))
	if err != nil {
		return nil, err
	}
	if f.Type != catalog.DropFolderLocal || !f.Watched() {
		return nil, fmt.Errorf("drop folder %d takes no uploads: %w", folder, catalog.ErrNotFound)
	}
	_ = os.MkdirAll(f.Path, 0o770) // opening it says why it cannot be used
	return folderOf{f, dropfolder.Announcer{Catalog: s.catalog}}, nil
}

// uploader says whose session of the API a token is.
func (s *system) uploader(r *http.Request, token string, sessions *account.Sessions, calls *rpc.Server) (hsuserver.Identity, error) {
	if token == "" {
		return hsuserver.Identity{}, fmt.Errorf("%w: none is given", hsuserver.ErrSession)
	}
	session, err := sessions.Open(r.Context(), token, ks.Origin{IP: calls.ClientIP(r), URI: r.URL.RequestURI()})
	var refused *rpc.Error
	switch {
	case errors.As(err, &refused):
		return hsuserver.Identity{}, fmt.Errorf("%w: %s", hsuserver.ErrSession, refused.Message())
	case err != nil:
		return hsuserver.Identity{}, err
	case session.Widget():
		return hsuserver.Identity{}, fmt.Errorf("%w: it is a player's", hsuserver.ErrForbidden)
	}
	ok, err := sessions.Permits(r.Context(), session, "uploadtoken", "upload")
	if err != nil {
		return hsuserver.Identity{}, err
	}
	if !ok {
		return hsuserver.Identity{}, fmt.Errorf("%w: its role does not let it upload", hsuserver.ErrForbidden)
	}
	return hsuserver.Identity{Account: session.Account, User: session.User, Admin: session.Admin()}, nil
}

// listenTLS serves h over TLS. Where nobody chose the address, another server that has it is no failure.
func (s *system) listenTLS(ctx context.Context, g *errgroup.Group, h http.Handler) error {
	addr := s.cfg.Text("hsu.listen")
	if addr == "" {
		return nil
	}
	cert, fingerprint, err := s.uploadCertificate()
	if err != nil {
		return fmt.Errorf("hsu.cert: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) && s.cfg.Origin("hsu.listen") == "default" {
		s.log.Warn("high-speed upload: no listener of its own, its address is in use; hsu.listen chooses another", "address", addr)
		return nil
	}
	if err != nil {
		return unavailableError{fmt.Errorf("hsu.listen: %w", err)}
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		TLSConfig:    &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // streams are upgraded: HTTP/1.1
		ErrorLog:     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	g.Go(func() error {
		if err := srv.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Duration("http.shutdown_grace"))
		defer cancel()
		if err := srv.Shutdown(grace); err != nil {
			return srv.Close()
		}
		return nil
	})
	s.log.Info("listening for high-speed uploads", "url", "https://"+l.Addr().String(), "fingerprint", fingerprint)
	return nil
}

// uploadCertificate is the configured certificate, or one that is made once for this data directory.
func (s *system) uploadCertificate() (tls.Certificate, string, error) {
	if file := s.cfg.Text("hsu.cert"); file != "" {
		return hsuserver.Certificate(file, s.cfg.Text("hsu.key"))
	}
	return hsuserver.OwnCertificate(s.cfg.Data("keys"))
}
