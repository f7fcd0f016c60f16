package worker

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"sluice/codec"
)

// fault makes the child fail on purpose. A codec.Job.Fault is one of segv, abort, hang, oom, spin; then optionally "-once"
// (not in the safe second try) and "@n" (after n samples rather than at the start).
type fault struct {
	kind  string
	after int
}

func (f *fault) arm(job codec.Job) {
	kind, at, _ := strings.Cut(job.Fault, "@")
	kind, once := strings.CutSuffix(kind, "-once")
	if once && job.Safe {
		return
	}
	f.kind = kind
	f.after, _ = strconv.Atoi(at)
}

func (f *fault) start() {
	if f.after == 0 {
		f.happen()
	}
}

// sample counts one delivered sample.
func (f *fault) sample() {
	if f.after > 0 {
		if f.after--; f.after == 0 {
			f.happen()
		}
	}
}

func (f *fault) happen() {
	switch f.kind {
	case "segv":
		// The thread's own signal, with nobody to handle it: what a wild pointer inside a C library comes to.
		raise(syscall.SIGSEGV)
	case "abort":
		raise(syscall.SIGABRT)
	case "hang":
		select {}
	case "spin":
		for i := 0; ; i++ {
			runtime.KeepAlive(i)
		}
	case "oom":
		var hog [][]byte
		for {
			b := make([]byte, 16<<20)
			for i := 0; i < len(b); i += os.Getpagesize() {
				b[i] = 1
			}
			hog = append(hog, b)
			runtime.KeepAlive(hog)
		}
	}
}

func raise(s syscall.Signal) {
	runtime.LockOSThread()
	_ = syscall.Tgkill(os.Getpid(), syscall.Gettid(), s)
	select {}
}
