//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"time"
	"unsafe"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// Bounds on what opening a file may cost.
const (
	ioBuffer        = 256 << 10
	maxStreams      = 64
	analyzeBytes    = 2 << 20
	analyzeUS       = 3_000_000
	analyzeMore     = 16 << 20
	analyzeMoreUS   = 15_000_000
	fpsProbeFrames  = 8
	maxProbePackets = 500
	openReadFloor   = 32 << 20 // bytes that opening may read, or a sixteenth of the file
	minProbeScore   = 25
)

// input is an opened container: one demuxer over custom IO. One goroutine uses it.
type input struct {
	g       *guard
	src     *byteSource
	handle  cgo.Handle
	io      *C.sl_io
	fc      *astiav.FormatContext
	format  string
	streams []stream
	fix     *timeline
	raw     *astiav.Packet
	ended   bool // the container ended in the middle: a read failed before its end
	cut     bool // the container says that it is longer than the source

	complete bool // opened by the header alone, and it told everything
}

// inputOpts says how to open.
type inputOpts struct {
	format     string        // demuxer to use; empty means sniff
	wall       time.Duration // bound on opening; 0 means none
	rebase     bool          // re-base clock jumps; decided by the format when sniffing
	sequential bool
	deep       bool  // analyse more of the file than usual
	header     bool  // don't analyse: complete the header, or leave it incomplete
	maxPixels  int64 // refuse picture files that are larger; 0 means none
}

// openInput opens src and finds its streams, with a second, deeper try when a codec is still unknown after the first. The
// caller holds a bound guard.
func openInput(g *guard, src codec.Source, o inputOpts) (*input, error) {
	in, err := openOnce(g, src, o)
	if err != nil || o.deep || src.Sequential || !in.incomplete() {
		return in, err
	}
	in.close()
	o.deep = true
	return openOnce(g, src, o)
}

func openOnce(g *guard, src codec.Source, o inputOpts) (*input, error) {
	bs, err := openSource(src)
	if err != nil {
		return nil, err
	}
	in := &input{g: g, src: bs}
	live("input", 1)
	if bs.size == 0 && src.Reader == nil || bs.size < 0 {
		in.close()
		return nil, codec.NewError(codec.EmptyFile, "open", "", nil)
	}
	if err := in.open(o); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

func (in *input) open(o inputOpts) error {
	in.handle = cgo.NewHandle(in.src)
	size := in.src.size
	if size == 0 {
		size = -1
	}
	seekable := C.int(1)
	if o.sequential {
		seekable = 0
	}
	in.io = C.sl_io_new(C.uintptr_t(in.handle), C.int64_t(size), seekable, ioBuffer, in.g.intr)
	if in.io == nil {
		return in.g.fail(codec.OutOfMemory, "open", nil)
	}
	C.sl_io_limit(in.io, C.int64_t(max(openReadFloor, size/16)))
	in.g.deadline(o.wall)
	defer in.g.deadline(0)

	fc := astiav.AllocFormatContext()
	C.sl_fmt_prepare((*C.AVFormatContext)(cptr(fc)), in.io, in.g.intr, 1<<20, analyzeUS, 4096)
	var only *astiav.InputFormat
	if o.format != "" {
		if only = findFormat(o.format); only == nil {
			fc.Free()
			return codec.NewError(codec.EngineBug, "open", fmt.Sprintf("the plan names an unknown format %q", o.format), nil)
		}
	}
	d := astiav.NewDictionary()
	defer d.Free()
	for _, o := range [][2]string{{"format_whitelist", formats}, {"codec_whitelist", decoders}, {"protocol_whitelist", "none"}} {
		if err := d.Set(o[0], o[1], 0); err != nil {
			fc.Free()
			return codec.NewError(codec.OutOfMemory, "open", "option "+o[0], err)
		}
	}
	if err := fc.OpenInput("", only, d); err != nil { // frees the context on failure
		return in.openError(err)
	}
	in.fc = fc
	in.format = fc.InputFormat().Name()
	if o.format == "" && int(C.sl_fmt_probe_score(in.c())) < minProbeScore {
		return in.g.fail(codec.NotMedia, "open", fmt.Errorf("recognised only by chance as %s", in.format))
	}
	if n := fc.NbStreams(); n > maxStreams {
		return in.g.fail(codec.TooManyStreams, "open", fmt.Errorf("%d streams, the limit is %d", n, maxStreams))
	}
	if o.maxPixels > 0 {
		if err := in.refuseHugeStill(o.maxPixels); err != nil {
			return err
		}
	}
	if o.header {
		if in.complete = in.completeHeader(); !in.complete {
			return nil
		}
	} else if err := in.analyze(o.deep); err != nil {
		return err
	}
	C.sl_io_limit(in.io, 0)
	in.fix = newTimeline(in.streams, o.rebase || o.format == "" && clockMayJump(in.format), in.format)
	in.raw = astiav.AllocPacket()
	in.cut = isMP4(in.format) && topBoxes(in.src).cut()
	return nil
}

// findFormat finds a demuxer by its full name ("mov,mp4,m4a,…") or by one of them.
func findFormat(name string) *astiav.InputFormat {
	for i, c := range name {
		if c == ',' {
			return astiav.FindInputFormat(name[:i])
		}
	}
	return astiav.FindInputFormat(name)
}

// clockMayJump says which containers join recordings without rewriting their clock.
func clockMayJump(format string) bool { return format == "mpegts" || format == "mpeg" }

// analyze completes the streams' parameters. libav can do it only once for an opened file.
func (in *input) analyze(deep bool) error {
	c := in.c()
	if deep {
		C.sl_fmt_analyze(c, analyzeMore, analyzeMoreUS, fpsProbeFrames, maxProbePackets*4)
	} else {
		C.sl_fmt_analyze(c, analyzeBytes, analyzeUS, fpsProbeFrames, maxProbePackets)
	}
	ret := C.sl_fmt_find_info(c)
	in.refresh()
	if err := in.g.interrupted("probe"); err != nil {
		return err
	}
	if err := in.src.failure(); err != nil {
		return in.g.fail(codec.SourceIO, "probe", err)
	}
	if err := avErr(ret); noMemory(err) {
		return in.g.fail(codec.OutOfMemory, "probe", err)
	}
	return nil
}

// incomplete says whether a stream that matters still lacks its format.
func (in *input) incomplete() bool {
	if in.format != "mpegts" && in.format != "mpeg" && in.format != "flv" && in.format != "avi" {
		return false
	}
	for i := range in.streams {
		s := &in.streams[i]
		if s.kind == codec.Video && s.width == 0 || s.kind == codec.Audio && s.sampleRate == 0 {
			return true
		}
	}
	return len(in.streams) == 0
}

func (in *input) refresh() {
	in.freeParams()
	n := in.fc.NbStreams()
	in.streams = make([]stream, n)
	for i := range in.streams {
		in.streams[i].load(in, i)
	}
}

func (in *input) freeParams() {
	for i := range in.streams {
		if p := in.streams[i].params; p != nil {
			p.Free()
			in.streams[i].params = nil
		}
	}
}

func (in *input) c() *C.AVFormatContext { return (*C.AVFormatContext)(cptr(in.fc)) }

// refuseEncrypted is the error for a stream whose samples cannot be decoded without keys.
func (in *input) refuseEncrypted(i int) error {
	s := &in.streams[i]
	if !s.encrypted && isMP4(in.format) {
		topBoxes(in.src).tracks(in.src, func(track int, entries []string) {
			for _, e := range entries {
				s.encrypted = s.encrypted || track == i && encryptedTags[e]
			}
		})
	}
	if !s.encrypted {
		return nil
	}
	e := codec.NewError(codec.Encrypted, "open", "", nil)
	e.Stream = i
	return e
}

// pastEnd says that the demuxer wanted bytes behind the file's end: the file is cut.
func (in *input) pastEnd() bool { return C.sl_io_past_end(in.io) != 0 }

// keep discards all streams but the given ones, at the demuxer.
func (in *input) keep(want map[int]bool) {
	for i := range in.streams {
		level := C.int(2)
		if want[i] {
			level = 0
		}
		C.sl_stream_discard(in.c(), C.int(i), level)
	}
}

// read returns the next packet with its times fixed, or nil at the end. The caller owns the packet.
func (in *input) read() (*packet, error) {
	bad := 0
	for {
		if err := in.g.interrupted("demux"); err != nil {
			return nil, err
		}
		err := in.fc.ReadFrame(in.raw)
		if err == nil {
			if p := in.take(); p != nil {
				return p, nil
			}
			continue
		}
		if e := in.g.interrupted("demux"); e != nil {
			return nil, e
		}
		if ioErr := in.src.failure(); ioErr != nil {
			return nil, in.g.fail(codec.SourceIO, "demux", ioErr)
		}
		if ended(err) {
			return nil, nil
		}
		if again(err) {
			if bad++; bad < 1000 {
				continue
			}
		}
		in.ended = true // damaged from here on; what was read counts
		return nil, nil
	}
}

// take moves the packet just read into one of our own; nil drops it.
func (in *input) take() *packet {
	var f C.sl_packet
	C.sl_packet_get((*C.AVPacket)(cptr(in.raw)), &f)
	if int(f.stream) >= len(in.streams) { // a stream that appeared later
		in.raw.Unref()
		return nil
	}
	p := newPacket()
	p.av.MoveRef(in.raw)
	p.load(&f)
	in.fix.apply(p)
	return p
}

// seek goes to a keyframe at or before t, microseconds on the container's clock.
func (in *input) seek(streamIndex int, us int64) error {
	s := &in.streams[streamIndex]
	ts := mulDiv(us, s.tb.Den, s.tb.Num*1_000_000)
	return avErr(C.sl_fmt_seek(in.c(), C.int(streamIndex), C.int64_t(ts)))
}

func (in *input) close() {
	if in.raw != nil {
		in.raw.Free()
		in.raw = nil
	}
	in.freeParams()
	if in.fc != nil {
		in.fc.CloseInput()
		in.fc = nil
	}
	if in.io != nil {
		C.sl_io_free(in.io)
		in.io = nil
	}
	if in.handle != 0 {
		in.handle.Delete()
		in.handle = 0
	}
	if in.src != nil {
		in.src.close()
		in.src = nil
		live("input", -1)
	}
}

// packet is one demuxed packet with times fixed, in its stream's time base. Its data is valid until free.
type packet struct {
	av        *astiav.Packet
	stream    int
	pts, dts  int64
	dur       int64
	key       bool
	discard   bool // before the presentation's start (edit list): decode, don't show
	corrupt   bool
	skipStart int // audio samples to drop at the start: the encoder's delay
	size      int
	newExtra  []byte // copied
}

const noPTS = int64(-1 << 63)

func newPacket() *packet {
	live("packet", 1)
	return &packet{av: astiav.AllocPacket()}
}

func (p *packet) load(f *C.sl_packet) {
	p.stream, p.size = int(f.stream), int(f.size)
	p.pts, p.dts, p.dur = int64(f.pts), int64(f.dts), int64(f.duration)
	p.key = f.flags&C.AV_PKT_FLAG_KEY != 0
	p.discard = f.flags&C.AV_PKT_FLAG_DISCARD != 0
	p.corrupt = f.flags&C.AV_PKT_FLAG_CORRUPT != 0
	p.skipStart = int(f.skip_start)
	if f.extradata_size > 0 {
		p.newExtra = C.GoBytes(unsafe.Pointer(f.extradata), f.extradata_size)
	}
}

// data is a view of the payload, valid until free.
func (p *packet) data() []byte {
	var f C.sl_packet
	C.sl_packet_get((*C.AVPacket)(cptr(p.av)), &f)
	return unsafe.Slice((*byte)(unsafe.Pointer(f.data)), int(f.size))
}

// haveMemory ends the process when a small allocation failed: only that can fail in what it guards, nothing useful can be done
// without it, and the process is a caged one whose end its parent understands.
func haveMemory(err error) {
	if err != nil {
		panic("out of memory: " + err.Error())
	}
}

// ref returns a second owner of the same payload.
func (p *packet) ref() *packet {
	q := newPacket()
	av := q.av
	*q = *p
	q.av = av
	haveMemory(q.av.Ref(p.av))
	return q
}

func (p *packet) free() {
	if p.av != nil {
		p.av.Free()
		p.av = nil
		live("packet", -1)
	}
}
