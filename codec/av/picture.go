//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// picture writes the filter chains that make a rung out of a decoded frame.
//
// Order: crop and alpha first; then one scaling step that also converts the colour; then flips and rotation, on the smaller
// picture. Tone mapping is expensive, so it runs once, at the top rung's size, and the rungs are scaled from its result.
type picture struct {
	vp        *codec.VideoPlan
	in        codec.Color
	crop      string
	alpha     bool
	tonemap   string
	turn      []string // filters that flip and rotate
	swapped   bool     // width and height change places
	baseColor codec.Color
}

func newPicture(vp *codec.VideoPlan) *picture {
	p := &picture{vp: vp, in: vp.In}
	for _, op := range vp.Pre {
		p.op(op)
	}
	p.baseColor = vp.In
	if p.tonemap != "" {
		p.baseColor = vp.Out
	} else if p.alpha {
		p.baseColor = codec.Color{Primaries: vp.In.Primaries, Transfer: vp.In.Transfer, Matrix: "gbr", Range: "pc"}
	}
	return p
}

func (p *picture) op(op codec.Op) {
	switch op.Kind {
	case "crop":
		p.crop = op.Value
	case "alpha":
		p.alpha = true
	case "tonemap":
		p.tonemap = op.Value
	case "hflip":
		p.turn = append(p.turn, "hflip")
	case "rotate":
		switch op.Value {
		case "90":
			p.turn, p.swapped = append(p.turn, "transpose=clock"), !p.swapped
		case "180":
			p.turn = append(p.turn, "hflip", "vflip")
		case "270":
			p.turn, p.swapped = append(p.turn, "transpose=cclock"), !p.swapped
		}
	}
}

func (p *picture) needsBase() bool { return p.tonemap != "" || p.alpha }

// stored is the size of a rung before it is turned upright.
func (p *picture) stored(w, h int) (int, int) {
	if p.swapped {
		return h, w
	}
	return w, h
}

// head removes odd lines and brings the pixels into a layout that the scaler reads.
func (p *picture) head(f *C.sl_frame) []string {
	var c []string
	if p.crop != "" && int(f.width) == p.vp.DecodeWidth && int(f.height) == p.vp.DecodeHeight {
		w, h, x, y := cropBox(p.crop)
		c = append(c, fmt.Sprintf("crop=w=%d:h=%d:x=%d:y=%d:exact=1", w, h, x, y))
	} else if even := evenSize(f); even != "" {
		c = append(c, even)
	}
	if isRGB, alpha := rgbFormat(int(f.format)); p.alpha && alpha {
		if !isRGB {
			c = append(c, zscale(0, 0, "", p.vp.In, codec.Color{Matrix: "gbr", Range: "pc"}))
		}
		c = append(c, "format=gbrap", "premultiply=inplace=1", "format=gbrp")
	} else if isRGB || p.alpha {
		if !isRGB {
			c = append(c, zscale(0, 0, "", p.vp.In, codec.Color{Matrix: "gbr", Range: "pc"}))
		}
		c = append(c, "format=gbrp")
	}
	return c
}

// evenSize makes the size of a picture with shared chroma samples even, which the scaler needs: it takes a line or column
// away, or adds one where there is only one.
func evenSize(f *C.sl_frame) string {
	var depth, rgb, alpha, cw, ch C.int
	C.sl_pixfmt_flags(f.format, &depth, &rgb, &alpha, &cw, &ch)
	w, h := int(f.width), int(f.height)
	step := func(v int, shift C.int) int { return v &^ (1<<shift - 1) }
	ew, eh := step(w, cw), step(h, ch)
	if ew == w && eh == h {
		return ""
	}
	if ew == 0 || eh == 0 {
		return fmt.Sprintf("pad=w=%d:h=%d", max(ew, 1<<cw), max(eh, 1<<ch))
	}
	return fmt.Sprintf("crop=w=%d:h=%d:x=0:y=0:exact=1", ew, eh)
}

func cropBox(s string) (w, h, x, y int) {
	v := [4]int{}
	for i, f := range strings.SplitN(s, ":", 4) {
		v[i], _ = strconv.Atoi(f)
	}
	return v[0], v[1], v[2], v[3]
}

// rgbFormat says whether a pixel format is RGB and whether it has alpha.
func rgbFormat(format int) (rgb, alpha bool) {
	var depth, r, a, cw, ch C.int
	C.sl_pixfmt_flags(C.int(format), &depth, &r, &a, &cw, &ch)
	return r != 0, a != 0
}

// rungChain makes a rung straight from the decoded frame.
func (p *picture) rungChain(r *codec.RungPlan) func(*C.sl_frame) string {
	return func(f *C.sl_frame) string {
		w, h := p.stored(r.Width, r.Height)
		c := p.head(f)
		if len(c) == 0 && len(p.turn) == 0 && int(f.width) == w && int(f.height) == h && p.finished(f) {
			return ""
		}
		in := p.in
		if rgb, _ := rgbFormat(int(f.format)); rgb {
			in.Matrix, in.Range = "gbr", "pc"
		}
		c = append(c, p.fit(f, w, h, r.Scaler, in)...)
		c = append(c, "format=yuv420p")
		return strings.Join(append(c, p.turn...), ",")
	}
}

// finished says that a frame already has the output's pixels and colour.
func (p *picture) finished(f *C.sl_frame) bool {
	return f.format == 0 /* yuv420p */ && p.in.Matrix == p.vp.Out.Matrix && zrange(p.in.Range) == zrange(p.vp.Out.Range) && narrow(p.in) == narrow(p.vp.Out)
}

// fit scales to w×h. A picture whose shape differs from the plan's (the file changed in the middle) is letterboxed.
func (p *picture) fit(f *C.sl_frame, w, h int, filter string, in codec.Color) []string {
	dw, dh := p.vp.DecodeWidth, p.vp.DecodeHeight
	if int(f.width) == dw && int(f.height) == dh || dw == 0 || dh == 0 {
		return []string{zscale(w, h, filter, in, p.vp.Out)}
	}
	num, den := int64(f.width)*int64(max(1, f.sar_num)), int64(f.height)*int64(max(1, f.sar_den))
	if f.sar_num <= 0 || f.sar_den <= 0 {
		num, den = int64(f.width), int64(f.height)
	}
	fw, fh := w, int(int64(w)*den/num)&^1
	if fh > h {
		fw, fh = int(int64(h)*num/den)&^1, h
	}
	if fw*100 >= w*98 && fh*100 >= h*98 {
		return []string{zscale(w, h, filter, in, p.vp.Out)}
	}
	fw, fh = max(2, fw), max(2, fh)
	return []string{zscale(fw, fh, filter, in, p.vp.Out), "format=yuv420p",
		fmt.Sprintf("pad=w=%d:h=%d:x=%d:y=%d", w, h, (w-fw)/2&^1, (h-fh)/2&^1)}
}

// baseChain does what is done once per frame for all rungs.
func (p *picture) baseChain(f *C.sl_frame) string {
	c := p.head(f)
	if p.tonemap == "" {
		if len(c) == 0 {
			return "null"
		}
		return strings.Join(c, ",")
	}
	w, h := p.topSize()
	in := p.in
	c = append(c, zscale(w, h, "spline36", in, in))
	npl := "100"
	c = append(c,
		fmt.Sprintf("zscale=t=linear:npl=%s", npl), "format=gbrpf32le",
		"zscale=p=bt709", "tonemap=tonemap=hable:desat=0",
		"zscale=t=bt709:m="+zmatrix(p.vp.Out.Matrix)+":r="+zrange(p.vp.Out.Range)+chromaOption(p.vp.Out), "format=yuv420p")
	return strings.Join(c, ",")
}

// topSize is the size, before turning, of the largest rung.
func (p *picture) topSize() (w, h int) {
	for i := range p.vp.Rungs {
		r := &p.vp.Rungs[i]
		if !r.Copy && r.Width*r.Height > w*h {
			w, h = r.Width, r.Height
		}
	}
	return p.stored(w, h)
}

// fromBaseChain makes a rung of what baseChain made.
func (p *picture) fromBaseChain(r *codec.RungPlan) func(*C.sl_frame) string {
	return func(f *C.sl_frame) string {
		w, h := p.stored(r.Width, r.Height)
		var c []string
		if int(f.width) != w || int(f.height) != h || f.format != 0 {
			c = append(c, zscale(w, h, r.Scaler, p.baseColor, p.vp.Out), "format=yuv420p")
		}
		return strings.Join(append(c, p.turn...), ",")
	}
}

// cascadeChain makes a rung of a larger, finished one.
func (p *picture) cascadeChain(r *codec.RungPlan) func(*C.sl_frame) string {
	return func(f *C.sl_frame) string {
		if int(f.width) == r.Width && int(f.height) == r.Height {
			return ""
		}
		return zscale(r.Width, r.Height, r.Scaler, p.vp.Out, p.vp.Out) + ",format=yuv420p"
	}
}

// zscale writes one scaling and colour conversion step. Size 0 keeps the size. Both colours are stated, never left to a
// default. Primaries and transfer are converted only from wide gamuts: between BT.601 and BT.709 the difference is below
// what is visible, and it would cost a detour over linear light for every SD picture.
func zscale(w, h int, filter string, in, out codec.Color) string {
	if !haveZscale() {
		return swscale(w, h, in, out)
	}
	var o []string
	if w > 0 {
		o = append(o, fmt.Sprintf("w=%d:h=%d", w, h))
	}
	if filter != "" {
		o = append(o, "f="+filter)
	}
	if narrow(in) {
		o = append(o, "pin=bt709", "tin=bt709")
		if out.Primaries != "" {
			o = append(o, "p=bt709", "t=bt709")
		}
	} else {
		o = append(o, "pin="+in.Primaries, "tin="+in.Transfer)
		if out.Primaries != "" {
			o = append(o, "p="+out.Primaries, "t="+out.Transfer)
		}
	}
	o = append(o, "min="+zmatrix(in.Matrix), "rin="+zrange(in.Range), "m="+zmatrix(out.Matrix), "r="+zrange(out.Range))
	return "zscale=" + strings.Join(o, ":") + chromaOption(out)
}

// haveZscale says whether this libavfilter was built with zimg.
var haveZscale = sync.OnceValue(func() bool { return astiav.FindFilterByName("zscale") != nil })

// swscale is zscale's stand-in in builds without zimg: bicubic, and with both matrices and ranges stated, too. It does not
// convert wide gamuts.
func swscale(w, h int, in, out codec.Color) string {
	matrix := func(c codec.Color) string {
		switch m := c.Matrix; m {
		case "bt470bg", "smpte170m", "fcc", "smpte240m":
			return m
		case "bt2020nc", "bt2020c":
			return "bt2020"
		}
		return "bt709"
	}
	s := fmt.Sprintf("scale=flags=bicubic+accurate_rnd:in_color_matrix=%s:in_range=%s:out_color_matrix=%s:out_range=%s",
		matrix(in), zrange(in.Range), matrix(out), zrange(out.Range))
	if w > 0 {
		s += fmt.Sprintf(":w=%d:h=%d", w, h)
	}
	return s
}

// narrow says that a colour space is one of the SDR family around BT.709.
func narrow(c codec.Color) bool {
	wide := []string{"bt2020", "smpte428", "smpte431", "smpte432"}
	if slices.Contains(wide, c.Primaries) {
		return false
	}
	return c.Transfer != "smpte2084" && c.Transfer != "arib-std-b67"
}

func chromaOption(c codec.Color) string {
	switch c.Chroma {
	case "left", "center", "topleft", "top", "bottomleft", "bottom":
		return ":c=" + c.Chroma
	}
	return ":c=left"
}

// zmatrix and zrange translate ffprobe's names to zscale's.
func zmatrix(m string) string {
	switch m {
	case "gbr", "rgb":
		return "gbr"
	case "bt2020nc":
		return "2020_ncl"
	case "bt2020c":
		return "2020_cl"
	case "smpte170m":
		return "170m"
	case "bt470bg":
		return "470bg"
	case "fcc":
		return "fcc"
	case "ycgco":
		return "ycgco"
	case "ictcp":
		return "ictcp"
	}
	return "709"
}

func zrange(r string) string {
	if r == "pc" {
		return "full"
	}
	return "limited"
}
