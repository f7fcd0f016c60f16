//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// audioEncoder encodes one audio track.
type audioEncoder struct {
	g          *guard
	cc         *astiav.CodecContext
	pkt        *astiav.Packet
	format     int
	formatName string
	frameSize  int
	priming    int
	config     []byte
}

var audioEncoders = map[string]string{"aac": "aac", "opus": "libopus"}

func newAudioEncoder(g *guard, p *codec.AudioPlan) (*audioEncoder, error) {
	c := astiav.FindEncoderByName(audioEncoders[p.Codec])
	if c == nil {
		return nil, g.fail(codec.EncoderRejected, "encode", fmt.Errorf("no audio encoder for %q", p.Codec))
	}
	e := &audioEncoder{g: g, cc: astiav.AllocCodecContext(c), pkt: astiav.AllocPacket()}
	live("encoder", 1)
	C.sl_ctx_audio((*C.AVCodecContext)(cptr(e.cc)), C.int(p.SampleRate), C.int(p.Channels))
	if p.BitRate > 0 {
		e.cc.SetBitRate(p.BitRate)
	}
	e.cc.SetFlags(astiav.NewCodecContextFlags(astiav.CodecContextFlagGlobalHeader))
	if err := openCodec(e.cc, c, map[string]string{"threads": "1"}); err != nil {
		e.close()
		return nil, g.fail(codec.EncoderRejected, "encode", fmt.Errorf("audio track %q: %w", p.Name, err))
	}
	var i C.sl_ctx
	C.sl_ctx_get((*C.AVCodecContext)(cptr(e.cc)), &i)
	e.format, e.formatName = int(i.sample_fmt), C.GoString(&i.sample_fmt_name[0])
	e.frameSize, e.priming = int(i.frame_size), int(i.initial_padding)
	if e.frameSize <= 0 {
		e.frameSize = 1024
	}
	e.config = C.GoBytes(unsafe.Pointer(i.extradata), i.extradata_size)
	if p.Codec == "opus" {
		config, skip, err := opusConfig(e.config)
		if err != nil {
			e.close()
			return nil, g.fail(codec.EngineBug, "encode", fmt.Errorf("audio track %q: %w", p.Name, err))
		}
		e.config, e.priming = config, skip
	}
	return e, nil
}

// encode takes a frame (nil: the end) and hands every packet on. The sample's data is valid during the call only.
func (e *audioEncoder) encode(f *astiav.Frame, deliver func(codec.Sample) error) error {
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
		var p C.sl_packet
		C.sl_packet_get((*C.AVPacket)(cptr(e.pkt)), &p)
		dur := int64(p.duration)
		if dur <= 0 {
			dur = int64(e.frameSize)
		}
		err = deliver(codec.Sample{PTS: int64(p.pts), DTS: int64(p.pts), Dur: dur, Key: true,
			Data: unsafe.Slice((*byte)(unsafe.Pointer(p.data)), int(p.size))})
		e.pkt.Unref()
		if err != nil {
			return err
		}
	}
}

func (e *audioEncoder) close() {
	if e.cc == nil {
		return
	}
	e.pkt.Free()
	e.cc.Free()
	e.cc, e.pkt = nil, nil
	live("encoder", -1)
}
