package worker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"sluice/codec"
)

// A frame on the child's data pipe is its kind (1 byte), the length of its payload (4 bytes, little endian) and the payload.
type frameKind byte

const (
	frameHello    frameKind = iota + 1 // JSON hello: the child is caged and ready
	frameTrack                         // JSON codec.Track
	frameSample                        // sampleHeader bytes, then the coded data
	frameFile                          // length of the name (1 byte), name, content
	frameProgress                      // four int64: frames, total, time, bytes
	frameTick                          // one int64: bytes read from the source; a sign of life
	frameReport                        // JSON codec.Report; the job is done
	frameInfo                          // JSON codec.Info; the probe is done
	frameError                         // JSON codec.Error; the job or probe failed
)

const (
	frameHeader  = 5
	sampleHeader = 2 + 1 + 3*8 // track, flags, PTS, DTS, duration
	sampleKey    = 1
	maxTracks    = 256
	maxNumbers   = 32 // payload of a frame of numbers
	pipeBuffer   = 256 << 10
)

// errFrame is the kind of a violation of the framing: the child is broken or hostile.
var errFrame = errors.New("bad frame from the worker process")

// frameReader reads frames. One buffer serves all payloads of a reader: a payload is valid until the next call of next.
// It is on the hot path of every coded byte (BenchmarkSamplesThroughPipe) and allocates only to grow that buffer.
type frameReader struct {
	br                             *bufio.Reader
	buf                            []byte
	maxSample, maxFile, maxMessage int
	head                           [frameHeader]byte
}

func newFrameReader(r io.Reader, c Config) *frameReader {
	return &frameReader{br: bufio.NewReaderSize(r, pipeBuffer), maxSample: c.MaxSample, maxFile: c.MaxFile, maxMessage: c.MaxMessage}
}

// limit is the largest payload of a kind; 0 for unknown kinds.
func (f *frameReader) limit(k frameKind) int {
	switch k {
	case frameSample:
		return sampleHeader + f.maxSample
	case frameFile:
		return 256 + f.maxFile
	case frameProgress, frameTick:
		return maxNumbers
	case frameHello, frameTrack, frameReport, frameInfo, frameError:
		return f.maxMessage
	}
	return 0
}

// next returns the next frame. The error is io.EOF between frames, io.ErrUnexpectedEOF inside one, or wraps errFrame.
func (f *frameReader) next() (frameKind, []byte, error) {
	if _, err := io.ReadFull(f.br, f.head[:]); err != nil {
		return 0, nil, err
	}
	k := frameKind(f.head[0])
	n := int64(binary.LittleEndian.Uint32(f.head[1:]))
	if limit := f.limit(k); limit == 0 {
		return 0, nil, fmt.Errorf("%w: unknown kind %d", errFrame, k)
	} else if n > int64(limit) {
		return 0, nil, fmt.Errorf("%w: kind %d of %d bytes exceeds %d", errFrame, k, n, limit)
	}
	if err := f.fill(int(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return k, f.buf[:n], nil
}

// fill reads n bytes into buf. The buffer grows with the bytes that arrive, not with those that were announced.
func (f *frameReader) fill(n int) error {
	const step = 1 << 20
	for have := 0; have < n; {
		want := min(n, max(have+step, len(f.buf)))
		if want > len(f.buf) {
			grown := make([]byte, min(n, max(want, 2*len(f.buf))))
			copy(grown, f.buf[:have])
			f.buf = grown
		}
		end := min(n, len(f.buf))
		if _, err := io.ReadFull(f.br, f.buf[have:end]); err != nil {
			return err
		}
		have = end
	}
	return nil
}

// putSampleHeader encodes what precedes a sample's data into b.
func putSampleHeader(b *[sampleHeader]byte, track int, s codec.Sample) {
	binary.LittleEndian.PutUint16(b[0:], uint16(track))
	b[2] = 0
	if s.Key {
		b[2] = sampleKey
	}
	binary.LittleEndian.PutUint64(b[3:], uint64(s.PTS))
	binary.LittleEndian.PutUint64(b[11:], uint64(s.DTS))
	binary.LittleEndian.PutUint64(b[19:], uint64(s.Dur))
}

// parseSample decodes a sample frame; the sample's data lies in p.
func parseSample(p []byte) (track int, s codec.Sample, err error) {
	if len(p) < sampleHeader {
		return 0, s, fmt.Errorf("%w: sample of %d bytes", errFrame, len(p))
	}
	s.Key = p[2]&sampleKey != 0
	s.PTS = int64(binary.LittleEndian.Uint64(p[3:]))
	s.DTS = int64(binary.LittleEndian.Uint64(p[11:]))
	s.Dur = int64(binary.LittleEndian.Uint64(p[19:]))
	s.Data = p[sampleHeader:]
	return int(binary.LittleEndian.Uint16(p)), s, nil
}

// parseFile decodes a file frame. The name must be plain: the sink may use it as a file name.
func parseFile(p []byte) (name string, data []byte, err error) {
	if len(p) < 1 || len(p) < 1+int(p[0]) {
		return "", nil, fmt.Errorf("%w: file of %d bytes", errFrame, len(p))
	}
	name, data = string(p[1:1+p[0]]), p[1+p[0]:]
	if !plainName(name) {
		return "", nil, fmt.Errorf("%w: file name %q", errFrame, name)
	}
	return name, data, nil
}

// plainName allows letters, digits, dot, dash and underscore, not starting with a dot.
func plainName(s string) bool {
	if s == "" || len(s) > 200 || s[0] == '.' {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

func parseNumbers(p []byte, out ...*int64) error {
	if len(p) != 8*len(out) {
		return fmt.Errorf("%w: %d bytes for %d numbers", errFrame, len(p), len(out))
	}
	for i, o := range out {
		*o = int64(binary.LittleEndian.Uint64(p[8*i:]))
	}
	return nil
}
