//go:build cgo

package av

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"sluice/codec"
)

// Run carries out the parts of the plan that job names. Errors are *codec.Error.
func (e *Engine) Run(ctx context.Context, src codec.Source, job codec.Job, sink codec.Sink) (codec.Report, error) {
	var rep codec.Report
	if job.Plan.Version != codec.PlanVersion {
		return rep, codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("plan version %d, want %d", job.Plan.Version, codec.PlanVersion), nil)
	}
	start, cpu := time.Now(), cpuTime()
	g := newGuard(ctx)
	defer g.close()
	defer g.bind()()
	if job.SelfTest {
		rep.Encoders = testEncoders(g)
		if e := g.interrupted("encode"); e != nil {
			return rep, e
		}
	}
	d := newDelivery(sink)
	parts := []struct {
		wanted bool
		run    func(*guard, Config, codec.Source, *codec.Job, *delivery, *codec.Report) error
		name   string
	}{
		{job.Copy, runCopy, "copy"},
		{job.Thumbs, runThumbs, "thumbs"},
		{job.Subs, runSubs, "subtitles"},
		{job.Audio, runAudio, "audio"},
		{job.Video, runVideo, "encode"},
	}
	longest := longestPart(&job)
	for _, p := range parts {
		if !p.wanted {
			continue
		}
		d.main = p.name == longest
		t := time.Now()
		if err := p.run(g, e.cfg, src, &job, d, &rep); err != nil {
			if e := g.interrupted(p.name); e != nil && codec.CodeOf(err) != codec.SinkIO && codec.CodeOf(err) != codec.DiskFull {
				err = e
			}
			return rep, asEngineError(err, p.name)
		}
		rep.Stages = append(rep.Stages, codec.StageStat{Name: p.name, USecs: time.Since(t).Microseconds()})
	}
	rep.Tracks = d.stats()
	rep.WallUS, rep.CPUUS = time.Since(start).Microseconds(), cpuTime()-cpu
	return rep, nil
}

// longestPart names the part of a run that takes most of its time: of what it does, encoding pictures, else sound, else the rest.
func longestPart(job *codec.Job) string {
	if vp := job.Plan.Video; vp != nil {
		for i := range vp.Rungs {
			if job.Encodes(i) {
				return "encode"
			}
		}
	}
	if job.Audio && slices.ContainsFunc(job.Plan.Audio, func(a codec.AudioPlan) bool { return !a.Copy }) {
		return "audio"
	}
	if job.Thumbs && job.Plan.Thumbs != nil {
		return "thumbs"
	}
	return "copy"
}

// cpuTime is the process's user and system time, microseconds.
func cpuTime() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano()/1000 + u.Stime.Nano()/1000
}
