package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"sluice/codec"
)

// killReason says why the parent killed a child; it labels a metric.
type killReason string

const (
	killCancelled killReason = "cancelled"
	killDeadline  killReason = "deadline"
	killStalled   killReason = "stalled"
	killMemory    killReason = "memory"
	killCPU       killReason = "cpu"
	killWall      killReason = "wall"
	killOutput    killReason = "output"
	killSink      killReason = "sink"
	killProtocol  killReason = "protocol"
	killExit      killReason = "exit" // did not end when it should
)

// death explains a child that ended without a result. readErr is what ended the reading of its frames.
func (pr *process) death(ctx context.Context, readErr error) *codec.Error {
	stderr := strings.TrimSpace(pr.stderr.text())
	detail := func(s string) string {
		if stderr != "" {
			s += "; it printed: " + stderr
		}
		return s
	}
	switch pr.killed() {
	case killCancelled, killDeadline:
		return cancelled(ctx)
	case killStalled:
		return codec.NewError(codec.Stalled, "worker", detail("no progress"), nil)
	case killMemory:
		return codec.NewError(codec.OutOfMemory, "worker", detail("resident memory exceeded the limit"), nil)
	case killCPU:
		return codec.NewError(codec.LimitCPU, "worker", "processor time used up", nil)
	case killWall:
		return codec.NewError(codec.DeadlineExceeded, "worker", "the longest time for one try is over", nil)
	case killOutput:
		return codec.NewError(codec.EngineBug, "worker", "more output than the plan allows", nil)
	case killProtocol:
		return codec.NewError(codec.EngineBug, "worker", detail(fmt.Sprint(readErr)), readErr)
	}
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	st := pr.cmd.ProcessState
	ws, _ := st.Sys().(syscall.WaitStatus)
	switch {
	case ws.Signaled() && ws.Signal() == syscall.SIGXCPU:
		return codec.NewError(codec.LimitCPU, "worker", "processor time used up", nil)
	case ws.Signaled() && ws.Signal() == syscall.SIGKILL: // not ours: the kernel's, out of memory
		return codec.NewError(codec.OutOfMemory, "worker", detail("killed by the system"), nil)
	case ws.Signaled() && ws.Signal() == syscall.SIGSYS:
		return codec.NewError(codec.MediaCrash, "worker", detail("a system call that the sandbox forbids"), nil)
	case strings.Contains(stderr, "out of memory") || strings.Contains(stderr, "cannot allocate memory"):
		return codec.NewError(codec.OutOfMemory, "worker", detail(st.String()), nil)
	}
	return codec.NewError(codec.MediaCrash, "worker", detail(fmt.Sprintf("the worker process ended without a result: %s", st)), nil)
}

// cancelled is the error of a call whose context ended.
func cancelled(ctx context.Context) *codec.Error {
	c := codec.Cancelled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c = codec.DeadlineExceeded
	}
	cause := ctx.Err()
	if why := context.Cause(ctx); why != nil && !errors.Is(why, cause) {
		cause = fmt.Errorf("%w: %w", cause, why)
	}
	return codec.NewError(c, "worker", "", cause)
}

// sinkFailure is the error of a run that the caller's sink ended.
func sinkFailure(err error) *codec.Error {
	c := codec.SinkIO
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		c = codec.DiskFull
	}
	return codec.NewError(c, "write", err.Error(), err)
}

// sourceFailure is the error of a run whose source could not be read; the caller's own error is kept in it.
func sourceFailure(err error) *codec.Error {
	return codec.NewError(codec.SourceIO, "open", err.Error(), err)
}

const maxDetail = 4 << 10

var knownStages = map[string]bool{
	"open": true, "probe": true, "plan": true, "demux": true, "decode": true, "filter": true, "encode": true, "write": true, "worker": true,
}

// childError decodes the error a child reports. What it says is data: an unknown code becomes engine_bug, texts are bounded,
// and a sentence for people that holds more than a sentence is replaced by the usual one.
func childError(payload []byte) (*codec.Error, error) {
	var e codec.Error
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("%w: error: %w", errFrame, err)
	}
	if codec.UserText(e.Code) == "" {
		e.Detail = fmt.Sprintf("unknown code %.40q: %s", e.Code, e.Detail)
		e.Code = codec.EngineBug
	}
	if !knownStages[e.Stage] {
		e.Stage = "worker"
	}
	if len(e.Detail) > maxDetail {
		e.Detail = strings.ToValidUTF8(e.Detail[:maxDetail], "")
	}
	if len(e.User) > 300 || strings.ContainsAny(e.User, "/\\\n") || e.User == "" {
		e.User = codec.UserText(e.Code)
	}
	return &e, nil
}

// isEnd says that a read error means the end of the child rather than a broken frame.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrClosed)
}
