//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"time"
	"unsafe"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// JPEG qualities, of 100.
const (
	posterQuality = 88
	tileQuality   = 78
)

// storyboard arranges tiles on sheets and lists them in a WebVTT file.
type storyboard struct {
	tp     *codec.ThumbPlan
	total  int
	next   int // tiles placed
	sheet  *image.YCbCr
	sheets int
	vtt    bytes.Buffer
}

func newStoryboard(tp *codec.ThumbPlan) *storyboard {
	s := &storyboard{tp: tp, total: int(max(1, (tp.DurationUS+tp.IntervalUS-1)/tp.IntervalUS))}
	s.total = min(s.total, 10_000)
	s.vtt.WriteString("WEBVTT\n")
	return s
}

// wants says whether a tile's time lies before us.
func (s *storyboard) wants(us int64) bool {
	return s.next < s.total && int64(s.next)*s.tp.IntervalUS < us
}

// fill places the picture as every missing tile before us.
func (s *storyboard) fill(f *astiav.Frame, us int64, d *delivery) error {
	pic := yccOf(f)
	for s.wants(us) {
		if err := s.place(pic, d); err != nil {
			return err
		}
	}
	return nil
}

func (s *storyboard) place(pic *image.YCbCr, d *delivery) error {
	tp := s.tp
	perSheet := tp.Columns * tp.Rows
	i := s.next % perSheet
	if s.sheet == nil {
		s.sheet = image.NewYCbCr(image.Rect(0, 0, tp.Columns*tp.TileWidth, tp.Rows*tp.TileHeight), image.YCbCrSubsampleRatio420)
	}
	x, y := i%tp.Columns*tp.TileWidth, i/tp.Columns*tp.TileHeight
	blit(s.sheet, pic, x, y)
	start := int64(s.next) * tp.IntervalUS
	end := min(start+tp.IntervalUS, max(tp.DurationUS, start+1000))
	us := func(t int64) string { return vttTime(time.Duration(t) * time.Microsecond) }
	fmt.Fprintf(&s.vtt, "\n%s --> %s\nstoryboard-%d.jpg#xywh=%d,%d,%d,%d\n", us(start), us(end), s.sheets, x, y, tp.TileWidth, tp.TileHeight)
	s.next++
	if s.next%perSheet == 0 {
		return s.flush(d)
	}
	return nil
}

// flush writes the sheet, cut to the rows in use; a sheet of one row also to its columns.
func (s *storyboard) flush(d *delivery) error {
	if s.sheet == nil {
		return nil
	}
	tp := s.tp
	n := (s.next-1)%(tp.Columns*tp.Rows) + 1
	rows := (n + tp.Columns - 1) / tp.Columns
	cols := min(n, tp.Columns)
	cut := s.sheet.SubImage(image.Rect(0, 0, cols*tp.TileWidth, rows*tp.TileHeight)).(*image.YCbCr)
	data, err := encodeJPEG(cut, tileQuality)
	if err != nil {
		return codec.NewError(codec.EngineBug, "encode", err.Error(), err)
	}
	s.sheet = nil
	name := fmt.Sprintf("storyboard-%d.jpg", s.sheets)
	s.sheets++
	return d.file(name, data)
}

// finish writes what is left. Nothing is written when no picture was ever placed.
func (s *storyboard) finish(d *delivery) error {
	if s.next == 0 {
		return nil
	}
	if err := s.flush(d); err != nil {
		return err
	}
	return d.file("storyboard.vtt", s.vtt.Bytes())
}

// blit copies src into dst with its corner at x, y, both even.
func blit(dst, src *image.YCbCr, x, y int) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	for r := range h {
		copy(dst.Y[(y+r)*dst.YStride+x:][:w], src.Y[r*src.YStride:])
	}
	for r := range (h + 1) / 2 {
		copy(dst.Cb[(y/2+r)*dst.CStride+x/2:][:(w+1)/2], src.Cb[r*src.CStride:])
		copy(dst.Cr[(y/2+r)*dst.CStride+x/2:][:(w+1)/2], src.Cr[r*src.CStride:])
	}
}

// yccOf views an 8-bit 4:2:0 frame as an image; valid as long as the frame.
func yccOf(f *astiav.Frame) *image.YCbCr {
	w, h := f.Width(), f.Height()
	plane := func(i, rows int) ([]byte, int) {
		var p *C.uint8_t
		var stride C.int
		if C.sl_frame_plane((*C.AVFrame)(cptr(f)), C.int(i), &p, &stride) == 0 || stride <= 0 {
			return nil, 0
		}
		return unsafe.Slice((*byte)(unsafe.Pointer(p)), int(stride)*rows), int(stride)
	}
	m := &image.YCbCr{SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, w, h)}
	m.Y, m.YStride = plane(0, h)
	m.Cb, m.CStride = plane(1, (h+1)/2)
	m.Cr, _ = plane(2, (h+1)/2)
	return m
}

func encodeJPEG(m *image.YCbCr, quality int) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}
