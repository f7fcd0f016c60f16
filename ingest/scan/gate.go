package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"sluice/codec"
	"sluice/pipeline"
	"sluice/pipeline/stage"
)

// Policy says what becomes of content without a verdict.
type Policy string

// Policies. Auto is open for large files, of which a scanner rarely sees all, and closed for others.
const (
	Closed Policy = "closed"
	Open   Policy = "open"
	Auto   Policy = "auto"
)

// autoOpen is how large files are for which Auto is open: beyond it a scan takes longer than anything that may hide in a film.
const autoOpen = 4 << 30

// DefaultTimeout is how long a scan may take in all.
const DefaultTimeout = 10 * time.Minute

// Gate is a stage.Scanner over a daemon.
type Gate struct {
	Clamd  Clamd
	Policy Policy
	// Timeout bounds a scan, 0 means DefaultTimeout.
	Timeout time.Duration
	Log     *slog.Logger
}

// Scan implements stage.Scanner.
func (g *Gate) Scan(ctx context.Context, r io.Reader, size int64) (stage.Verdict, error) {
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, orDefault(g.Timeout))
	defer cancel()
	head := &keeper{r: r}
	virus, sent, err := g.Clamd.Scan(limited, head)
	v := stage.Verdict{Virus: virus, Scanned: sent}
	if err == nil {
		observe(began, v, nil)
		return v, nil
	}
	if ctx.Err() != nil {
		return stage.Verdict{}, ctx.Err() // the caller's own end
	}
	if head.err != nil {
		return stage.Verdict{}, codec.NewError(codec.SourceIO, "scan", head.err.Error(), head.err)
	}
	if limited.Err() != nil {
		err = fmt.Errorf("%w: no verdict within %v", ErrDaemon, orDefault(g.Timeout))
	}
	return g.without(began, v, size, err)
}

// without is what becomes of content of which there is no verdict.
func (g *Gate) without(began time.Time, v stage.Verdict, size int64, err error) (stage.Verdict, error) {
	if g.Policy == Open || g.Policy == Auto && size > autoOpen {
		v.Unscanned = strings.ToValidUTF8(err.Error(), "?")
		if g.Log != nil {
			g.Log.Warn("content passes without a whole scan", "bytes", size, "scanned", v.Scanned, "error", err)
		}
		observe(began, v, nil)
		return v, nil
	}
	failed := codec.NewError(codec.ScanFailed, "scan", err.Error(), err)
	observe(began, v, failed)
	if errors.Is(err, ErrUnreachable) {
		return v, pipeline.Postpone(failed)
	}
	return v, failed
}

// keeper remembers that reading failed.
type keeper struct {
	r   io.Reader
	err error
}

func (k *keeper) Read(b []byte) (int, error) {
	n, err := k.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		k.err = err
	}
	return n, err
}

func orDefault(d time.Duration) time.Duration {
	if d == 0 {
		return DefaultTimeout
	}
	return d
}
