//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sluice/codec/sched"
	"sluice/internal/config"
	"sluice/internal/heap"
	"sluice/pipeline"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server: HTTP, feeder, workers and inbox",
		Long: `Run the server. By default one process does everything and keeps everything in the data directory: the catalog in
SQLite, objects as files, and a private redis-server that it starts and watches. With --database-url, --redis-url and
--storage-url the same binary is one of many; --worker-roles says which parts it plays.

SIGTERM or Ctrl-C stops it in order: requests and tasks get a moment to end, and unfinished tasks are given back.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return runRoles(cmd.Context(), cfg, log, cfg.List("worker.roles"))
		},
	}
}

func workerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "worker",
		Short: "Run workers only, beside a server",
		Long: `Run workers only, against the catalog, Redis and storage of a server: on another machine over their URLs, or on the
same data directory. Any number may run; --worker-stages picks stages.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return runRoles(cmd.Context(), cfg, log, []string{"worker"})
		},
	}
}

// spareMemory is how much may lie unused between two collections of garbage while there is much of it: a thirty-second of the memory, of
// which MachineMemory tells three quarters.
func spareMemory() int64 { return min(sched.MachineMemory()/24, 64<<20) }

// runRoles plays the roles until the context ends or one of them fails.
func runRoles(ctx context.Context, cfg *config.Config, log *slog.Logger, roles []string) (err error) {
	sys, err := openSystem(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sys.close()) }()
	if err := sys.openRedis(ctx); err != nil {
		return err
	}
	sys.limits = sys.newLimits()
	plays := func(role string) bool { return slices.Contains(roles, "all") || slices.Contains(roles, role) }
	if plays("api") || sys.hasKeys() {
		if err := sys.unlock(ctx, os.Stderr); err != nil {
			return err
		}
	} else {
		log.Warn("no account.key here: tasks that need a secret of the catalog will fail")
	}
	g, ctx := errgroup.WithContext(ctx)
	var media *mediaWorker
	if plays("worker") {
		if media, err = sys.newMediaWorker(); err != nil {
			return err
		}
		defer media.Close()
		g.Go(func() error { return media.worker.Run(ctx) })
		g.Go(func() error { media.testEncoders(ctx, log); return nil })
	}
	if plays("feeder") {
		feeder, err := pipeline.NewFeeder(pipeline.FeederConfig{
			Catalog: sys.catalog, Redis: sys.redis, StaleAfter: cfg.Duration("worker.lease"), Logger: log,
		})
		if err != nil {
			return err
		}
		g.Go(func() error { return feeder.Run(ctx) })
		g.Go(func() error { return sys.upkeep(ctx) })
		g.Go(func() error { return sys.replace(ctx) })
		g.Go(func() error { return sys.splitCaptions(ctx) })
		g.Go(func() error { return sys.bulk.Run(ctx) })
		g.Go(func() error { return sys.watchGrowing(ctx) })
	}
	if plays("inbox") && cfg.Bool("inbox.enabled") {
		if err := sys.startInbox(ctx, g); err != nil {
			return err
		}
	}
	if plays("inbox") && cfg.Bool("dropfolder.enabled") {
		if err := sys.startDropFolders(ctx, g); err != nil {
			return err
		}
	}
	if plays("gateway") && sys.hasGateway() {
		if err := sys.startGateway(ctx, g); err != nil {
			return err
		}
	}
	if plays("api") {
		sys.notify = sys.newNotify()
		g.Go(func() error { return sys.notify.Run(ctx) })
		if err := sys.startHTTP(ctx, g, media); err != nil {
			return err
		}
	}
	g.Go(func() error { return sys.watchSpace(ctx) })
	g.Go(func() error { heap.Run(ctx, spareMemory()); return nil })
	log.Info("sluice runs", "roles", roles, "data", cfg.Data(), "pid", processID())
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("sluice stopped")
	return nil
}
