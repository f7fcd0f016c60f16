package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Env is what a benchmark runs in.
type Env struct {
	// Binary is the sluice to measure.
	Binary string
	// Engine gives the path of the program that caged workers run; nil means Binary, and then Binary is this process.
	Engine func() (string, error)
	// Dir is a scratch directory that the caller removes.
	Dir string
	// Shared is another, for what the benchmarks of one run have in common; empty means Dir.
	Shared string
	// Quick keeps each benchmark within a minute.
	Quick bool
	// Megabytes is the size of the file that growing uploads; 0 means its own choice.
	Megabytes int
	// Names is how many files the one folder has that dropfolder sweeps; 0 means its own choice.
	Names int
	// Postgres is the URL of an empty database that api fills; "" leaves PostgreSQL out.
	Postgres string
	// Log receives one line per step.
	Log func(format string, args ...any)
}

// rounds returns how many pairs to run.
func (e *Env) rounds(full, quick int) int {
	if e.Quick {
		return quick
	}
	return full
}

// shared returns the path of something that later benchmarks of the run find again.
func (e *Env) shared(name string) string {
	if e.Shared == "" {
		return filepath.Join(e.Dir, name)
	}
	return filepath.Join(e.Shared, name)
}

// Result compares one figure with one peer. Ratio, Min and Max are turned so that more is better for sluice; they are the
// median, least and greatest of the pairs.
type Result struct {
	Bench  string  `json:"bench"`
	Peer   string  `json:"peer"`
	Ours   float64 `json:"ours"`
	Theirs float64 `json:"theirs"`
	Unit   string  `json:"unit"`
	Ratio  float64 `json:"ratio"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Runs   int     `json:"runs"`
	// Gate is what ours is to be, where that does not follow from the peer; "" means nothing.
	Gate string `json:"gate,omitempty"`
}

// Bench is one benchmark.
type Bench struct {
	Name string
	Help string
	// Target is the gate that the ratio is read against; 0 means none.
	Target float64
	run    func(ctx context.Context, e *Env, emit func(Result)) error
}

// All is every benchmark, in the order of the table.
var All = []Bench{
	{"ladder", "one decode to the whole ladder, against one ffmpeg command: the same rungs, preset, CRF, rates and GOP, sound copied, no pictures on both sides", 1.08, runLadder},
	{"passthrough", "the ladder of a source that fits its first rung and is copied there, against one ffmpeg command that encodes all rungs", 1.65, runPassthrough},
	{"jobs", "three ladders at once, a core each, against three ffmpeg commands at once", 1.05, runJobs},
	{"thumbs-scan", "a storyboard of all keyframes, warm worker, against ffmpeg -skip_frame nokey", 1.2, runThumbs("thumbs-scan", false)},
	{"thumbs-seek", "a storyboard of every third keyframe, looked up, against ffmpeg -skip_frame nokey", 1.6, runThumbs("thumbs-seek", true)},
	{"probe", "what a file is, warm worker, against a spawn of ffprobe", 15, runProbe},
	{"remux", "HLS of TS segments to MP4 with moov first, against ffmpeg -c copy -movflags +faststart", 2, runRemux},
	{"segments-fmp4", "HLS fMP4 segments, against nginx serving pre-made files", 1, runSegmentsFMP4},
	{"segments-ts", "HLS TS segments asked for again and again, against nginx serving pre-made files", 0.9, runSegmentsTS},
	{"segments-muxed", "HLS TS segments muxed for every request, none kept, against nginx serving pre-made files", 0, runSegmentsMuxed},
	{"playlists", "media playlists, against nginx serving pre-made files", 0, runPlaylists},
	{"progressive", "ranges of a progressive MP4, against nginx serving a pre-made file", 0.9, runProgressive},
	{"tasks", "tasks through catalog and stream, against raw XADD, XREADGROUP, XACK", 0, runTasks},
	{"api", "calls of the API over a million entries in SQLite, and in PostgreSQL where --postgres names one, against a bare handler that makes the same queries", 0, runAPI},
	{"manifest", "a bulk document of 50,000 items read and checked item by item, against xmllint with the published schema", 0, runManifest},
	{"firstplay", "last byte in to first segment served, against ffmpeg making the whole ladder before serving", 1, runFirstPlay},
	{"gateway", "uploads by OpenSSH's sftp over loopback, against OpenSSH's server", 0, runGateway},
	{"hsu", "a file over 1 Gbit/s, 100 to 500 ms and losses, against one curl and lftp with 8 segments", 0, runHSU},
	{"hsu-files", "a folder of 10,000 small files over 1 Gbit/s, 100 ms and 1 % loss, against one curl", 0, runHSUFiles},
	{"hsu-fair", "how evenly four uploads share a cap, and what an upload leaves to connections beside it", 0, runHSUFair},
	{"growing", "upload over 100 Mbit/s to first segment served, against processing after the upload", 1, runGrowing},
	{"dropfolder", "files of drop folders to rows and to entries, and what watching them costs, against cp, mv and find", 0, runDropFolder},
}

// Find returns the benchmarks named, or all when there are no names.
func Find(names []string) ([]Bench, error) {
	if len(names) == 0 {
		return All, nil
	}
	var out []Bench
	for _, n := range names {
		i := slices.IndexFunc(All, func(b Bench) bool { return b.Name == n })
		if i < 0 {
			var known []string
			for _, b := range All {
				known = append(known, b.Name)
			}
			return nil, fmt.Errorf("no benchmark %q; there are: %s", n, strings.Join(known, ", "))
		}
		out = append(out, All[i])
	}
	return out, nil
}

// Run carries out b. An absent peer is an error that wraps ErrNoPeer.
func (b Bench) Run(ctx context.Context, e *Env, emit func(Result)) error {
	if err := b.run(ctx, e, emit); err != nil {
		return fmt.Errorf("%s: %w", b.Name, err)
	}
	return nil
}

// ErrNoPeer says that the program to compare with is not installed.
var ErrNoPeer = errors.New("peer not installed")

// pair is one comparison: both sides return a figure of the same unit.
type pair struct {
	bench, peer, unit string
	// lower says that a smaller figure is better (seconds, bytes).
	lower        bool
	ours, theirs func(ctx context.Context) (float64, error)
}

// warmEnough is how long a first round lasts that is counted: work of that length warms itself.
const warmEnough = 10 * time.Second

// compare runs the two sides in turn and reports the medians. A short first round only warms up and is not counted.
func (e *Env) compare(ctx context.Context, p pair, rounds int) (Result, error) {
	res := Result{Bench: p.bench, Peer: p.peer, Unit: p.unit, Runs: rounds}
	var ours, theirs, ratios []float64
	for i := -1; i < rounds; i++ {
		start := time.Now()
		a, err := p.ours(ctx)
		if err != nil {
			return res, fmt.Errorf("sluice: %w", err)
		}
		b, err := p.theirs(ctx)
		if err != nil {
			return res, fmt.Errorf("%s: %w", p.peer, err)
		}
		if i < 0 {
			if time.Since(start) < warmEnough {
				continue
			}
			i = 0
		}
		ratio := a / b
		if p.lower {
			ratio = b / a
		}
		e.Log("%s vs %s, round %d: %.4g against %.4g %s, ratio %.2f", p.bench, p.peer, i+1, a, b, p.unit, ratio)
		ours, theirs, ratios = append(ours, a), append(theirs, b), append(ratios, ratio)
	}
	res.Ours, res.Theirs, res.Ratio = median(ours), median(theirs), median(ratios)
	res.Min, res.Max = slices.Min(ratios), slices.Max(ratios)
	return res, nil
}

// beside compares a figure that was taken in the rounds of res, of which less is better. A round that res did not count came first.
func beside(res Result, suffix, unit string, ours, theirs []float64) Result {
	counted := func(v []float64) []float64 { return v[max(0, len(v)-res.Runs):] }
	return lesser(res.Bench+suffix, res.Peer, unit, counted(ours), counted(theirs))
}

// lesser compares the figures of rounds of which less is better.
func lesser(name, peer, unit string, ours, theirs []float64) Result {
	n := min(len(ours), len(theirs))
	ratios := make([]float64, 0, n)
	for i := range n {
		if ours[i] > 0 {
			ratios = append(ratios, theirs[i]/ours[i])
		}
	}
	r := Result{Bench: name, Peer: peer, Unit: unit, Runs: len(ratios)}
	if len(ratios) == 0 {
		return r
	}
	r.Ours, r.Theirs, r.Ratio = median(ours[:n]), median(theirs[:n]), median(ratios)
	r.Min, r.Max = slices.Min(ratios), slices.Max(ratios)
	return r
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n == 0 {
		return 0
	}
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}
