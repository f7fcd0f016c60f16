//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"fmt"
	"strings"
	"unsafe"

	"sluice/codec"
)

const defaultProbeTime = 5_000_000_000 // ns, for opening and analysing

// Probe reads what src is. Errors are *codec.Error.
func (e *Engine) Probe(ctx context.Context, src codec.Source, opts codec.ProbeOpts) (codec.Info, error) {
	g := newGuard(ctx)
	defer g.close()
	defer g.bind()()
	in, err := e.openProbe(g, src, opts)
	if err != nil {
		return codec.Info{}, asEngineError(err, "open")
	}
	defer in.close()
	info, err := in.describe()
	if err != nil {
		return codec.Info{}, asEngineError(err, "probe")
	}
	if opts.Packets {
		sc := newScan(in)
		if err := sc.run(); err != nil {
			return codec.Info{}, asEngineError(err, "probe")
		}
		sc.fill(&info)
		if err := checkFound(in, &info, sc); err != nil {
			return codec.Info{}, err
		}
	}
	if opts.Idet {
		if err := verifyPictures(g, src, &info, e.cfg); err != nil {
			return codec.Info{}, asEngineError(err, "probe")
		}
	}
	return info, nil
}

// openProbe opens src as shallowly as opts allow. Packets need the full analysis: it sets up how libav computes their times.
func (e *Engine) openProbe(g *guard, src codec.Source, opts codec.ProbeOpts) (*input, error) {
	o := inputOpts{wall: e.cfg.ProbeTime, sequential: src.Sequential, maxPixels: e.cfg.MaxPixels}
	if !opts.Packets && !src.Sequential {
		if in, err := openHeader(g, src, o); in != nil || err != nil {
			return in, err
		}
	}
	return openInput(g, src, o)
}

// describe turns what the demuxer knows into an Info.
func (in *input) describe() (codec.Info, error) {
	c := in.c()
	info := codec.Info{Format: codec.Format{
		Name: in.format, LongName: in.fc.InputFormat().LongName(), Size: max(0, in.src.size), BitRate: in.fc.BitRate(),
		ProbeScore: int(C.sl_fmt_probe_score(c)), Tags: dictMap(in.fc.Metadata()),
	}}
	if d := in.fc.Duration(); d > 0 {
		info.Format.DurationUS = d
	}
	if s := in.fc.StartTime(); s != noPTS {
		info.Format.StartUS = &s
	}
	if isMP4(in.format) {
		boxes := topBoxes(in.src)
		info.Format.Streamable = boxes.faststart()
		boxes.tracks(in.src, func(i int, entries []string) {
			for _, e := range entries {
				if i < len(in.streams) && encryptedTags[e] {
					in.streams[i].encrypted = true
				}
			}
		})
		if in.cut {
			info.Warnings = append(info.Warnings, codec.Warning{Code: codec.DamagedPartly, Stream: -1, Message: "The file is shorter than it says."})
		}
	}
	for i := range in.streams {
		out := in.streams[i].info()
		if out.Video != nil {
			in.describePicture(i, out.Video, &info)
		}
		if out.Subtitle != nil && out.Subtitle.Kind == "bitmap" {
			info.Warnings = append(info.Warnings, codec.Warning{Code: codec.BitmapSubtitles, Stream: i, Message: "Subtitles made of pictures are listed but not converted."})
		}
		info.Streams = append(info.Streams, out)
	}
	if len(info.Streams) == 0 {
		if in.pastEnd() {
			return info, in.g.fail(codec.IncompleteUpload, "probe", nil)
		}
		return info, in.g.fail(codec.NoStreams, "probe", nil)
	}
	in.chapters(&info)
	in.programs(&info)
	return info, nil
}

func isMP4(format string) bool { return strings.HasPrefix(format, "mov,") }

func (in *input) describePicture(i int, v *codec.VideoInfo, info *codec.Info) {
	s := &in.streams[i]
	var exact bool
	v.Rotation, v.Flip, exact = orientation(s.matrix)
	if !exact {
		info.Warnings = append(info.Warnings, codec.Warning{Code: codec.RotationSnapped, Stream: i,
			Message: fmt.Sprintf("the picture's rotation was rounded to %d degrees", v.Rotation)})
	}
	if s.codec == "h264" {
		ps := paramSets{}
		ps.fromExtradata(s.extradata)
		v.ParamSets = len(ps.sps) + len(ps.pps)
		if len(ps.sps) > 0 {
			if sps := parseSPS(ps.sps[0]); sps != nil {
				v.Refs = int(sps.NumRefFrames)
			}
		}
	}
}

func (in *input) chapters(info *codec.Info) {
	c := in.c()
	for i := 0; i < int(C.sl_chapters(c)) && i < 10_000; i++ {
		var start, end C.int64_t
		var title *C.char
		if C.sl_chapter(c, C.int(i), &start, &end, &title) == 0 {
			continue
		}
		ch := codec.Chapter{StartUS: int64(start), EndUS: int64(end), Title: cleanText(C.GoString(title), 500)}
		if ch.EndUS == noPTS || ch.EndUS < ch.StartUS {
			ch.EndUS = ch.StartUS
		}
		info.Chapters = append(info.Chapters, ch)
	}
}

func (in *input) programs(info *codec.Info) {
	c := in.c()
	for i := 0; i < int(C.sl_programs(c)) && i < 1000; i++ {
		var id, n C.int
		var name *C.char
		var list *C.uint
		if C.sl_program(c, C.int(i), &id, &name, &list, &n) == 0 {
			continue
		}
		p := codec.Program{ID: int(id), Name: cleanText(C.GoString(name), 200), Streams: []int{}}
		for _, s := range unsafe.Slice(list, int(n)) {
			if int(s) < len(in.streams) {
				p.Streams = append(p.Streams, int(s))
			}
		}
		info.Programs = append(info.Programs, p)
	}
}

// checkFound refuses a file whose scan found no media at all.
func checkFound(in *input, info *codec.Info, sc *scan) error {
	encrypted := false
	media, found := false, false
	for i := range info.Streams {
		s := &info.Streams[i]
		encrypted = encrypted || s.Encrypted
		if s.Kind == codec.Video || s.Kind == codec.Audio {
			media = true
			found = found || sc.streams[i].packets > 0
		}
	}
	switch {
	case found || encrypted || !media:
		return nil
	case in.pastEnd() || in.ended:
		return in.g.fail(codec.IncompleteUpload, "probe", nil)
	}
	return in.g.fail(codec.DamagedMedia, "probe", fmt.Errorf("no stream holds a packet"))
}
