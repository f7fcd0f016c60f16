//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/api/account"
	"sluice/api/console"
	"sluice/api/ops"
	"sluice/api/play"
	"sluice/catalog"
	"sluice/ingest/dropfolder"
	"sluice/internal/version"
	"sluice/packager/origin"
	"sluice/pipeline"
	"sluice/pipeline/stage"
	"sluice/storage"
)

// Limits of the HTTP server. Responses have no deadline of their own: a slow player is no error.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

// startHTTP listens and adds the server to g; it ends with ctx.
func (s *system) startHTTP(ctx context.Context, g *errgroup.Group, worker *mediaWorker) error {
	access, err := s.playback()
	if err != nil {
		return err
	}
	lib := &play.Library{Catalog: s.catalog, Store: s.store, MaxTracks: int(s.cfg.Int("play.open_tracks")), Restricted: access.guard.Restricted,
		Scanned: s.cfg.Text("scan.clamd") != ""}
	cors := s.cfg.List("play.cors_origins")
	if slices.Contains(cors, "*") {
		cors = nil // the origin's word for any
	}
	media, err := s.origin(lib, access, cors)
	if err != nil {
		return err
	}
	sessions := account.NewSessions(account.Config{Catalog: s.catalog, Redis: s.redis, Logger: s.log})
	drawn := &pictures{}
	calls, err := s.api(ctx, sessions, access, drawn)
	if err != nil {
		return err
	}
	pages, err := s.delivery(lib, access, media, sessions, calls)
	if err != nil {
		return err
	}
	drawn.Service = pages
	received, err := s.newUploads(sessions, calls)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, received.Close)
	checks := []ops.Check{
		{Name: "catalog", Run: s.catalog.Check},
		{Name: "storage", Run: s.store.Check},
		{Name: "redis", Run: func(ctx context.Context) error { return s.redis.Ping(ctx).Err() }},
	}
	cons, err := console.New(console.Config{
		Catalog: s.catalog, Bulk: s.bulk, Version: version.Version, Hosts: s.cfg.List("http.hosts"), Logger: s.log, Play: access.links,
		Probe: s.probeResult, System: s.systemReport(checks, worker),
		Uploads: http.StripPrefix(consoleTus, received.console), Account: s.account(), Folders: dropfolder.Operator{Catalog: s.catalog},
	})
	if err != nil {
		return err
	}
	operators := ops.New(ops.Config{Checks: checks, Info: func() map[string]any { return s.health(worker) }})
	// The origin's listener answers some of what the mux sends to it, so it must be what these paths lead to.
	mux := http.NewServeMux()
	for _, p := range []string{"/hls/", "/dash/", "/mp4/", "/thumb/", "/raw/", "/t/"} {
		mux.Handle(p, media)
	}
	pages.Mount(mux)
	received.mount(mux)
	captions := play.Captions{Library: lib, Tokens: access.tokens, Open: access.open}
	mux.Handle("GET /captions/{entry}/{file}", captions)
	mux.Handle("GET /t/{token}/captions/{entry}/{file}", captions)
	for _, p := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.Handle(p, operators)
	}
	if err := s.startUploads(ctx, g, mux, sessions, calls); err != nil {
		return err
	}
	mux.Handle("/", cons)
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.Text("http.listen"))
	if err != nil {
		return unavailableError{fmt.Errorf("http.listen: %w", err)}
	}
	transport := origin.Writev
	if s.cfg.Text("play.transport") == "sendfile" {
		transport = origin.Sendfile
	}
	srv := &http.Server{Handler: calls.Before(mux), ConnContext: origin.ConnContext, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader}
	front := media.Listener(l, transport, origin.Timeouts{Header: headerTimeout, Idle: idleTimeout})
	g.Go(func() error { return cons.Run(ctx) })
	g.Go(func() error {
		return s.every(ctx, time.Minute, "put uploads together", func() error { return received.public.Resume(ctx) })
	})
	g.Go(func() error {
		defer lib.Close()
		if err := srv.Serve(front); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Duration("http.shutdown_grace"))
		defer cancel()
		if err := errors.Join(srv.Shutdown(grace), front.Drain(grace)); err != nil {
			return srv.Close()
		}
		return nil
	})
	s.log.Info("listening", "url", baseURL(s.cfg))
	return nil
}

// health is what /healthz tells.
func (s *system) health(media *mediaWorker) map[string]any {
	h := map[string]any{"version": version.Version}
	if media != nil {
		h["isolation"] = media.pool.Isolation()
		if list := media.encoders.Load(); list != nil {
			h["encoders"] = *list
		}
	}
	return h
}

// probeResult is the whole answer of the probe of an entry's original, as JSON; nil while there is none.
func (s *system) probeResult(e catalog.Entry, assets []catalog.Asset, _ []catalog.Task) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), probeReadTimeout)
	defer cancel()
	for _, a := range assets {
		if !a.Original || a.Version != e.Version {
			continue
		}
		b, err := stage.ReadInfo(ctx, s.store, a)
		if err == nil {
			return b
		}
		if !errors.Is(err, storage.ErrNotExist) {
			s.log.Warn("probe result not readable", "entry", e.ID, "error", err)
		}
	}
	return nil
}

// probeReadTimeout bounds reading a probe's result for a page.
const probeReadTimeout = 2 * time.Second

// systemReport is what the console's System page shows.
func (s *system) systemReport(checks []ops.Check, media *mediaWorker) func(context.Context) console.System {
	started := time.Now()
	return func(ctx context.Context) console.System {
		ctx, cancel := context.WithTimeout(ctx, probeReadTimeout)
		defer cancel()
		sys := console.System{Status: console.OK, Version: version.Version, StartedAt: started, MetricsURL: "/metrics"}
		for _, c := range checks {
			part := console.Component{Name: c.Name, Status: console.OK, Detail: s.describe(c.Name)}
			asked := time.Now()
			err := c.Run(ctx)
			part.Took = time.Since(asked).Microseconds()
			if err != nil {
				part.Status, part.Detail, sys.Status = console.Failed, err.Error(), console.Failed
			} else if c.Name == "storage" {
				if err := s.admit(0); err != nil {
					part.Status, part.Detail = console.Degraded, "new files wait: "+err.Error()
				}
			}
			sys.Components = append(sys.Components, part)
		}
		for name, v := range engineVersions() {
			sys.Components = append(sys.Components, console.Component{Name: name, Version: v, Status: console.OK})
		}
		slices.SortStableFunc(sys.Components, func(a, b console.Component) int { return strings.Compare(a.Name, b.Name) })
		err := s.volumes(func(name string, space storage.Space) error {
			sys.Volumes = append(sys.Volumes, console.Volume{Name: name, Size: space.Size, Free: space.Free, Reserve: s.reserve().Of(space)})
			return nil
		})
		if err != nil {
			s.log.Warn("room cannot be measured", "error", err)
		}
		present, err := pipeline.Workers(ctx, s.redis)
		if err != nil {
			s.log.Warn("workers cannot be listed", "error", err)
		}
		for _, p := range present {
			sys.Workers = append(sys.Workers, console.Worker{Name: p.Name, Stages: p.Stages, Silent: p.Silent.Milliseconds()})
		}
		if media != nil {
			iso := media.pool.Isolation()
			sys.Isolation = console.Isolation{Level: iso.Level, Mechanisms: iso.Mechanisms(), Missing: iso.Lacking()}
		}
		return sys
	}
}

// describe says what a component is, as configured, without secrets.
func (s *system) describe(component string) string {
	switch component {
	case "catalog":
		if strings.HasPrefix(s.databaseURL(), "postgres") {
			return "PostgreSQL"
		}
		return "SQLite, in the data directory"
	case "storage":
		if strings.HasPrefix(s.storageURL(), "s3://") {
			return "S3"
		}
		return "a directory of this machine"
	case "redis":
		if s.cfg.Text("redis.url") == "" {
			return "started and watched by this process"
		}
		return "shared"
	}
	return ""
}
