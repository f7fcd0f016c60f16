//go:build linux

package main

import (
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"sluice/catalog"
	"sluice/codec"
	"sluice/codec/worker"
	"sluice/internal/config"
	"sluice/storage"
)

const longHelp = `sluice takes media in and makes it playable.

A file goes in by the inbox directory or by 'sluice ingest'; it is probed, transcoded into a ladder of
renditions and packaged; HLS, DASH and MP4 come out of the built-in HTTP server, just in time.

  sluice serve                  run everything on this machine
  sluice ingest clip.mov        take a file in, watch it happen, get the player's URL
  sluice probe clip.mov         say what a file is
  sluice transcode clip.mov     make the ladder without a server

Every option can also be set in the environment or in sluice.yaml; see docs/configuration.md.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the media was refused, 4 not found,
5 a server or store cannot be reached, 130 interrupted.`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "sluice",
		Short:         "Media ingest and packaging",
		Long:          longHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	config.AddFlags(root.PersistentFlags())
	hideConfigFlags(root)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		serveCommand(), workerCommand(), ingestCommand(), uploadCommand(), probeCommand(), transcodeCommand(), packageCommand(),
		remuxCommand(), accountCommand(), sessionCommand(), bulkCommand(), readyCommand(), configCommand(), versionCommand(), benchCommand(),
	)
	return root
}

// hideConfigFlags keeps the options out of every command's help; 'sluice config' lists them with their values.
func hideConfigFlags(root *cobra.Command) {
	for _, o := range config.Options {
		f := root.PersistentFlags().Lookup(o.Flag())
		f.Hidden = o.Key != "data.dir" && o.Key != "http.listen" && o.Key != "log.level"
	}
}

// loadConfig reads the configuration of a command and sets up its log.
func loadConfig(cmd *cobra.Command) (*config.Config, *slog.Logger, error) {
	cfg, err := config.Load(cmd.Flags())
	if err != nil {
		return nil, nil, usageError{err}
	}
	return cfg, newLogger(cfg, os.Stderr), nil
}

func newLogger(cfg *config.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Text("log.level"))); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(w, opts)
	if cfg.Text("log.format") == "json" {
		h = slog.NewJSONHandler(w, opts)
	}
	log := slog.New(h)
	slog.SetDefault(log)
	return log
}

// child runs the process as a caged worker, when it was started as one.
func child() (code int, ok bool) {
	if !worker.IsChild() {
		return 0, false
	}
	return worker.Main(newEngine()), true
}

// roomCode is the exit code for the errors of rooms.
func roomCode(err error) int {
	var engine *codec.Error
	switch {
	case errors.As(err, &engine) && codec.RetryFor(engine.Code) == codec.RetryNo:
		return exitRefused
	case errors.Is(err, catalog.ErrNotFound), errors.Is(err, storage.ErrNotExist):
		return exitNotFound
	}
	return exitFailed
}
