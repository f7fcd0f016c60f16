package worker

import (
	"log/slog"
	"runtime"
	"time"
)

// Config configures a Pool. The zero value is a working configuration.
type Config struct {
	// Jobs is how many job processes may run at once; further calls of Run wait. 0 means one a core. With 1 no spare is started
	// while it runs: that is for programs that do one thing and end.
	Jobs int
	// Probes is how many probe processes may run at once, beside the jobs. 0 means 2.
	Probes int
	// NoSpare keeps no warm process: each job waits for its process to start.
	NoSpare bool
	// ProbesPerProcess is how many probes a process serves before it is replaced. 0 means 200.
	ProbesPerProcess int
	// ProbeGrowth is how many bytes a probe process may grow before it is replaced. 0 means 256 MiB.
	ProbeGrowth int64

	// Stall is how long a child may go without progress before it is killed; codec.Limits.StallUS overrides it. 0 means 30 s.
	Stall time.Duration
	// Grace is how long a cancelled child may take to stop by itself. 0 means 2 s.
	Grace time.Duration
	// MaxWall bounds any single try of a job. 0 means 24 h.
	MaxWall time.Duration
	// Memory bounds a child's resident memory where the plan says nothing, bytes. 0 means 1 GiB. A job's limit is that of its
	// plan times its tokens.
	Memory int64
	// ProbeCPU bounds the CPU seconds of one probe. 0 means 300.
	ProbeCPU int64
	// Nice is the children's niceness. 0 means 10.
	Nice int

	// MaxSample, MaxFile and MaxMessage bound single frames from the child, bytes: a coded sample (0: 64 MiB), a whole file
	// (0: 32 MiB), a description such as a probe's result (0: 64 MiB).
	MaxSample, MaxFile, MaxMessage int

	// Program gives the path of the program that children run; nil means this binary. It is called at each start.
	Program func() (string, error)
	// AllowFaults honours codec.Job.Fault. For tests only.
	AllowFaults bool
	// Cgroup is a cgroup v2 directory in which groups for children may be made; empty means the one of this process, where it
	// is delegated.
	Cgroup string
	// Log gets what happens to processes; nil means slog.Default().
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	set(&c.Jobs, runtime.GOMAXPROCS(0))
	set(&c.Probes, 2)
	set(&c.ProbesPerProcess, 200)
	set(&c.ProbeGrowth, 256<<20)
	set(&c.Stall, 30*time.Second)
	set(&c.Grace, 2*time.Second)
	set(&c.MaxWall, 24*time.Hour)
	set(&c.Memory, 1<<30)
	set(&c.ProbeCPU, 300)
	set(&c.Nice, 10)
	set(&c.MaxSample, 64<<20)
	set(&c.MaxFile, 32<<20)
	set(&c.MaxMessage, 64<<20)
	if c.Program == nil {
		c.Program = func() (string, error) { return "/proc/self/exe", nil }
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// set gives v its default where it has none.
func set[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}
