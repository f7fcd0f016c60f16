//go:build cgo

package av

import (
	"fmt"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// runFrame makes one picture: the frame shown at ThumbPlan.FrameUS, or the first when that lies before it. It decodes from the
// start of the source, which is meant to be little more than the group of pictures that holds the frame.
func runFrame(g *guard, cfg Config, src codec.Source, job *codec.Job, d *delivery) error {
	tp := job.Plan.Thumbs
	in, err := openInput(g, src, inputOpts{format: job.Plan.Format, sequential: src.Sequential})
	if err != nil {
		return err
	}
	defer in.close()
	if tp.Stream < 0 || tp.Stream >= len(in.streams) || in.streams[tp.Stream].kind != codec.Video || tp.Width <= 0 || tp.Height <= 0 {
		return codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("no picture of %d by %d pixels in stream %d", tp.Width, tp.Height, tp.Stream), nil)
	}
	s := &in.streams[tp.Stream]
	if err := in.refuseEncrypted(tp.Stream); err != nil {
		return err
	}
	in.keep(map[int]bool{tp.Stream: true})
	dec, err := newDecoder(g, s, decOpts{threads: max(1, job.Tokens), maxPixels: cfg.MaxPixels, careful: job.Safe})
	if err != nil {
		return err
	}
	defer dec.close()
	frame, small := astiav.AllocFrame(), astiav.AllocFrame()
	defer frame.Free()
	defer small.Free()
	ok, err := shownAt(g, in, dec, frame, fromUS(*tp.FrameUS+job.Plan.OriginUS, s.tb))
	if err != nil {
		return err
	}
	if !ok {
		return g.fail(codec.DamagedMedia, "decode", fmt.Errorf("stream %d: no picture could be decoded", tp.Stream))
	}
	r := newRenderer(g, s, tp, tp.Width, tp.Height, true)
	defer r.close()
	if err := r.render(frame, small); err != nil {
		return err
	}
	data, err := encodeJPEG(yccOf(small), posterQuality)
	if err != nil {
		return g.fail(codec.EngineBug, "encode", err)
	}
	return d.file("frame.jpg", data)
}

// shownAt decodes into frame the last picture at or before a time, in ticks of the stream; the decoder gives them in the order
// in which they are shown. It reports whether there is any.
func shownAt(g *guard, in *input, dec *decoder, frame *astiav.Frame, at int64) (found bool, err error) {
	for {
		p, err := in.read()
		if err != nil {
			return found, err
		}
		ended := p == nil
		err = dec.send(p)
		if p != nil {
			p.free()
		}
		if err != nil {
			return found, err
		}
		for {
			if e := g.interrupted("decode"); e != nil {
				return found, e
			}
			f, t, err := dec.receive()
			if err != nil {
				return found, err
			}
			if f == nil {
				break
			}
			if found && t > at {
				return true, nil
			}
			frame.Unref()
			if err := frame.Ref(f); err != nil {
				return false, g.fail(codec.OutOfMemory, "decode", err)
			}
			found = true
		}
		if ended {
			return found, nil
		}
	}
}
