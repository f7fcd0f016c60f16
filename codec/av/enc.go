//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"unsafe"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// unit is one coded access unit in a batch's buffer, in decode order.
type unit struct {
	off, size int
	pts       int64
	dur       int64
	key       bool
}

// coded collects an encoder's output: one buffer, reused from chunk to chunk.
type coded struct {
	buf   []byte
	units []unit
}

func (c *coded) reset() { c.buf, c.units = c.buf[:0], c.units[:0] }

// videoEncoder encodes one rung of one chunk. x264 cannot be reset, so every chunk has its own.
type videoEncoder struct {
	g      *guard
	codec  string
	cc     *astiav.CodecContext
	pkt    *astiav.Packet
	config []byte
	extra  []byte
	delay  int64 // frames that the encoder holds back for reordering
	sets   paramSets
	tail   tail
}

// delayOf is the decode delay in frames of the B-frame structures we set, for encoders that don't report theirs.
const hevcDelay = 2

func newVideoEncoder(g *guard, vp *codec.VideoPlan, r *codec.RungPlan) (*videoEncoder, error) {
	c := astiav.FindEncoderByName(r.Enc.Encoder)
	if c == nil {
		return nil, g.fail(codec.EncoderRejected, "encode", fmt.Errorf("no encoder %q", r.Enc.Encoder))
	}
	e := &videoEncoder{g: g, codec: r.Enc.Codec, cc: astiav.AllocCodecContext(c), pkt: astiav.AllocPacket()}
	e.sets.hevc = r.Enc.Codec == "hevc"
	live("encoder", 1)
	cc := e.cc
	cc.SetWidth(r.Width)
	cc.SetHeight(r.Height)
	cc.SetPixelFormat(astiav.PixelFormatYuv420P)
	cc.SetTimeBase(astiav.NewRational(int(vp.FrameDur), int(vp.Timescale)))
	cc.SetFramerate(astiav.NewRational(int(vp.FPS.Num), int(vp.FPS.Den)))
	cc.SetSampleAspectRatio(astiav.NewRational(1, 1))
	cc.SetFlags(astiav.NewCodecContextFlags(astiav.CodecContextFlagGlobalHeader))
	if err := openCodec(cc, c, encoderOptions(vp, r)); err != nil {
		e.close()
		code := codec.EncoderRejected
		var left *leftoverError
		if errors.As(err, &left) {
			code = codec.EngineBug
		}
		return nil, g.fail(code, "encode", fmt.Errorf("rung %q: %w", r.Name, err))
	}
	if err := e.configure(vp, r); err != nil {
		e.close()
		return nil, g.fail(codec.EngineBug, "encode", fmt.Errorf("rung %q: %w", r.Name, err))
	}
	return e, nil
}

// encoderOptions turns the plan into AVOptions: the typed fields first, the plan's own options over them.
func encoderOptions(vp *codec.VideoPlan, r *codec.RungPlan) map[string]string {
	p := &r.Enc
	o := map[string]string{
		"threads": strconv.Itoa(max(1, p.Threads)), "g": strconv.FormatInt(vp.GOP, 10),
	}
	set := func(k, v string) {
		if v != "" {
			o[k] = v
		}
	}
	number := func(k string, v int64) {
		if v > 0 {
			o[k] = strconv.FormatInt(v, 10)
		}
	}
	out := vp.Out
	set("color_primaries", out.Primaries)
	set("color_trc", out.Transfer)
	set("colorspace", out.Matrix)
	set("color_range", out.Range)
	set("chroma_sample_location", out.Chroma)
	set("preset", p.Preset)
	set("level", p.Level)
	if p.Codec == "h264" || p.Codec == "hevc" {
		set("profile", p.Profile)
	}
	if p.CRF > 0 {
		o["crf"] = strconv.FormatFloat(p.CRF, 'f', -1, 64)
	}
	if p.Codec != "av1" {
		number("maxrate", p.MaxRate)
		number("bufsize", p.BufSize)
	}
	switch p.Codec {
	case "h264", "hevc":
		o["forced-idr"], o["flags"], o["sc_threshold"] = "1", "+cgop", "0"
		if p.Codec == "hevc" {
			delete(o, "sc_threshold") // x265 has its own name for it
		}
	case "av1":
		o["threads"] = "1" // what really bounds it is its own parameter lp
	}
	maps.Copy(o, p.Opts)
	if len(vp.Grid) > 0 || vp.VFR { // keyframes are forced one by one: the encoder must not add its own
		if p.Codec != "av1" {
			o["g"] = "9999"
		}
	}
	return o
}

// configure reads the parameter sets that the encoder made when it opened.
func (e *videoEncoder) configure(vp *codec.VideoPlan, r *codec.RungPlan) error {
	var c C.sl_ctx
	C.sl_ctx_get((*C.AVCodecContext)(cptr(e.cc)), &c)
	if c.extradata_size > 0 {
		e.extra = C.GoBytes(unsafe.Pointer(c.extradata), c.extradata_size)
	}
	e.delay = int64(c.has_b_frames)
	var err error
	switch e.codec {
	case "h264", "hevc":
		if e.codec == "hevc" && r.Enc.Opts["bf"] != "0" {
			e.delay = max(e.delay, hevcDelay)
		}
		e.sets.fromExtradata(e.extra)
		e.config, err = e.sets.config()
	case "av1":
		e.delay = 0
		e.config, err = av1Config(e.extra)
	case "vp9":
		e.delay = 0
		e.config = vp9Config(r.Width, r.Height, vp)
	default:
		err = fmt.Errorf("codec %q cannot be encoded", e.codec)
	}
	return err
}

// encode takes a frame (nil ends the input) and appends what comes out to dst.
func (e *videoEncoder) encode(f *astiav.Frame, dst *coded) error {
	if f != nil {
		e.tail.lower((*C.AVCodecContext)(cptr(e.cc)), f.Pts())
	}
	if err := e.cc.SendFrame(f); err != nil && !(f == nil && ended(err)) {
		return e.g.fail(encodeCode(err), "encode", err)
	}
	for {
		err := e.cc.ReceivePacket(e.pkt)
		if again(err) || ended(err) {
			return nil
		}
		if err != nil {
			return e.g.fail(encodeCode(err), "encode", err)
		}
		err = e.take(dst)
		e.pkt.Unref()
		if err != nil {
			return err
		}
	}
}

func encodeCode(err error) codec.Code {
	if errors.Is(err, astiav.ErrEagain) {
		return codec.EngineBug
	}
	return codec.EncoderRejected
}

// take copies a packet into dst in the form samples are stored in.
func (e *videoEncoder) take(dst *coded) error {
	var p C.sl_packet
	C.sl_packet_get((*C.AVPacket)(cptr(e.pkt)), &p)
	data := unsafe.Slice((*byte)(unsafe.Pointer(p.data)), int(p.size))
	off := len(dst.buf)
	switch e.codec {
	case "h264", "hevc":
		eachAnnexB(data, func(n []byte) {
			kind := h264Kind(n)
			if e.sets.hevc {
				kind = hevcKind(n)
			}
			if kind == nalKeep {
				dst.buf = appendPrefixed(dst.buf, n)
			}
		})
	case "av1":
		dst.buf = appendTemporalUnit(dst.buf, data)
	default:
		dst.buf = append(dst.buf, data...)
	}
	if len(dst.buf) == off {
		return e.g.fail(codec.EngineBug, "encode", errors.New("the encoder made an empty picture"))
	}
	dst.units = append(dst.units, unit{off: off, size: len(dst.buf) - off, pts: int64(p.pts), key: p.flags&C.AV_PKT_FLAG_KEY != 0})
	return nil
}

func (e *videoEncoder) close() {
	if e.cc == nil {
		return
	}
	e.pkt.Free()
	e.cc.Free()
	e.cc, e.pkt = nil, nil
	live("encoder", -1)
}
