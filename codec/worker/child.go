package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/codec"
)

// ChildArg is the hidden first argument that makes the binary a caged worker.
const ChildArg = "codec-cage"

const (
	dataFD     = 3
	heartbeat  = 200 * time.Millisecond
	maxThreads = 256
)

// IsChild says whether this process was started as a caged worker. main asks before anything else:
//
//	if worker.IsChild() {
//		os.Exit(worker.Main(av.New(av.Config{})))
//	}
func IsChild() bool { return len(os.Args) > 1 && os.Args[1] == ChildArg }

// hello is the child's first message.
type hello struct {
	Seccomp      bool   `json:"seccomp"`
	SeccompError string `json:"seccomp_error,omitempty"`
}

// Main is the life of a caged worker: it closes the cage around itself, then serves requests from the parent with engine
// until the parent hangs up. The result is the exit status.
func Main(engine codec.Engine) int {
	debug.SetMaxThreads(maxThreads)
	control, err := unixConn(os.NewFile(0, "control"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker: no control socket on descriptor 0:", err)
		return 1
	}
	// Taken before the filter: the signal machinery starts a thread and a goroutine of its own.
	overCPU := make(chan os.Signal, 1)
	signal.Notify(overCPU, syscall.SIGXCPU)

	c := &child{engine: engine, control: control, out: newFrameWriter(os.NewFile(dataFD, "data"))}
	h := hello{}
	if err := applySeccomp(); err != nil {
		h.SeccompError = err.Error()
	} else {
		h.Seccomp = true
	}
	if err := c.out.message(frameHello, h); err != nil {
		return 1
	}
	return c.serve(overCPU)
}

// child is the state of a caged worker.
type child struct {
	engine  codec.Engine
	control *net.UnixConn
	out     *frameWriter

	mu     sync.Mutex
	cancel context.CancelFunc // of the request under way, or nil
}

// serve handles requests one after the other. The parent's hanging up ends the process at once if a request is under way,
// since no one will read its result.
func (c *child) serve(overCPU <-chan os.Signal) int {
	requests := make(chan incoming)
	go c.listen(requests)
	for {
		select {
		case in, ok := <-requests:
			if !ok {
				return 0
			}
			if err := c.handle(in, overCPU); err != nil {
				fmt.Fprintln(os.Stderr, "worker:", err)
				return 1
			}
		case <-overCPU:
			return 1
		}
	}
}

// incoming is a request with its descriptor, and a context that ends when the parent cancels it.
type incoming struct {
	ctx  context.Context
	req  request
	file *os.File
}

// listen reads the control socket: requests go to serve, a cancellation to the request under way. It closes requests when
// the parent hangs up between requests, and ends the process when that happens within one.
func (c *child) listen(requests chan<- incoming) {
	defer close(requests)
	for {
		kind, payload, file, err := readControl(c.control)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				fmt.Fprintln(os.Stderr, "worker: control:", err)
			}
			if c.busy() {
				os.Exit(1)
			}
			return
		}
		switch kind {
		case controlCancel:
			c.mu.Lock()
			if c.cancel != nil {
				c.cancel()
			}
			c.mu.Unlock()
		case controlRequest:
			in := incoming{file: file}
			if err := json.Unmarshal(payload, &in.req); err != nil || file == nil {
				fmt.Fprintln(os.Stderr, "worker: bad request:", err)
				os.Exit(1)
			}
			var cancel context.CancelFunc
			in.ctx, cancel = context.WithCancel(context.Background())
			c.mu.Lock()
			c.cancel = cancel // before the request is taken up, so that no cancellation is lost
			c.mu.Unlock()
			requests <- in
		}
	}
}

func (c *child) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cancel != nil
}

// handle carries out one request and sends its outcome. The error is one of the pipe.
func (c *child) handle(in incoming, overCPU <-chan os.Signal) error {
	kind, v := c.outcome(in, overCPU)
	in.file.Close()
	// Before the outcome is sent, because the parent's next request may follow at once.
	c.mu.Lock()
	c.cancel()
	c.cancel = nil
	c.mu.Unlock()
	return c.out.message(kind, v)
}

func (c *child) outcome(in incoming, overCPU <-chan os.Signal) (frameKind, any) {
	src, counter, err := openSource(in)
	if err != nil {
		return frameError, asError(err)
	}
	defer c.beat(counter, overCPU)()
	return c.perform(in.ctx, in.req, src)
}

// perform calls the engine. A panic of the engine's Go code on this goroutine becomes an error; elsewhere it ends the process.
func (c *child) perform(ctx context.Context, req request, src codec.Source) (kind frameKind, v any) {
	defer func() {
		if r := recover(); r != nil {
			e := codec.NewError(codec.EngineBug, "worker", fmt.Sprintf("panic: %v\n%s", r, debug.Stack()), nil)
			kind, v = frameError, e
		}
	}()
	if !req.Run {
		info, err := c.engine.Probe(ctx, src, req.Probe)
		if err != nil {
			return frameError, asError(err)
		}
		return frameInfo, info
	}
	// One P a lane, and one for the pipe and the heartbeat: a lane's thread is inside libav nearly all the time.
	runtime.GOMAXPROCS(max(1, req.Job.Tokens) + 1)
	f := &fault{}
	if req.Faults {
		f.arm(req.Job)
	}
	req.Job.Fault = ""
	f.start()
	report, err := c.engine.Run(ctx, src, req.Job, &childSink{w: c.out, faults: f})
	if err != nil {
		return frameError, asError(err)
	}
	return frameReport, report
}

// beat flushes the pipe and tells the parent about reading, so that a long scan that yields nothing is not taken for a hang.
// It also reports the end of the allowance of processor time. The result stops it and waits.
func (c *child) beat(counter *countingReader, overCPU <-chan os.Signal) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(heartbeat)
		defer t.Stop()
		seen := int64(0)
		for {
			select {
			case <-quit:
				return
			case <-overCPU:
				_ = c.out.message(frameError, codec.NewError(codec.LimitCPU, "worker", "processor time used up", nil))
				os.Exit(1)
			case <-t.C:
				if n := counter.n.Load(); n != seen {
					seen = n
					_ = c.out.numbers(frameTick, n)
				}
				_ = c.out.flush()
			}
		}
	}()
	return func() { close(quit); <-done }
}

// openSource makes the engine's source of the descriptor that came with the request.
func openSource(in incoming) (codec.Source, *countingReader, error) {
	counter := &countingReader{r: in.file}
	if in.req.Proxy {
		conn, err := unixConn(in.file)
		if err != nil {
			return codec.Source{}, nil, codec.NewError(codec.SourceIO, "open", "proxy socket", err)
		}
		counter.r = &proxyReader{conn: conn, size: readable(in.req)}
	}
	return codec.Source{Reader: counter, Size: in.req.Size, Have: in.req.Have, Sequential: in.req.Sequential}, counter, nil
}

// countingReader counts what the engine reads.
type countingReader struct {
	r io.ReaderAt
	n atomic.Int64
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

// asError is err as it crosses the pipe.
func asError(err error) *codec.Error {
	var e *codec.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return codec.NewError(codec.Cancelled, "worker", "", err)
	}
	return codec.NewError(codec.EngineBug, "worker", err.Error(), err)
}
