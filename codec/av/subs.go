//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"sluice/codec"
)

// subsBytes bounds the text of one subtitle track.
const subsBytes = 16 << 20

// runSubs turns the plan's text subtitles into WebVTT files, in one pass over the source.
func runSubs(g *guard, cfg Config, src codec.Source, job *codec.Job, d *delivery, rep *codec.Report) error {
	plan := &job.Plan
	if len(plan.Subs) == 0 {
		return nil
	}
	in, err := openInput(g, src, inputOpts{format: plan.Format, rebase: plan.Discontinuities, sequential: src.Sequential})
	if err != nil {
		return err
	}
	defer in.close()
	decs := map[int]*subDecoder{}
	want := map[int]bool{}
	defer func() {
		for _, s := range decs {
			s.dec.close()
		}
	}()
	for _, p := range plan.Subs {
		if p.Stream < 0 || p.Stream >= len(in.streams) || in.streams[p.Stream].kind != codec.Subtitle {
			return codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("stream %d is not a subtitle stream of this source", p.Stream), nil)
		}
		s := &in.streams[p.Stream]
		dec, err := newDecoder(g, s, decOpts{threads: 1, maxPixels: cfg.MaxPixels})
		if err != nil {
			rep.Warnings = append(rep.Warnings, codec.Warning{Code: codec.TracksDropped, Stream: p.Stream, Message: fmt.Sprintf("subtitles %q were left out: their format is not supported", p.Name)})
			continue
		}
		if old := decs[p.Stream]; old != nil {
			dec.close()
			old.names = append(old.names, p.Name)
			continue
		}
		decs[p.Stream] = &subDecoder{dec: dec, names: []string{p.Name}, origin: fromUS(plan.OriginUS, s.tb)}
		want[p.Stream] = true
	}
	in.keep(want)
	if err := readSubs(in, decs); err != nil {
		return err
	}
	for _, p := range plan.Subs {
		s := decs[p.Stream]
		if s == nil || !slices.Contains(s.names, p.Name) {
			continue
		}
		if err := d.file(p.Name+".vtt", webVTT(s.cues)); err != nil {
			return err
		}
	}
	return nil
}

func readSubs(in *input, decs map[int]*subDecoder) error {
	for {
		p, err := in.read()
		if err != nil || p == nil {
			return err
		}
		if s := decs[p.stream]; s != nil {
			s.packet(p)
		}
		p.free()
	}
}

// subDecoder collects the cues of one stream.
type subDecoder struct {
	dec    *decoder
	names  []string
	origin int64
	cues   []cue
	bytes  int
}

// cue is one subtitle on the output timeline; end is 0 when the source does not tell.
type cue struct {
	start, end time.Duration
	text       string
}

func (s *subDecoder) packet(p *packet) {
	if p.pts == noPTS || p.size == 0 || s.bytes > subsBytes {
		return
	}
	const most = 256 << 10
	buf := (*C.char)(C.malloc(most))
	defer C.free(unsafe.Pointer(buf))
	var from, to, got C.int
	n := C.sl_sub_decode((*C.AVCodecContext)(cptr(s.dec.cc)), (*C.AVPacket)(cptr(p.av)), buf, most-1, &from, &to, &got)
	if n < 0 {
		s.dec.lost++
		return
	}
	if got == 0 || n == 0 {
		return
	}
	tb := s.dec.s.tb
	start := time.Duration(toUS(p.pts-s.origin, tb))*time.Microsecond + time.Duration(from)*time.Millisecond
	var end time.Duration
	if to > from {
		end = start + time.Duration(to-from)*time.Millisecond
	}
	if p.dur > 0 {
		end = time.Duration(toUS(p.pts+p.dur-s.origin, tb)) * time.Microsecond
	}
	var lines []string
	for _, l := range strings.Split(strings.TrimRight(C.GoString(buf), "\n"), "\n") {
		if t := assText(l); t != "" {
			lines = append(lines, t)
		}
	}
	if text := strings.Join(lines, "\n"); text != "" && (end == 0 || end > 0 && end > start) {
		s.cues = append(s.cues, cue{start, end, text})
		s.bytes += len(text)
	}
}
