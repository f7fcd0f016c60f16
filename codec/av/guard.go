//go:build cgo

package av

/*
#cgo LDFLAGS: -Wl,--as-needed
#cgo pkg-config: libavcodec libavformat libavfilter libavutil libswresample
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

var installLog sync.Once

// cptr returns the C pointer inside an astiav wrapper: it is the first field of every one of them.
func cptr[T any](x *T) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(x)) }

// guard belongs to one call of Probe or Run: it carries the context into libav (interrupt flag) and the log lines out of it.
type guard struct {
	ctx  context.Context
	mu   sync.Mutex // intr may be stopped by the context while close frees it
	intr *C.sl_intr
	log  *C.sl_log
	off  func() bool
}

func newGuard(ctx context.Context) *guard {
	installLog.Do(func() {
		C.sl_log_install()
		os.Setenv("SVT_LOG", "1") // SVT-AV1 writes to stderr by itself: errors only
	})
	g := &guard{ctx: ctx, intr: C.sl_intr_new(), log: C.sl_log_new()}
	g.off = context.AfterFunc(ctx, g.stop)
	live("guard", 1)
	return g
}

func (g *guard) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.intr != nil {
		C.sl_intr_stop(g.intr)
	}
}

// deadline bounds blocking reads from now on; 0 lifts the bound.
func (g *guard) deadline(d time.Duration) { C.sl_intr_deadline(g.intr, C.int64_t(d.Microseconds())) }

// bind ties the goroutine to its thread and the thread's log lines to this call, until the returned function runs.
func (g *guard) bind() func() {
	runtime.LockOSThread()
	C.sl_log_bind(g.log)
	return func() {
		C.sl_log_bind(nil)
		runtime.UnlockOSThread()
	}
}

func (g *guard) close() {
	g.off()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.intr == nil {
		return
	}
	C.sl_intr_free(g.intr)
	C.sl_log_free(g.log)
	g.intr, g.log = nil, nil
	live("guard", -1)
}

// lines returns the job's last log lines, cut to a size that fits an error.
func (g *guard) lines() string {
	buf := make([]byte, 64*240)
	n := C.sl_log_read(g.log, (*C.char)(unsafe.Pointer(&buf[0])), C.int(len(buf)))
	s := strings.ToValidUTF8(strings.TrimSpace(string(buf[:n])), "?")
	const most = 2000
	if len(s) > most {
		s = s[len(s)-most:]
	}
	return s
}

// fail makes the error that ends a call: cancellation and deadlines outrank what libav reported because of them.
func (g *guard) fail(code codec.Code, stage string, cause error) *codec.Error {
	if err := g.interrupted(stage); err != nil {
		return err
	}
	detail := ""
	if cause != nil {
		detail = cause.Error()
	}
	if errors.Is(cause, errNotYet) {
		code = codec.NotYet
	}
	if l := g.lines(); l != "" {
		detail = strings.TrimPrefix(detail+"; log: "+l, "; ")
	}
	e := codec.NewError(code, stage, detail, cause)
	var av astiav.Error
	if errors.As(cause, &av) {
		e.AV = int(av)
		if code == "" {
			e.Code = codec.EngineBug
		}
		if avNoMemory(av) {
			e.Code, e.User = codec.OutOfMemory, codec.UserText(codec.OutOfMemory)
		}
	}
	return e
}

// interrupted returns why the call must end now, or nil.
func (g *guard) interrupted(stage string) *codec.Error {
	if err := g.ctx.Err(); err != nil {
		code := codec.Cancelled
		if errors.Is(err, context.DeadlineExceeded) {
			code = codec.DeadlineExceeded
		}
		return codec.NewError(code, stage, "", context.Cause(g.ctx))
	}
	if C.sl_intr_state(g.intr) == 2 {
		return codec.NewError(codec.DeadlineExceeded, stage, "reading took too long", nil)
	}
	return nil
}

// avErr turns a libav return code into an error, nil when it is not negative.
func avErr(ret C.int) error {
	if ret >= 0 {
		return nil
	}
	return astiav.Error(int(ret))
}

func avNoMemory(e astiav.Error) bool { return int(e) == -12 }

// again and ended classify libav's control flow results.
func again(err error) bool { return errors.Is(err, astiav.ErrEagain) }
func ended(err error) bool { return errors.Is(err, astiav.ErrEof) }

// asEngineError returns err as *codec.Error, wrapping a foreign one as an engine bug.
func asEngineError(err error, stage string) error {
	if err == nil {
		return nil
	}
	var e *codec.Error
	if errors.As(err, &e) {
		return err
	}
	return codec.NewError(codec.EngineBug, stage, err.Error(), err)
}
