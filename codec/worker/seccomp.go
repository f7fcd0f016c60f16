package worker

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// allowedCalls is what decoding and encoding need once every library is loaded and every descriptor is open: reading and
// writing descriptors, memory, threads, time, signals of its own. The first ones are the frequent ones.
var allowedCalls = []uintptr{
	unix.SYS_FUTEX, unix.SYS_READ, unix.SYS_WRITE, unix.SYS_PREAD64, unix.SYS_EPOLL_PWAIT, unix.SYS_NANOSLEEP,
	unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_MADVISE, unix.SYS_MUNMAP, unix.SYS_SCHED_YIELD,
	unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREADV, unix.SYS_LSEEK, unix.SYS_FSTAT, unix.SYS_CLOSE,
	unix.SYS_RECVMSG, unix.SYS_SENDMSG, unix.SYS_RECVFROM, unix.SYS_SENDTO, unix.SYS_SHUTDOWN,
	unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_GETSOCKOPT,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EVENTFD2, unix.SYS_PIPE2, unix.SYS_PPOLL,
	unix.SYS_DUP, unix.SYS_FCNTL, unix.SYS_MREMAP, unix.SYS_BRK, unix.SYS_MINCORE, unix.SYS_MEMBARRIER,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGTIMEDWAIT, unix.SYS_SIGALTSTACK,
	unix.SYS_RESTART_SYSCALL, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
	unix.SYS_SET_TID_ADDRESS, unix.SYS_GETTID, unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETUID, unix.SYS_GETEUID,
	unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_GETPARAM, unix.SYS_SCHED_GETSCHEDULER, unix.SYS_GETPRIORITY,
	unix.SYS_GETRANDOM, unix.SYS_GETRUSAGE, unix.SYS_GETCPU, unix.SYS_SYSINFO, unix.SYS_UNAME, unix.SYS_CLOCK_GETRES,
	unix.SYS_GETTIMEOFDAY, unix.SYS_GETITIMER,
}

// fatalCalls have no innocent use in a worker: a call means that the process is no longer ours, and it dies on the spot.
var fatalCalls = []uintptr{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_SOCKET, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT,
	unix.SYS_ACCEPT4, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KILL, unix.SYS_TKILL,
	unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_PIDFD_GETFD, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_KEYCTL,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT,
	unix.SYS_IO_URING_SETUP, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT, unix.SYS_SYMLINKAT,
}

// deniedCalls fail as if the file were not theirs: libraries look for tuning files and cope without.
var deniedCalls = []uintptr{
	unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_STATX,
	unix.SYS_STATFS, unix.SYS_GETDENTS64, unix.SYS_MKDIRAT, unix.SYS_FTRUNCATE,
}

const (
	retAllow = unix.SECCOMP_RET_ALLOW
	retKill  = uint32(unix.SECCOMP_RET_KILL_PROCESS)
	retErrno = uint32(unix.SECCOMP_RET_ERRNO)

	// Offsets in struct seccomp_data (linux/seccomp.h).
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// program is a BPF program under construction.
type program []unix.SockFilter

func (p *program) add(code uint16, k uint32, jt, jf uint8) {
	*p = append(*p, unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k})
}

func (p *program) load(off uint32)   { p.add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, off, 0, 0) }
func (p *program) ret(action uint32) { p.add(unix.BPF_RET|unix.BPF_K, action, 0, 0) }

// loadArg loads the low half of argument n.
func (p *program) loadArg(n uint32) { p.load(offArgs + 8*n) }

// on returns action for system call nr. The number must be loaded.
func (p *program) on(nr uintptr, action uint32) {
	p.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, uint32(nr), 0, 1)
	p.ret(action)
}

// onBits decides nr by whether any of bits is set in the low half of argument arg.
func (p *program) onBits(nr uintptr, arg, bits, set, clear uint32) {
	p.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, uint32(nr), 0, 4)
	p.loadArg(arg)
	p.add(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, bits, 0, 1)
	p.ret(set)
	p.ret(clear)
}

// onValue decides nr by whether the low half of argument arg is value.
func (p *program) onValue(nr uintptr, arg, value, equal, other uint32) {
	p.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, uint32(nr), 0, 4)
	p.loadArg(arg)
	p.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, value, 0, 1)
	p.ret(equal)
	p.ret(other)
}

// onNil decides nr by whether pointer argument arg is nil.
func (p *program) onNil(nr uintptr, arg, isNil, other uint32) {
	p.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, uint32(nr), 0, 6)
	p.loadArg(arg)
	p.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, 0, 0, 3)
	p.load(offArgs + 8*arg + 4)
	p.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, 0, 0, 1)
	p.ret(isNil)
	p.ret(other)
}

// filter builds the worker's filter for process pid.
func filter(pid int) program {
	denied := func(e unix.Errno) uint32 { return retErrno | uint32(e) }
	var p program
	p.load(offArch)
	p.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, auditArch, 1, 0)
	p.ret(retKill)
	p.load(offNumber)
	if foreignABI != 0 { // the other numbering of the same machine
		p.add(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, foreignABI, 0, 1)
		p.ret(retKill)
	}
	for _, nr := range append(allowedCalls, archAllowed...) {
		p.on(nr, retAllow)
	}
	// No memory is both written and run.
	p.onBits(unix.SYS_MMAP, 2, unix.PROT_EXEC, denied(unix.EACCES), retAllow)
	p.onBits(unix.SYS_MPROTECT, 2, unix.PROT_EXEC, denied(unix.EACCES), retAllow)
	// Threads yes, processes no. clone3 hides its flags in memory; without it the C library falls back to clone.
	p.on(unix.SYS_CLONE3, denied(unix.ENOSYS))
	p.onBits(unix.SYS_CLONE, 0, unix.CLONE_THREAD, retAllow, retKill)
	// Signals to itself only: preemption, abort.
	p.onValue(unix.SYS_TGKILL, 0, uint32(pid), retAllow, retKill)
	// Limits may be read (new value is nil), not set.
	p.onNil(unix.SYS_PRLIMIT64, 2, retAllow, denied(unix.EPERM))
	p.onValue(unix.SYS_PRCTL, 0, unix.PR_SET_NAME, retAllow, denied(unix.EINVAL))
	p.onBits(archFstatat, 3, unix.AT_EMPTY_PATH, retAllow, denied(unix.EACCES))
	for _, nr := range append(deniedCalls, archDenied...) {
		p.on(nr, denied(unix.EACCES))
	}
	for _, nr := range append(fatalCalls, archFatal...) {
		p.on(nr, retKill)
	}
	p.ret(denied(unix.EPERM))
	return p
}

// applySeccomp closes the filter around all threads of the process, for good.
func applySeccomp() error {
	if auditArch == 0 {
		return errors.New("no filter for " + runtime.GOARCH)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	p := filter(os.Getpid())
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	tid, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(p)
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	if tid != 0 {
		return fmt.Errorf("seccomp: thread %d has a filter of its own", tid)
	}
	return nil
}
