//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// decoder turns one stream's packets into frames with presentation times. One goroutine uses it.
type decoder struct {
	g        *guard
	s        *stream
	cc       *astiav.CodecContext
	f        *astiav.Frame
	order    *reorderer // set when packets carry decode times only
	last     int64
	frames   int64
	lost     int64 // packets or frames that could not be decoded
	draining bool
}

// decOpts are a decoder's settings.
type decOpts struct {
	threads   int
	maxPixels int64
	keyOnly   bool // skip all but keyframes
	fast      bool // skip the loop filter: for thumbnails
	careful   bool // the second try after a crash
	ordered   bool
}

func newDecoder(g *guard, s *stream, o decOpts) (*decoder, error) {
	c := findDecoder(s.codecID)
	if c == nil {
		e := g.fail(codec.UnsupportedCodec, "decode", fmt.Errorf("stream %d: no decoder for %q", s.index, s.codec))
		e.Stream = s.index
		return nil, e
	}
	d := &decoder{g: g, s: s, last: noPTS, cc: astiav.AllocCodecContext(c), f: astiav.AllocFrame()}
	live("decoder", 1)
	if o.ordered {
		d.order = &reorderer{}
	}
	if err := d.open(c, o); err != nil {
		d.close()
		e := g.fail(codec.UnsupportedCodec, "decode", fmt.Errorf("open %s for stream %d: %w", c.Name(), s.index, err))
		e.Stream = s.index
		return nil, e
	}
	return d, nil
}

func (d *decoder) open(c *astiav.Codec, o decOpts) error {
	if err := d.s.params.ToCodecContext(d.cc); err != nil {
		return err
	}
	C.sl_ctx_pkt_timebase((*C.AVCodecContext)(cptr(d.cc)), C.int(d.s.tb.Num), C.int(d.s.tb.Den))
	opts := map[string]string{"threads": strconv.Itoa(max(1, o.threads)), "max_pixels": strconv.FormatInt(o.maxPixels, 10)}
	if o.threads > 1 {
		opts["thread_type"] = "frame"
	}
	if o.keyOnly {
		opts["skip_frame"] = "nokey"
	}
	if o.fast {
		opts["skip_loop_filter"] = "all"
	}
	if o.careful {
		opts["err_detect"] = "+careful"
	}
	return openCodec(d.cc, c, opts)
}

// openCodec opens a codec with options, all of which it must know.
func openCodec(cc *astiav.CodecContext, c *astiav.Codec, opts map[string]string) error {
	dict := astiav.NewDictionary()
	defer dict.Free()
	for k, v := range opts {
		if err := dict.Set(k, v, 0); err != nil {
			return err
		}
	}
	if err := cc.Open(c, dict); err != nil {
		return err
	}
	if left := dictMap(dict); len(left) > 0 {
		return &leftoverError{c.Name(), left}
	}
	return nil
}

// leftoverError reports options that a codec did not know: a bug of the plan or of this package.
type leftoverError struct {
	codec string
	opts  map[string]string
}

func (e *leftoverError) Error() string {
	names := make([]string, 0, len(e.opts))
	for k := range e.opts {
		names = append(names, k)
	}
	slices.Sort(names)
	return fmt.Sprintf("%s does not know the options %v", e.codec, names)
}

// send feeds a packet; nil asks for what is still inside. Damaged packets are counted, not reported.
func (d *decoder) send(p *packet) error {
	if p == nil {
		if d.draining {
			return nil
		}
		d.draining = true
		err := d.cc.SendPacket(nil)
		if err != nil && !ended(err) {
			d.lost++
		}
		return nil
	}
	if d.order != nil {
		d.order.sent(p.pts)
	}
	if err := d.cc.SendPacket(p.av); err != nil && !ended(err) {
		if noMemory(err) {
			return d.g.fail(codec.OutOfMemory, "decode", err)
		}
		d.lost++
	}
	return nil
}

func noMemory(err error) bool {
	var e astiav.Error
	return errors.As(err, &e) && avNoMemory(e)
}

// receive returns the next frame, owned by the decoder until the next call, and its presentation time in the stream's ticks;
// nil when it needs another packet or has no more.
func (d *decoder) receive() (*astiav.Frame, int64, error) {
	for bad := 0; bad < 64; bad++ {
		d.f.Unref()
		err := d.cc.ReceiveFrame(d.f)
		if again(err) || ended(err) {
			return nil, 0, nil
		}
		if noMemory(err) {
			return nil, 0, d.g.fail(codec.OutOfMemory, "decode", err)
		}
		if err != nil {
			d.lost++
			continue
		}
		d.frames++
		return d.f, d.time(), nil
	}
	return nil, 0, nil
}

// time gives the frame just received its presentation time.
func (d *decoder) time() int64 {
	var f C.sl_frame
	C.sl_frame_get((*C.AVFrame)(cptr(d.f)), &f)
	t := int64(f.pts)
	if d.order != nil {
		t = d.order.received(t, f.key != 0)
	}
	if t == noPTS {
		t = int64(f.best)
	}
	if t == noPTS {
		t = 0
		if d.last != noPTS {
			t = d.last + d.s.guessDur()
		}
	}
	d.last = t
	return t
}

// reset makes the decoder ready for packets of another place.
func (d *decoder) reset() {
	C.sl_ctx_flush((*C.AVCodecContext)(cptr(d.cc)))
	d.draining = false
	d.last = noPTS
	if d.order != nil {
		d.order = &reorderer{}
	}
}

func (d *decoder) close() {
	if d.cc == nil {
		return
	}
	d.f.Free()
	d.cc.Free()
	d.cc, d.f = nil, nil
	live("decoder", -1)
}

// reorderer derives presentation times where a container stores decode times only: frames come out of the decoder in
// presentation order, so each takes the earliest time not taken yet. A keyframe is shown after everything decoded before
// it, so what is still missing then was lost, and its times go with it.
type reorderer struct {
	times []int64 // of packets sent, not given to a frame yet, ascending
	own   []int64 // of packets sent whose frame did not come out yet
}

func (r *reorderer) sent(t int64) {
	i, _ := slices.BinarySearch(r.times, t)
	r.times = slices.Insert(r.times, i, t)
	r.own = append(r.own, t)
	if len(r.own) > 2*maxReorder { // frames that never came
		r.own = r.own[1:]
		r.times = r.times[1:]
	}
}

func (r *reorderer) received(own int64, key bool) int64 {
	if i := slices.Index(r.own, own); i >= 0 {
		r.own = slices.Delete(r.own, i, i+1)
	}
	if key {
		keep := r.own[:0]
		lost := 0
		for _, t := range r.own {
			if t < own {
				lost++
			} else {
				keep = append(keep, t)
			}
		}
		r.own = keep
		r.times = r.times[min(lost, len(r.times)):]
	}
	if len(r.times) == 0 {
		return own
	}
	t := r.times[0]
	r.times = r.times[1:]
	return t
}
