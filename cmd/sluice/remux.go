//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sluice/packager/remux"
)

type remuxFlags struct {
	opts          remux.Options
	format        string
	gaps          string
	force         bool
	asJSON, quiet bool
}

func remuxCommand() *cobra.Command {
	var f remuxFlags
	cmd := &cobra.Command{
		Use:   "remux PLAYLIST",
		Short: "Turn an HLS playlist into an MP4, M4A or ADTS file, without encoding",
		Long: `Turn an HLS playlist — a path or an http(s) URL, of TS, fMP4 or packed audio segments, clear or AES-128 — into a
progressive MP4 with its moov first, an M4A, an ADTS file or CMAF track files. One pass; nothing is encoded; the
result is read back and checked. A single TS, MP4 or ADTS file will do as well.

A playlist on disk may only refer to files beside or below it, unless --allow-remote; addresses on this machine or in
private networks are refused, unless --allow-private.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, _, err := loadConfig(cmd); err != nil {
				return err
			}
			f.opts.Input = args[0]
			return f.run(cmd)
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.opts.Output, "output", "o", "out.mp4", "file to make (a folder for --format cmaf)")
	fl.StringVar(&f.format, "format", "", "mp4, m4a, adts or cmaf (default: by the output's extension)")
	fl.BoolVar(&f.opts.AudioOnly, "audio-only", false, "leave out video")
	fl.IntVar(&f.opts.MaxHeight, "max-height", 0, "take the best variant of at most so many lines")
	fl.StringVar(&f.opts.Language, "language", "", "take the audio of this language")
	fl.IntVar(&f.opts.Parallel, "parallel", 0, "segments to fetch at once (default: 4 remote, 2 local)")
	fl.StringVar(&f.gaps, "gaps", "fill", "what to do about a missing segment: fill or fail")
	fl.BoolVar(&f.opts.AllowRemote, "allow-remote", false, "let a playlist on disk refer to http(s) URLs")
	fl.BoolVar(&f.opts.AllowPrivate, "allow-private", false, "fetch from this machine and private networks")
	fl.BoolVar(&f.opts.AllowOpen, "allow-open", false, "take a playlist without an end as it stands")
	fl.BoolVar(&f.force, "force", false, "replace the output if it is there")
	fl.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	return cmd
}

func (f remuxFlags) run(cmd *cobra.Command) error {
	f.opts.Format, f.opts.OnGap = remux.Format(f.format), remux.GapPolicy(f.gaps)
	if f.opts.OnGap != remux.GapFill && f.opts.OnGap != remux.GapFail {
		return usageError{fmt.Errorf("--gaps: %q is neither fill nor fail", f.gaps)}
	}
	if _, err := os.Lstat(f.opts.Output); err == nil && !f.force {
		return usageError{fmt.Errorf("%q is there already; --force replaces it", f.opts.Output)}
	}
	bar := newBar(cmd.ErrOrStderr(), "remux", f.quiet || f.asJSON)
	f.opts.Progress = func(p remux.Progress) {
		if p.Total90k > 0 {
			bar.set(p.Media90k, p.Total90k)
		} else {
			bar.set(int64(p.Segments), int64(p.TotalSegments))
		}
	}
	rep, err := remux.Run(cmd.Context(), f.opts)
	bar.close(err == nil)
	if err != nil {
		var refused *remux.Error
		if errors.As(err, &refused) && cmd.Context().Err() == nil {
			return refusedError{err}
		}
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), rep)
	}
	if f.quiet {
		return nil
	}
	length := time.Duration(rep.Duration90k) * time.Second / 90000
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %v, %d bytes, %d segments\n", rep.Output, length.Round(time.Millisecond), rep.Bytes, rep.Segments)
	for _, t := range rep.Tracks {
		fmt.Fprintf(cmd.OutOrStdout(), "  %s %s, %d samples\n", t.Kind, t.Codec, t.Samples)
	}
	for _, g := range rep.Gaps {
		fmt.Fprintf(cmd.OutOrStdout(), "  gap: %+v\n", g)
	}
	for _, w := range rep.Warnings {
		fmt.Fprintf(cmd.OutOrStdout(), "  warning: %s\n", w)
	}
	return nil
}
