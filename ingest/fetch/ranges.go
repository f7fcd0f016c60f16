package fetch

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/catalog"
)

// parallel fetches what is missing in ranges, several at a time. A range that fails leaves what came; the caller tries again.
func (d *download) parallel(ctx context.Context, st state) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(orDefault(d.f.Ranges, maxRanges))
	for _, gap := range st.Extents.Missing(st.Size) {
		for from := gap.From; from < gap.To; from += rangeBytes {
			part := catalog.Extent{From: from, To: min(from+rangeBytes, gap.To)}
			g.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err // another range failed first, and its error counts
				}
				return d.part(ctx, part, st.Validator)
			})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return d.ended()
}

// part fetches one range.
func (d *download) part(ctx context.Context, part catalog.Extent, validator string) error {
	resp, w, err := d.get(ctx, part.From, part.To, validator)
	if err != nil {
		return err
	}
	defer w.stop()
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return errVersion
	}
	at, err := d.accept(ctx, resp, part.From)
	if err != nil {
		return err
	}
	if err := d.copy(resp.Body, w, at, part.To); err != nil {
		return err
	}
	if !d.has(part) {
		return d.fail(Truncated, errors.New("a range came short"))
	}
	return nil
}

func (d *download) has(part catalog.Extent) bool {
	st := d.known()
	return len(st.Extents) == len(st.Extents.Add(part.From, part.To)) && st.Extents.Total() == st.Extents.Add(part.From, part.To).Total()
}

// errStalled is why a request that gives next to nothing ends.
var errStalled = errors.New("the server sends nothing any more")

// watch ends a request that stalls.
type watch struct {
	cancel context.CancelCauseFunc
	ctx    context.Context //nolint:containedctx // the request's own, to tell why it ended
	every  time.Duration

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	bytes int
}

func (d *download) watch(ctx context.Context) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{cancel: cancel, ctx: ctx, every: orDefault(d.f.Stall, defaultStall)}
	w.timer = time.AfterFunc(w.every, w.look)
	return ctx, w
}

// got counts bytes that came.
func (w *watch) got(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes += n
}

// look ends the request if too little came since the last look.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bytes < stallBytes {
		w.cancel(errStalled)
		return
	}
	w.bytes = 0
	w.timer.Reset(w.every)
}

// stop ends the watch and the request.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	w.cancel(nil)
}

// cause is why a request failed: the stall rather than the cancellation that it led to.
func (w *watch) cause(err error) error {
	if errors.Is(context.Cause(w.ctx), errStalled) {
		return errStalled
	}
	return err
}
