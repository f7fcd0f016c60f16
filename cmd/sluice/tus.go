//go:build linux

package main

import (
	"errors"
	"net/http"

	"sluice/api/account"
	"sluice/api/rpc"
	"sluice/api/upload"
	"sluice/ingest/dropfolder"
	"sluice/ingest/tus"
)

// Paths of uploads over HTTP beside the API: with a session of an account, and from the console's own page.
const (
	tusPath     = "/v1/ingest/tus/"
	formPath    = "/v1/ingest/files"
	putPath     = "/ingest/{folder}/{path...}"
	consoleTus  = "/v1/uploads/tus/"
	consoleUser = "console"
)

// uploads are the ways in over HTTP.
type uploads struct {
	public, console *tus.Server
}

// newUploads makes them. Senders from the console work for the account that this process has, as its pages do.
func (s *system) newUploads(sessions *account.Sessions, calls *rpc.Server) (*uploads, error) {
	cfg := tus.Config{
		Catalog: s.catalog, Engine: s.content.Uploads, Content: s.content, Redis: s.redis, Logger: s.log,
		Path: tusPath, Base: calls.Base, Origins: s.cfg.List("upload.cors_origins"),
		Transfers: dropfolder.Announcer{Catalog: s.catalog}, Rate: s.limits.Reader, Reserve: s.limits.Reserve,
		Auth: (&upload.Door{Sessions: sessions, Accounts: sessions, ClientIP: calls.ClientIP}).Sender,
	}
	var u uploads
	var err error
	if u.public, err = tus.New(cfg); err != nil {
		return nil, err
	}
	cfg.Path, cfg.Base, cfg.Origins = consoleTus, nil, nil
	cfg.Auth = func(*http.Request, string) (tus.Sender, error) {
		return tus.Sender{Account: s.account(), User: consoleUser, All: true}, nil
	}
	if u.console, err = tus.New(cfg); err != nil {
		return nil, errors.Join(err, u.public.Close())
	}
	return &u, nil
}

// mount adds the public ways to mux; the console's is behind its guard.
func (u *uploads) mount(mux *http.ServeMux) {
	mux.Handle(tusPath, http.StripPrefix(tusPath, u.public))
	mux.Handle(formPath, u.public.Form())
	mux.Handle(putPath, u.public.Put())
}

// Close stops what they do on their own.
func (u *uploads) Close() error { return errors.Join(u.public.Close(), u.console.Close()) }
