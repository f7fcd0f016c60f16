package stage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path"
	"sort"

	"sluice/codec"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/storage"
)

const (
	// firstPartUS is the length of a followed track's first part, so that it plays early: more than playableMS. The others last partUS.
	firstPartUS = 20_000_000
	partUS      = 30_000_000
)

// followSink stores the tracks of a run as parts that follow each other, each committed as soon as it is whole. Parts begin where
// fragments do, on the grid of the video's GOPs, and depend on the plan and the samples only.
type followSink struct {
	ctx    context.Context
	store  storage.Store
	plan   codec.Plan
	dir    string
	have   map[string]int // parts of each rendition that are committed
	commit func(part int, w Written) error
	report func(codec.Progress)

	tracks map[int]*followed
	order  []int
}

// followed is a track and the part of it that is being made.
type followed struct {
	desc  codec.Track
	media packager.Media
	grid  []int64 // presentation times, in ticks, at which fragments start
	cuts  []int   // where parts start, as indexes into grid; the first is 0
	part  int
	begun bool
	open  *openTrack // nil while the part is one that is committed already
}

// writtenPart is a part that is stored and not committed.
type writtenPart struct {
	Written
	part int
}

// Track implements codec.Sink.
func (s *followSink) Track(t codec.Track) error {
	if _, ok := s.tracks[t.ID]; ok {
		return fmt.Errorf("track %d announced twice", t.ID)
	}
	m, err := Media(t)
	if err != nil {
		return err
	}
	if s.tracks == nil {
		s.tracks = map[int]*followed{}
	}
	f := &followed{desc: t, media: m, grid: audioSlices(s.plan)(m)}
	f.cuts = partCuts(f.grid, t.Timescale)
	s.tracks[t.ID] = f
	s.order = append(s.order, t.ID)
	return nil
}

// partCuts picks the points of a grid at which parts start.
func partCuts(grid []int64, timescale int64) []int {
	cuts := []int{0}
	for at := mulDiv(firstPartUS, timescale, 1_000_000); ; {
		i := sort.Search(len(grid), func(i int) bool { return grid[i] >= at })
		if i == len(grid) {
			return cuts
		}
		cuts = append(cuts, i)
		at = grid[i] + mulDiv(partUS, timescale, 1_000_000)
	}
}

// Sample implements codec.Sink.
func (s *followSink) Sample(track int, u codec.Sample) error {
	f, ok := s.tracks[track]
	if !ok {
		return fmt.Errorf("sample of track %d, which was not announced", track)
	}
	ends := f.part+1 < len(f.cuts) && u.PTS >= f.grid[f.cuts[f.part+1]] && (u.Key || f.media.Kind == packager.Audio)
	switch {
	case !f.begun:
		f.begun = true
		if err := s.begin(f); err != nil {
			return err
		}
	case ends:
		if err := s.end(f, u.PTS); err != nil {
			return err
		}
		f.part++
		if err := s.begin(f); err != nil {
			return err
		}
	}
	if f.open == nil {
		return nil
	}
	return f.open.writer.Write(cmaf.Unit{DTS: u.DTS, PTS: u.PTS, Dur: u.Dur, Sync: u.Key, Data: u.Data})
}

// begin opens the track's next part, unless it is committed.
func (s *followSink) begin(f *followed) error {
	if f.part < s.have[f.desc.Name] {
		return nil
	}
	key := s.key(f) + ".mp4"
	object, err := s.store.Create(s.ctx, key)
	if err != nil {
		return err
	}
	f.open = &openTrack{desc: f.desc, media: f.media, key: key, object: object, buf: bufio.NewWriterSize(object, writeBuffer)}
	opts := cmaf.Options{Chunk: f.part}
	if f.media.Kind == packager.Audio {
		opts.Slices = f.grid[f.cuts[f.part]:]
	}
	f.open.writer = cmaf.NewWriter(f.open.buf, f.media, opts)
	return nil
}

func (s *followSink) key(f *followed) string {
	return fmt.Sprintf("%s%s-%d", s.dir, path.Base(f.desc.Name), f.part)
}

// end stores the part that is open, of which next is the first time that it has not, and commits it.
func (s *followSink) end(f *followed, next int64) error {
	o := f.open
	if o == nil {
		return nil
	}
	f.open = nil
	o.writer.EndAt(next)
	w, err := finishTrack(s.ctx, s.store, o, s.key(f)+".idx")
	if err != nil {
		return errors.Join(err, o.object.Abort())
	}
	if err := s.commit(f.part, w); err != nil {
		return fmt.Errorf("part %d of track %q: %w", f.part, f.desc.Name, err)
	}
	s.have[f.desc.Name] = f.part + 1
	return nil
}

// File implements codec.Sink.
func (s *followSink) File(name string, _ []byte) error {
	return fmt.Errorf("file %q of a run that makes tracks only", name)
}

// Progress implements codec.Sink.
func (s *followSink) Progress(p codec.Progress) { s.report(p) }

// Reset implements the engine's wish to start over after a crash: what is committed stays.
func (s *followSink) Reset() error {
	s.abort()
	s.tracks, s.order = nil, nil
	return nil
}

func (s *followSink) abort() {
	for _, f := range s.tracks {
		if f.open != nil {
			_ = f.open.object.Abort() // the run's own error says what went wrong
			f.open = nil
		}
	}
}

// finish stores the last part of every track, for the caller to commit.
func (s *followSink) finish() ([]writtenPart, error) {
	var out []writtenPart
	for _, id := range s.order {
		f := s.tracks[id]
		if f.open == nil {
			continue
		}
		w, err := finishTrack(s.ctx, s.store, f.open, s.key(f)+".idx")
		if err != nil {
			s.abort()
			return out, err
		}
		if f.open = nil; w.Samples > 0 {
			out = append(out, writtenPart{w, f.part})
		}
	}
	return out, nil
}
