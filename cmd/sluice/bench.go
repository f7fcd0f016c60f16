//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sluice/bench"
)

type benchFlags struct {
	quick, asJSON bool
	markdown      string
	dir           string
	postgres      string
	megabytes     int
	names         int
}

func benchCommand() *cobra.Command {
	var f benchFlags
	var list strings.Builder
	for _, b := range bench.All {
		fmt.Fprintf(&list, "  %-15s %s\n", b.Name, b.Help)
	}
	cmd := &cobra.Command{
		Use:   "bench [NAME…]",
		Short: "Measure sluice beside its peers",
		Long: "Do the same work through sluice and through its peers, in turn, and print the ratio: above 1 sluice is better.\n" +
			"A peer that is not installed is skipped and named.\n\n" + list.String(),
		Args: usageArgs(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.Flags().BoolVar(&f.quick, "quick", false, "at most a minute a name")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print a JSON line a result")
	cmd.Flags().StringVar(&f.markdown, "markdown", "", "write the table to this file, with a plot and the figures beside it; what it has of other benchmarks stays")
	cmd.Flags().IntVar(&f.megabytes, "megabytes", 0, "size of the file that growing uploads; 0 for its own choice")
	cmd.Flags().IntVar(&f.names, "names", 0, "files in the one folder that dropfolder sweeps; 0 for its own choice")
	cmd.Flags().StringVar(&f.postgres, "postgres", "", "URL of an empty PostgreSQL database for api; without it only SQLite is measured")
	cmd.Flags().StringVar(&f.dir, "dir", "", "scratch directory (default: a temporary one)")
	return cmd
}

func (f benchFlags) run(cmd *cobra.Command, names []string) error {
	list, err := bench.Find(names)
	if err != nil {
		return usageError{err}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(f.dir, "sluice-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	shared := filepath.Join(dir, "shared")
	if err := os.Mkdir(shared, 0o755); err != nil {
		return err
	}
	var broken []string
	skipped := map[string]string{}
	for _, b := range list {
		sub := filepath.Join(dir, b.Name)
		if err := os.Mkdir(sub, 0o755); err != nil {
			return err
		}
		env := &bench.Env{Binary: self, Engine: engineProgram, Dir: sub, Shared: shared, Quick: f.quick, Megabytes: f.megabytes, Names: f.names, Postgres: f.postgres, Log: func(format string, args ...any) {
			fmt.Fprintf(cmd.ErrOrStderr(), b.Name+": "+format+"\n", args...)
		}}
		var results []bench.Record
		err := b.Run(cmd.Context(), env, func(r bench.Result) {
			results = append(results, bench.RecordOf(b.Name, r, f.quick))
			f.print(cmd, r)
		})
		os.RemoveAll(sub)
		switch {
		case errors.Is(err, bench.ErrNoPeer):
			skipped[b.Name] = err.Error()
			fmt.Fprintln(cmd.ErrOrStderr(), "skipped:", err)
			continue
		case cmd.Context().Err() != nil:
			return err
		case err != nil: // the others are measured
			broken = append(broken, b.Name)
			fmt.Fprintln(cmd.ErrOrStderr(), "failed:", err)
			continue
		}
		if f.markdown == "" {
			continue
		}
		if err := writeTable(f.markdown, results, skipped); err != nil { // as far as it is: a long run may be interrupted
			return err
		}
	}
	if len(broken) > 0 {
		return fmt.Errorf("benchmarks that failed: %s", strings.Join(broken, ", "))
	}
	return nil
}

func (f benchFlags) print(cmd *cobra.Command, r bench.Result) {
	if f.asJSON {
		b, err := json.Marshal(r)
		if err == nil {
			fmt.Fprintln(cmd.OutOrStdout(), string(b))
		}
		return
	}
	gate := ""
	if r.Gate != "" {
		gate = ", wanted " + r.Gate
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%-22s vs %-20s %10.4g against %10.4g %-14s ratio %.2f (%.2f–%.2f, %d pairs)%s\n",
		r.Bench, r.Peer, r.Ours, r.Theirs, r.Unit, r.Ratio, r.Min, r.Max, r.Runs, gate)
}

// writeTable puts what was measured beside what was before, in a file of records, and makes the page and the plot of it.
func writeTable(path string, news []bench.Record, skipped map[string]string) error {
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	results, err := bench.ReadRecords(stem + ".json")
	if err != nil {
		return err
	}
	results = bench.Merge(results, news)
	if err := bench.WriteRecords(stem+".json", results); err != nil {
		return err
	}
	plot := stem + ".svg"
	svg, err := os.Create(plot)
	if err != nil {
		return err
	}
	if err := errors.Join(bench.Plot(svg, results), svg.Close()); err != nil {
		return err
	}
	md, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(bench.Markdown(md, results, skipped, filepath.Base(plot)), md.Close())
}
