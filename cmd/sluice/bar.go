//go:build linux

package main

import (
	"io"
	"os"
	"sync/atomic"

	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bar is a progress bar on a terminal; elsewhere, and when quiet, it shows nothing.
type bar struct {
	progress *mpb.Progress
	bar      *mpb.Bar
	stage    atomic.Pointer[string]
}

func newBar(w io.Writer, name string, quiet bool) *bar {
	b := &bar{}
	f, ok := w.(*os.File)
	if quiet || !ok || !isatty.IsTerminal(f.Fd()) {
		return b
	}
	b.stage.Store(new(string))
	b.progress = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
	b.bar = b.progress.AddBar(0,
		mpb.PrependDecorators(decor.Name(name, decor.WC{C: decor.DindentRight | decor.DextraSpace})),
		mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Elapsed(decor.ET_STYLE_GO, decor.WC{W: 8}),
			decor.Any(func(decor.Statistics) string { return "  " + *b.stage.Load() })),
	)
	return b
}

// set shows done of total.
func (b *bar) set(done, total int64) {
	if b.bar == nil || total <= 0 {
		return
	}
	b.bar.SetTotal(total, false)
	b.bar.SetCurrent(min(done, total))
}

// note shows a word behind the bar: the stage that runs.
func (b *bar) note(s string) {
	if b.bar != nil {
		b.stage.Store(&s)
	}
}

// close ends the bar, full when ok.
func (b *bar) close(ok bool) {
	if b.bar == nil {
		return
	}
	if ok {
		b.bar.SetTotal(-1, true)
	} else {
		b.bar.Abort(false)
	}
	b.progress.Wait()
}
