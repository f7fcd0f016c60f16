package stage

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"

	"sluice/codec"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/storage"
)

// Written is one track file or chunk that a sink stored.
type Written struct {
	Name     string // codec.Track.Name
	Track    codec.Track
	Media    packager.Media
	Key      string // the object
	IndexKey string // its .idx
	Size     int64
	Samples  int
	DurTicks int64
}

// chunkSink stores what a run makes as CMAF chunk objects, one a track, and small files as they are.
type chunkSink struct {
	ctx   context.Context
	store storage.Store
	// key names the object of a track, without extension; fileKey that of a small file, "" for one that is not kept.
	key     func(name string) string
	fileKey func(name string) string
	chunk   int
	slices  func(m packager.Media) []int64
	report  func(codec.Progress)

	tracks map[int]*openTrack
	order  []int
	files  map[string]storage.Object
}

type openTrack struct {
	desc   codec.Track
	media  packager.Media
	key    string
	object storage.Writer
	buf    *bufio.Writer
	writer *cmaf.Writer
}

// writeBuffer is what a track gathers before it calls the store; fragments are larger than this anyway.
const writeBuffer = 256 << 10

func newChunkSink(ctx context.Context, store storage.Store, chunk int, key, fileKey func(string) string) *chunkSink {
	return &chunkSink{
		ctx: ctx, store: store, key: key, fileKey: fileKey, chunk: chunk,
		tracks: map[int]*openTrack{}, files: map[string]storage.Object{},
	}
}

// Track implements codec.Sink.
func (s *chunkSink) Track(t codec.Track) error {
	if _, ok := s.tracks[t.ID]; ok {
		return fmt.Errorf("track %d announced twice", t.ID)
	}
	m, err := Media(t)
	if err != nil {
		return err
	}
	key := s.key(t.Name) + ".mp4"
	object, err := s.store.Create(s.ctx, key)
	if err != nil {
		return err
	}
	o := &openTrack{desc: t, media: m, key: key, object: object, buf: bufio.NewWriterSize(object, writeBuffer)}
	opts := cmaf.Options{Chunk: s.chunk}
	if s.slices != nil && m.Kind == packager.Audio {
		opts.Slices = s.slices(m)
	}
	o.writer = cmaf.NewWriter(o.buf, m, opts)
	s.tracks[t.ID] = o
	s.order = append(s.order, t.ID)
	return nil
}

// Sample implements codec.Sink.
func (s *chunkSink) Sample(track int, u codec.Sample) error {
	o, ok := s.tracks[track]
	if !ok {
		return fmt.Errorf("sample of track %d, which was not announced", track)
	}
	return o.writer.Write(cmaf.Unit{DTS: u.DTS, PTS: u.PTS, Dur: u.Dur, Sync: u.Key, Data: u.Data})
}

// File implements codec.Sink.
func (s *chunkSink) File(name string, data []byte) error {
	key := s.fileKey(name)
	if key == "" {
		return nil
	}
	obj, err := s.store.Put(s.ctx, key, bytes.NewReader(data))
	if err != nil {
		return err
	}
	s.files[name] = obj
	return nil
}

// Progress implements codec.Sink.
func (s *chunkSink) Progress(p codec.Progress) {
	if s.report != nil {
		s.report(p)
	}
}

// Reset implements the engine's wish to start over after a crash: what was written so far is thrown away.
func (s *chunkSink) Reset() error {
	err := s.abort()
	s.tracks, s.order, s.files = map[int]*openTrack{}, nil, map[string]storage.Object{}
	return err
}

func (s *chunkSink) abort() error {
	var errs []error
	for _, o := range s.tracks {
		errs = append(errs, o.object.Abort())
	}
	return errors.Join(errs...)
}

// finish commits every track and its index. A track without samples is dropped.
func (s *chunkSink) finish() ([]Written, error) {
	var out []Written
	for _, id := range s.order {
		o := s.tracks[id]
		w, err := finishTrack(s.ctx, s.store, o, s.key(o.desc.Name)+".idx")
		if err != nil {
			return nil, errors.Join(err, s.abort())
		}
		if w.Samples > 0 {
			out = append(out, w)
		}
	}
	return out, nil
}

// finishTrack commits a track and its index; without samples it is dropped.
func finishTrack(ctx context.Context, store storage.Store, o *openTrack, index string) (Written, error) {
	res, err := o.writer.Close()
	if err != nil {
		return Written{}, fmt.Errorf("track %q: %w", o.desc.Name, err)
	}
	if res.Track == nil || res.Track.Len() == 0 {
		return Written{}, o.object.Abort()
	}
	if o.buf != nil {
		if err := o.buf.Flush(); err != nil {
			return Written{}, fmt.Errorf("track %q: %w", o.desc.Name, err)
		}
	}
	obj, err := o.object.Commit()
	if err != nil {
		return Written{}, fmt.Errorf("track %q: %w", o.desc.Name, err)
	}
	if _, err := store.Put(ctx, index, bytes.NewReader(res.Index)); err != nil {
		return Written{}, fmt.Errorf("index of track %q: %w", o.desc.Name, err)
	}
	return Written{
		Name: o.desc.Name, Track: o.desc, Media: o.media, Key: o.key, IndexKey: index,
		Size: obj.Size, Samples: res.Track.Len(), DurTicks: res.Track.Duration(),
	}, nil
}
