package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"sluice/ingest/hsu"
	hsuclient "sluice/ingest/hsu/client"
)

// Exit codes of 'sluice upload'; docs/high-speed-upload.md lists them.
const (
	uploadFailed  = 2
	uploadAuth    = 3
	uploadQuota   = 4
	uploadNetwork = 5
)

// codedError is an error with an exit code of its own.
type codedError struct {
	code int
	err  error
}

func (e codedError) Error() string { return e.err.Error() }
func (e codedError) Unwrap() error { return e.err }

type uploadFlags struct {
	o              hsuclient.Options
	rate, metadata string
	policy         string
	asJSON, quiet  bool
}

func uploadCommand() *cobra.Command {
	var f uploadFlags
	cmd := &cobra.Command{
		Use:   "upload [flags] PATH…",
		Short: "Send files to a server, as fast as the line is",
		Long: `Send files and folders to a server over several connections at once. What the server has is never sent again: an upload
that was interrupted, on either side, goes on with --resume.

Each file becomes an entry; with --folder files go to a drop folder, with --entry one becomes the content of an entry.

  export SLUICE_SERVER=https://media.example.com:8443 SLUICE_SESSION=…
  sluice upload film.mov
  sluice upload -r --folder 12 --rate 500M night/

The session of the API is --session or SLUICE_SESSION; without it one is started with SLUICE_PARTNER and SLUICE_SECRET.
Exit codes: 0 all files are there, 2 some failed (or wrong usage), 3 not authorized, 4 no room, 5 the server cannot be reached.`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.o.Paths = args
			return f.run(cmd)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.o.Server, "server", orEnv("SLUICE_SERVER", "https://127.0.0.1:8443"), "URL of the server")
	fl.StringVar(&f.o.Session, "session", "", "session of the API [SLUICE_SESSION]")
	fl.StringVar(&f.o.User, "user", "", "user for whom a session is started")
	fl.BoolVar(&f.o.Admin, "admin", false, "start an administrator's session")
	fl.StringVar(&f.o.Fingerprint, "fingerprint", os.Getenv("SLUICE_FINGERPRINT"), "SHA-256 of the server's certificate, when no authority vouches for it")
	fl.BoolVarP(&f.o.Recursive, "recursive", "r", false, "send folders with all that is in them")
	fl.StringArrayVar(&f.o.Exclude, "exclude", nil, "glob of names, or of paths below a folder, to leave out; may be repeated")
	fl.StringVar(&f.rate, "rate", "", "never exceed so many bits a second: 500M, 1.5G")
	fl.StringVar(&f.policy, "policy", "fair", "part of the account's rate: fair, high (two parts), low (a quarter), fixed (exactly --rate)")
	fl.IntVar(&f.o.Streams, "streams", 0, "number of connections; 0 finds the best")
	fl.StringVar(&f.o.Congestion, "congestion", "", "TCP congestion control, on Linux; empty means bbr where there is it")
	fl.Int64Var(&f.o.Open.Folder, "folder", 0, "id of the drop folder to send to")
	fl.StringVar(&f.o.Open.Prefix, "prefix", "", "sub-folder of the drop folder")
	fl.StringVar(&f.o.Open.Entry, "entry", "", "id of the entry that the file becomes the content of")
	fl.BoolVar(&f.o.Open.Replace, "replace", false, "let it replace content that the entry has")
	fl.StringVar(&f.metadata, "metadata", "", "JSON file that describes the entries: name, description, tags, referenceId …")
	fl.BoolVar(&f.o.Watch, "watch", false, "go on with files that appear in the folders")
	fl.BoolVar(&f.o.Growing, "growing", false, "send files while they grow, until they rest")
	fl.DurationVar(&f.o.Quiet, "quiet-time", hsuclient.DefaultQuiet, "how long a growing file must rest to be complete")
	fl.BoolVar(&f.o.Resume, "resume", false, "go on with an earlier upload of the same paths")
	fl.BoolVar(&f.o.Once, "once", false, "give up at the first failure of the network")
	fl.BoolVar(&f.asJSON, "json", false, "print a JSON line each second and for each file")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "print failures only")
	return cmd
}

func orEnv(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// options completes the client's options from flags and environment.
func (f *uploadFlags) options() error {
	o := &f.o
	if o.Session == "" {
		o.Session = os.Getenv("SLUICE_SESSION")
	}
	if o.Session == "" {
		o.Partner, _ = strconv.ParseInt(os.Getenv("SLUICE_PARTNER"), 10, 64) // none is refused by the client
		o.Secret = os.Getenv("SLUICE_SECRET")
	}
	if o.User == "" {
		o.User = os.Getenv("SLUICE_USER")
	}
	o.Open.Policy = hsu.Policy(f.policy)
	var err error
	if o.Open.Rate, err = parseRate(f.rate); err != nil {
		return usageError{fmt.Errorf("--rate: %w", err)}
	}
	if f.metadata != "" {
		b, err := os.ReadFile(f.metadata)
		if err != nil {
			return usageError{err}
		}
		if o.Open.Metadata, err = hsu.ParseMetadata(b); err != nil {
			return usageError{fmt.Errorf("--metadata %s: %w", f.metadata, err)}
		}
	}
	if cache, err := os.UserCacheDir(); err == nil { // without one nothing is remembered
		o.StateDir = filepath.Join(cache, "sluice", "uploads")
	}
	return nil
}

// parseRate reads bits a second with a decimal suffix: 500M is five hundred million.
func parseRate(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	unit := 1.0
	if i := strings.IndexByte("KMGT", s[len(s)-1]&^0x20); i >= 0 {
		for range i + 1 {
			unit *= 1000
		}
		s = s[:len(s)-1]
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v <= 0 || v*unit > 1e15 {
		return 0, fmt.Errorf("%q is not a rate such as 500M", s)
	}
	return int64(v * unit), nil
}

func (f *uploadFlags) run(cmd *cobra.Command) error {
	if err := f.options(); err != nil {
		return err
	}
	out := &uploadOutput{w: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(), asJSON: f.asJSON, quiet: f.quiet}
	if file, ok := out.errs.(*os.File); ok && !f.quiet && !f.asJSON {
		out.live = isatty.IsTerminal(file.Fd())
	}
	f.o.Progress, f.o.Done, f.o.Log = out.progress, out.done, out.log
	p, err := hsuclient.Run(cmd.Context(), f.o)
	out.end(p, err)
	if f.o.Watch && errors.Is(err, context.Canceled) {
		return nil // that is how watching ends
	}
	for _, c := range []struct {
		is   error
		code int
	}{{hsuclient.ErrAuth, uploadAuth}, {hsuclient.ErrQuota, uploadQuota}, {hsuclient.ErrNetwork, uploadNetwork}, {hsuclient.ErrFailed, uploadFailed}} {
		if errors.Is(err, c.is) {
			return codedError{c.code, err}
		}
	}
	if errors.Is(err, hsuclient.ErrUsage) {
		return usageError{err}
	}
	return err
}

// uploadOutput tells of an upload: a line that is written over on a terminal, lines of JSON, or only what ended.
type uploadOutput struct {
	w, errs             io.Writer
	asJSON, quiet, live bool

	mu sync.Mutex // keeps lines apart
}

func (u *uploadOutput) line(event string, v any) {
	_ = printLine(u.w, struct {
		Event string `json:"event"`
		Data  any    `json:"data"`
	}{event, v})
}

func (u *uploadOutput) progress(p hsuclient.Progress) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.asJSON:
		u.line("progress", p)
	case u.live:
		fmt.Fprintf(u.errs, "\r\x1b[K%s", progressLine(p))
	}
}

const barWidth = 24

// progressLine shows an upload in one line.
func progressLine(p hsuclient.Progress) string {
	share := 0.0
	if p.Total > 0 {
		share = float64(p.Bytes) / float64(p.Total)
	}
	full := int(share * barWidth)
	s := fmt.Sprintf("[%s%s] %3.0f%%  %s of %s  %s  %d of %d files  %d streams", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full),
		100*share, decimal(p.Bytes, "B"), decimal(p.Total, "B"), decimal(p.Rate, "bit/s"), p.Done, p.Files, p.Streams)
	if p.Left > 0 {
		s += "  " + p.Left.Round(time.Second).String() + " left"
	}
	if p.Slow != "" {
		s += "  (" + p.Slow + ")"
	}
	return s
}

// decimal shows a number with a decimal prefix.
func decimal(n int64, unit string) string {
	v, prefix := float64(n), ""
	for _, p := range []string{"k", "M", "G", "T"} {
		if v < 1000 {
			break
		}
		v, prefix = v/1000, p
	}
	return fmt.Sprintf("%.3g %s%s", v, prefix, unit)
}

func (u *uploadOutput) done(r hsuclient.Result) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.asJSON:
		u.line("file", r)
	case r.Error != "":
		u.clear()
		fmt.Fprintf(u.errs, "%s: %s\n", r.Path, r.Error)
	case !u.quiet:
		u.clear()
		fmt.Fprintln(u.w, strings.TrimSpace(r.Entry+"  "+r.Path))
	}
}

func (u *uploadOutput) clear() {
	if u.live {
		fmt.Fprint(u.errs, "\r\x1b[K")
	}
}

func (u *uploadOutput) log(format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.asJSON {
		u.line("notice", fmt.Sprintf(format, args...))
		return
	}
	if !u.quiet {
		u.clear()
		fmt.Fprintf(u.errs, format+"\n", args...)
	}
}

func (u *uploadOutput) end(p hsuclient.Progress, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.asJSON {
		text := ""
		if err != nil {
			text = err.Error()
		}
		u.line("end", struct {
			hsuclient.Progress
			Error string `json:"error,omitempty"`
		}{p, text})
		return
	}
	u.clear()
	if !u.quiet && p.Files > 0 {
		fmt.Fprintf(u.errs, "%d of %d files, %s in %v: %s\n", p.Done, p.Files, decimal(p.Bytes, "B"), p.Elapsed.Round(time.Millisecond), decimal(p.Rate, "bit/s"))
	}
}
