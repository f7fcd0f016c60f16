//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"sluice/codec"
	"sluice/codec/plan"
	"sluice/codec/sched"
	"sluice/internal/config"
	"sluice/pipeline/stage"
	"sluice/storage/disk"
)

type transcodeFlags struct {
	out           string
	heights       []string
	audio         []string
	noPassthrough bool
	noThumbs      bool
	asJSON, quiet bool
	planOnly      bool
}

func transcodeCommand() *cobra.Command {
	var f transcodeFlags
	cmd := &cobra.Command{
		Use:   "transcode FILE",
		Short: "Make the ladder of one file into a directory, without a server",
		Long: `Make the ladder of one file into a directory, without a server: one CMAF file a track with its index, a poster,
a storyboard, captions. 'sluice package' turns such files into HLS and DASH.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return f.run(cmd, cfg, args[0])
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.out, "out", "o", "out", "directory for what is made")
	fl.StringSliceVar(&f.heights, "heights", nil, "rungs of the default ladder to make, by height, e.g. 1080,720")
	fl.StringSliceVar(&f.audio, "audio", nil, "audio renditions of the default to make, by kbit/s, e.g. 128")
	fl.BoolVar(&f.noPassthrough, "no-passthrough", false, "encode even what already fits")
	fl.BoolVar(&f.noThumbs, "no-thumbs", false, "make no poster and no storyboard")
	fl.BoolVar(&f.planOnly, "plan", false, "print the plan as JSON and stop")
	fl.BoolVar(&f.asJSON, "json", false, "print the result as JSON")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	return cmd
}

func (f transcodeFlags) run(cmd *cobra.Command, cfg *config.Config, path string) error {
	req, err := f.request(cfg)
	if err != nil {
		return err
	}
	src, err := fileSource(path)
	if err != nil {
		return err
	}
	pool := newPool(cfg, false)
	defer pool.Close()
	if f.planOnly {
		return printPlan(cmd, pool, src, req)
	}
	store, err := disk.Open(f.out)
	if err != nil {
		return err
	}
	tokens := int(cfg.Int("worker.tokens"))
	if tokens == 0 {
		tokens = runtime.GOMAXPROCS(0)
	}
	bar := newBar(cmd.ErrOrStderr(), "transcode", f.quiet || f.asJSON)
	res, err := stage.Local(cmd.Context(), pool, store, src, req, tokens, func(p codec.Progress) { bar.set(p.Frames, p.Total) })
	bar.close(err == nil)
	if err != nil {
		return fmt.Errorf("transcode %q: %w", path, err)
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), res)
	}
	if !f.quiet {
		printTracks(cmd.OutOrStdout(), f.out, res)
	}
	return nil
}

func printPlan(cmd *cobra.Command, engine codec.Engine, src codec.Source, req codec.Request) error {
	info, err := engine.Probe(cmd.Context(), src, codec.ProbeOpts{Packets: true, Idet: true})
	if err != nil {
		return err
	}
	p, _, err := plan.Make(info, req)
	if err != nil {
		return err
	}
	return printJSON(cmd.OutOrStdout(), p)
}

func printTracks(w io.Writer, dir string, res stage.LocalResult) {
	for _, t := range res.Tracks {
		fmt.Fprintf(w, "%s/%s\t%s\t%d samples\t%d bytes\n", dir, t.Key, t.Codec, t.Samples, t.Size)
	}
	slices.Sort(res.Files)
	for _, name := range res.Files {
		fmt.Fprintf(w, "%s/%s\n", dir, name)
	}
	for _, x := range append(res.Warnings, res.Report.Warnings...) {
		fmt.Fprintf(w, "warning: %s\n", x.Message)
	}
}

func (f transcodeFlags) request(cfg *config.Config) (codec.Request, error) {
	req := ladderRequest(cfg)
	req.Policy.NoPassthrough = req.Policy.NoPassthrough || f.noPassthrough
	if f.noThumbs {
		req.Thumbs = codec.ThumbSpec{}
	}
	var err error
	if req.Ladder, err = chosen("heights", f.heights, req.Ladder, func(r codec.RungSpec) int64 { return int64(r.Height) }); err != nil {
		return req, err
	}
	req.Audio.Renditions, err = chosen("audio", f.audio, req.Audio.Renditions, func(r codec.AudioRendition) int64 { return r.BitRate / 1000 })
	return req, err
}

// chosen returns the items that the flag names by number, in the flag's order; all of them when it names none.
func chosen[T any](flag string, names []string, all []T, number func(T) int64) ([]T, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []T
	for _, name := range names {
		n, err := strconv.ParseInt(name, 10, 64)
		i := slices.IndexFunc(all, func(v T) bool { return number(v) == n })
		if err != nil || i < 0 {
			return nil, usageError{fmt.Errorf("--%s: the default has no %q", flag, name)}
		}
		out = append(out, all[i])
	}
	return out, nil
}

// ladderRequest is what the configuration wants made of a source.
func ladderRequest(cfg *config.Config) codec.Request {
	req := plan.DefaultRequest()
	req.Policy.Preset = cfg.Text("engine.preset")
	req.Policy.NoPassthrough = !cfg.Bool("engine.passthrough")
	req.Policy.SpanUS = cfg.Duration("engine.span").Microseconds()
	req.Policy.MaxPixels = cfg.Int("engine.max_pixels")
	req.Policy.MaxDurationUS = cfg.Duration("engine.max_duration").Microseconds()
	if req.Policy.MemoryBytes = cfg.Int("worker.memory_bytes"); req.Policy.MemoryBytes == 0 {
		req.Policy.MemoryBytes = sched.MachineMemory()
	}
	if req.Policy.Tokens = int(cfg.Int("worker.tokens")); req.Policy.Tokens == 0 {
		req.Policy.Tokens = sched.MachineTokens()
	}
	base := req.Ladder
	req.Ladder = nil
	for _, c := range cfg.List("engine.codecs") {
		for _, r := range base {
			if r.Codec = c; c != "h264" {
				r.Name += "-" + c
				r.MaxRate = r.MaxRate * 2 / 3
			}
			req.Ladder = append(req.Ladder, r)
		}
	}
	return req
}
