//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/redis/go-redis/v9"

	"sluice/api/notify"
	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/manifest"
	"sluice/ingest/quota"
	"sluice/internal/config"
	"sluice/pipeline/redisd"
	"sluice/storage"
	"sluice/storage/open"
)

// system is what every process of a deployment shares: catalog, objects, Redis. Parts are opened as they are asked for and
// closed in reverse order.
type system struct {
	cfg     *config.Config
	log     *slog.Logger
	catalog *catalog.DB
	store   storage.Store
	content *content.Service
	bulk    *manifest.Jobs
	redis   redis.UniversalClient
	notify  *notify.Engine
	limits  *quota.Limits
	closers []func() error
}

// openSystem opens catalog and objects, and makes the configured account on first use.
func openSystem(ctx context.Context, cfg *config.Config, log *slog.Logger) (*system, error) {
	s := &system{cfg: cfg, log: log}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *system) open(ctx context.Context) error {
	if err := os.MkdirAll(s.cfg.Data(), 0o755); err != nil {
		return err
	}
	db, err := catalog.Open(ctx, s.databaseURL())
	if err != nil {
		return unavailableError{fmt.Errorf("catalog: %w", err)}
	}
	db.SetLimits(s.accountLimits())
	s.catalog = db
	s.closers = append(s.closers, db.Close)
	store, err := open.Store(ctx, s.storageURL(), open.Options{CacheDir: s.cfg.Data("cache"), CacheBytes: s.cfg.Int("storage.cache_bytes")})
	if err != nil {
		return unavailableError{fmt.Errorf("storage: %w", err)}
	}
	s.store = store
	s.closers = append(s.closers, store.Close)
	if s.content, err = s.newContent(); err != nil {
		return err
	}
	s.bulk = s.newBulk()
	account, made, err := db.EnsureAccount(ctx, s.account(), s.cfg.Text("account.name"))
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	if made {
		s.log.Info("account made", "account", account.ID, "name", account.Name)
	}
	return nil
}

func (s *system) account() catalog.AccountID { return catalog.AccountID(s.cfg.Int("account.id")) }

func (s *system) databaseURL() string {
	if u := s.cfg.Text("database.url"); u != "" {
		return u
	}
	return "sqlite://" + absolute(s.cfg.Data("catalog.db"))
}

// storageURL is a URL, or the path of a directory.
func (s *system) storageURL() string {
	if u := s.cfg.Text("storage.url"); u != "" {
		return u
	}
	return absolute(s.cfg.Data("objects"))
}

// absolute returns path from the root: URLs have no relative ones.
func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(abs)
}

// redisLog passes what the Redis client says of itself on as debug messages: the failures that matter come back as errors.
type redisLog struct{ log *slog.Logger }

func (l redisLog) Printf(_ context.Context, format string, v ...any) {
	l.log.Debug("redis client", "message", fmt.Sprintf(format, v...))
}

// openRedis connects to the configured Redis, or starts the private one of the data directory.
func (s *system) openRedis(ctx context.Context) error {
	redis.SetLogger(redisLog{s.log})
	if u := s.cfg.Text("redis.url"); u != "" {
		opts, err := redis.ParseURL(u)
		if err != nil {
			return usageError{fmt.Errorf("redis.url: %w", err)}
		}
		s.redis = redis.NewClient(opts)
	} else {
		srv, err := redisd.Start(ctx, redisd.Config{Dir: absolute(s.cfg.Data("redis")), Binary: s.cfg.Text("redis.binary"), Logger: s.log})
		if err != nil {
			return unavailableError{fmt.Errorf("redis: %w", err)}
		}
		s.closers = append(s.closers, srv.Close)
		s.redis = redis.NewClient(srv.Options())
	}
	s.closers = append(s.closers, s.redis.Close)
	return nil
}

func (s *system) close() error {
	var errs []error
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c())
	}
	s.closers = nil
	return errors.Join(errs...)
}
