//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sluice/codec"
	"sluice/codec/plan"
	"sluice/codec/worker"
	"sluice/internal/config"
)

func probeCommand() *cobra.Command {
	var asJSON, packets bool
	cmd := &cobra.Command{
		Use:   "probe FILE…",
		Short: "Say what media files are",
		Long: `Say what media files are: container, streams, timing, colour, and what the ladder would make of them.

With --packets every packet is read: true duration, frame count, keyframes, bit rates. With --json one document a
file, its durations in microseconds. The media is only ever opened in a caged process.`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			pool := newPool(cfg, true)
			defer pool.Close()
			for _, path := range args {
				info, err := probeFile(cmd.Context(), pool, path, packets)
				if err != nil {
					return fmt.Errorf("probe %q: %w", path, err)
				}
				if asJSON {
					err = printJSON(cmd.OutOrStdout(), info)
				} else {
					err = printInfo(cmd.OutOrStdout(), path, info)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&packets, "packets", false, "read every packet, for true durations and keyframes")
	return cmd
}

// newPool starts the caged engine of a command.
// newPool is for commands that do one thing and end; noSpare starts no process before it is needed.
func newPool(cfg *config.Config, noSpare bool) *worker.Pool {
	return worker.New(worker.Config{
		Program: engineProgram, Jobs: 1, NoSpare: noSpare, Stall: cfg.Duration("worker.stall"), Memory: cfg.Int("worker.memory_bytes"),
	})
}

func probeFile(ctx context.Context, engine codec.Engine, path string, packets bool) (codec.Info, error) {
	src, err := fileSource(path)
	if err != nil {
		return codec.Info{}, err
	}
	info, err := engine.Probe(ctx, src, codec.ProbeOpts{Packets: packets, Idet: packets})
	if err != nil {
		return info, err
	}
	v := plan.Judge(info, plan.DefaultRequest())
	info.Verdict = &v
	return info, nil
}

// fileSource is a local file as a source.
func fileSource(path string) (codec.Source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return codec.Source{}, err
	}
	if !st.Mode().IsRegular() {
		return codec.Source{}, fmt.Errorf("%q is not a regular file", path)
	}
	return codec.Source{Path: path, Size: st.Size()}, nil
}

func printInfo(w io.Writer, path string, info codec.Info) error {
	fmt.Fprintf(w, "%s: %s, %s, %s\n", path, info.Format.Name, clock(info.Format.DurationUS), bitRate(info.Format.BitRate))
	tw := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	for _, s := range info.Streams {
		fmt.Fprintf(tw, "  #%d\t%s\t%s\t%s\t%s\t%s\n", s.Index, s.Kind, s.Codec, streamText(s), s.Language, bitRate(s.BitRate))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, x := range info.Warnings {
		fmt.Fprintf(w, "  warning: %s\n", x.Message)
	}
	if v := info.Verdict; v != nil && !v.Passthrough.OK && len(v.Passthrough.Reasons) > 0 {
		fmt.Fprintf(w, "  will be encoded: %s\n", strings.Join(v.Passthrough.Reasons, "; "))
	}
	return nil
}

func streamText(s codec.Stream) string {
	switch {
	case s.Video != nil:
		t := fmt.Sprintf("%d×%d %s %.3f fps", s.Video.Width, s.Video.Height, s.Video.PixFmt, s.Video.FPSAvg.Float())
		if s.Video.Rotation != 0 {
			t += fmt.Sprintf(", turned %d°", s.Video.Rotation)
		}
		if k := s.Video.HDR.Kind; k != "" && k != "none" {
			t += ", " + k
		}
		if s.Video.Interlaced {
			t += ", interlaced"
		}
		return t
	case s.Audio != nil:
		return fmt.Sprintf("%d Hz, %d ch", s.Audio.SampleRate, s.Audio.Channels)
	}
	return s.Title
}

func clock(us int64) string {
	if us <= 0 {
		return "unknown length"
	}
	return (time.Duration(us) * time.Microsecond).Round(10 * time.Millisecond).String()
}

func bitRate(b int64) string {
	if b <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f kb/s", float64(b)/1000)
}
