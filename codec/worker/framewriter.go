package worker

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sync"

	"sluice/codec"
)

// frameWriter is the child's end of the data pipe. It is safe for concurrent use: the engine's goroutine writes samples, the
// heartbeat writes ticks and flushes. A full pipe blocks the engine, which is how a slow sink slows it down.
type frameWriter struct {
	mu  sync.Mutex
	bw  *bufio.Writer
	err error
}

func newFrameWriter(w io.Writer) *frameWriter {
	return &frameWriter{bw: bufio.NewWriterSize(w, pipeBuffer)}
}

// write sends one frame made of parts.
func (f *frameWriter) write(k frameKind, parts ...[]byte) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n > math.MaxUint32 {
		return fmt.Errorf("frame of %d bytes is too long", n)
	}
	var head [frameHeader]byte
	head[0] = byte(k)
	binary.LittleEndian.PutUint32(head[1:], uint32(n))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(head[:])
	for _, p := range parts {
		f.put(p)
	}
	return f.err
}

// put must be called with mu held; the first error sticks.
func (f *frameWriter) put(p []byte) {
	if f.err == nil {
		_, f.err = f.bw.Write(p)
	}
}

func (f *frameWriter) flush() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = f.bw.Flush()
	}
	return f.err
}

// message sends v as JSON and flushes.
func (f *frameWriter) message(k frameKind, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("frame %d: %w", k, err)
	}
	if err := f.write(k, b); err != nil {
		return err
	}
	return f.flush()
}

func (f *frameWriter) numbers(k frameKind, ns ...int64) error {
	b := make([]byte, 0, maxNumbers)
	for _, n := range ns {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return f.write(k, b)
}

// childSink sends what the engine makes to the parent.
type childSink struct {
	w      *frameWriter
	head   [sampleHeader]byte
	faults *fault
}

func (s *childSink) Track(t codec.Track) error {
	if t.ID < 0 || t.ID >= maxTracks {
		return fmt.Errorf("track id %d is not between 0 and %d", t.ID, maxTracks-1)
	}
	return s.w.message(frameTrack, t)
}

func (s *childSink) Sample(track int, sm codec.Sample) error {
	if track < 0 || track >= maxTracks {
		return fmt.Errorf("sample of track %d: no such track", track)
	}
	s.faults.sample()
	putSampleHeader(&s.head, track, sm)
	return s.w.write(frameSample, s.head[:], sm.Data)
}

func (s *childSink) File(name string, data []byte) error {
	if !plainName(name) {
		return fmt.Errorf("file name %q is not plain", name)
	}
	return s.w.write(frameFile, []byte{byte(len(name))}, []byte(name), data)
}

func (s *childSink) Progress(p codec.Progress) {
	// A broken pipe is reported by the next sample or the final message.
	_ = s.w.numbers(frameProgress, p.Frames, p.Total, p.TimeUS, p.Bytes)
	_ = s.w.flush()
}
