package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/bench/link"
)

// ceilingStreams are the connections that find what the line carries when nothing but TCP uses it.
const ceilingStreams = 4

// hsuCeiling tells what plain TCP gets out of the line without loss, and how busy that keeps the machine: what the emulator itself
// costs is no one else's doing.
func (e *Env) hsuCeiling(ctx context.Context, line *link.Link) error {
	line.SetLoss(0)
	var got atomic.Int64
	end, err := flows(ctx, line, ceilingStreams, bestCongestion(), &got)
	if err != nil {
		return err
	}
	defer end()
	slept(ctx, cellStart/2)
	busy, first, at := busyTime(), got.Load(), time.Now()
	slept(ctx, cellStart)
	rate, share := mbit(got.Load()-first, time.Since(at)), busyShare(busy, time.Since(at))
	e.Log("the line alone: %d plain connections get %.0f Mbit/s through it, at 0 %% loss; sender, line and receiver keep the machine's "+
		"processors %.0f %% busy, with what else runs", ceilingStreams, rate, 100*share)
	return nil
}

// bestCongestion is the congestion control that 'sluice upload' takes.
func bestCongestion() string {
	b, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	for _, name := range strings.Fields(string(b)) {
		if name == "bbr" {
			return name
		}
	}
	return ""
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) { c.n.Add(int64(len(b))); return len(b), nil }

// onlyReader hides what else a connection can: its bytes pass through a buffer, as they do in a server.
type onlyReader struct{ io.Reader }

func mbit(bytes int64, d time.Duration) float64 { return float64(8*bytes) / d.Seconds() / 1e6 }

// cores is the time that all processors spent, and how many there are.
type cores struct {
	busy time.Duration
	cpus int
}

// busyTime is what the machine's processors did since it started, from /proc/stat (proc(5)); its unit is a hundredth of a second.
func busyTime() cores {
	b, _ := os.ReadFile("/proc/stat")
	var u cores
	for line := range strings.Lines(string(b)) {
		var name string
		var user, nice, system, idle, wait, irq, soft, steal int64
		if _, err := fmt.Sscan(line, &name, &user, &nice, &system, &idle, &wait, &irq, &soft, &steal); err != nil || !strings.HasPrefix(name, "cpu") {
			continue
		}
		if name == "cpu" {
			u.busy = time.Duration(user+nice+system+irq+soft+steal) * 10 * time.Millisecond
		} else {
			u.cpus++
		}
	}
	return u
}

// busyShare is the part of the processors' time that was used since then.
func busyShare(since cores, d time.Duration) float64 {
	return (busyTime().busy - since.busy).Seconds() / d.Seconds() / float64(max(since.cpus, 1))
}

// slept waits, and says whether ctx did not end meanwhile.
func slept(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// cpu is the time that a process used.
func cpu(u syscall.Rusage) time.Duration { return time.Duration(u.Utime.Nano() + u.Stime.Nano()) }
