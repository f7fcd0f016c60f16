package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"sluice/api/console"
	"sluice/api/ops"
	"sluice/api/play"
	"sluice/internal/version"
	"sluice/packager/origin"
)

// Limits of the HTTP server. Responses have no deadline of their own: a slow player is no error.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

// startHTTP listens and adds the server to g; it ends with ctx.
func (s *system) startHTTP(ctx context.Context, g *errgroup.Group, media *mediaWorker) error {
	lib := &play.Library{Catalog: s.catalog, Store: s.store, MaxTracks: int(s.cfg.Int("play.open_tracks"))}
	delivery, err := s.delivery(lib)
	if err != nil {
		return err
	}
	cons, err := console.New(console.Config{Catalog: s.catalog, Version: version.Version, Hosts: s.cfg.List("http.hosts"), Logger: s.log})
	if err != nil {
		return err
	}
	operators := ops.New(ops.Config{
		Checks: []ops.Check{
			{Name: "catalog", Run: s.catalog.Check},
			{Name: "storage", Run: s.store.Check},
			{Name: "redis", Run: func(ctx context.Context) error { return s.redis.Ping(ctx).Err() }},
		},
		Info: func() map[string]any { return s.health(media) },
	})
	mux := http.NewServeMux()
	for _, p := range []string{"/hls/", "/dash/", "/mp4/", "/thumb/", "/raw/"} {
		mux.Handle(p, delivery)
	}
	mux.HandleFunc("GET /captions/{entry}/{file}", lib.Captions)
	for _, p := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.Handle(p, operators)
	}
	mux.Handle("/", cons)
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.Text("http.listen"))
	if err != nil {
		return unavailableError{fmt.Errorf("http.listen: %w", err)}
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader}
	g.Go(func() error { return cons.Run(ctx) })
	g.Go(func() error {
		defer lib.Close()
		if err := srv.Serve(origin.Listener(l)); !errors.Is(err, http.ErrServerClosed) {
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
	s.log.Info("listening", "url", baseURL(s.cfg))
	return nil
}

// delivery is the handler of everything that players ask for.
func (s *system) delivery(lib *play.Library) (http.Handler, error) {
	cfg := origin.Config{
		Resolver: play.Resolver{Library: lib}, CacheBytes: s.cfg.Int("play.cache_bytes"), CORSOrigins: s.cfg.List("play.cors_origins"),
		ManifestTTL: s.cfg.Duration("play.ttl"), MediaTTL: s.cfg.Duration("play.ttl"), Registerer: prometheus.DefaultRegisterer,
	}
	return origin.New(cfg)
}

// health is what /healthz tells.
func (s *system) health(media *mediaWorker) map[string]any {
	h := map[string]any{"version": version.Version}
	if media != nil {
		h["isolation"] = media.pool.Isolation()
	}
	return h
}
