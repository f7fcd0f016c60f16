package delivery

import (
	"math"
	"strconv"
	"strings"
)

// thumb is what a thumbnail's URL asks for.
type thumb struct {
	width, height int // of the result; 0 follows the other by the picture's shape
	crop          cropType
	quality       int // of JPEG; 0 the default
	background    uint32
	png           bool
	// x, y, w and h cut the source, in units of a picture of relWidth by relHeight, or in its own pixels.
	x, y, w, h          int
	relWidth, relHeight int
	nearest             bool

	timeMS         int64 // of the frame; -1 none
	slices, slice  int   // -1 none
	startMS, endMS int64 // -1 none
}

// cropType is how a picture gets its size; the values are ThumbCropType of the wire.
type cropType int

const (
	fitInside cropType = 1
	fitAndPad cropType = 2
	cropMid   cropType = 3
	cropTop   cropType = 4
	stretch   cropType = 5
)

const (
	maxSide     = 10000
	defaultSide = 120 // by three quarters of it
)

// readThumb reads the parameters of a thumbnail.
func readThumb(p params) (*thumb, error) {
	t := &thumb{crop: fitInside, background: 0xffffff}
	r := thumbReader{params: p}
	width, height := r.side("width"), r.side("height")
	if width == 0 && height == 0 {
		width, height = r.side("def_width"), r.side("def_height")
		if width == 0 && height == 0 {
			width, height = defaultSide, defaultSide*3/4
		}
	}
	t.width, t.height = width, height
	t.crop = cropType(r.number("type", int(fitInside), 1, 5))
	if strings.Contains(p["width"], "!") || strings.Contains(p["height"], "!") {
		t.crop = stretch
	}
	t.quality = r.number("quality", 0, 0, 100)
	t.background = r.colour("bgcolor")
	t.x, t.y, t.w, t.h = r.side("src_x"), r.side("src_y"), r.side("src_w"), r.side("src_h")
	t.relWidth, t.relHeight = r.side("rel_width"), r.side("rel_height")
	t.nearest = r.number("nearest_aspect_ratio", 0, 0, 1) == 1
	t.timeMS, t.startMS, t.endMS = r.seconds("vid_sec"), r.seconds("start_sec"), r.seconds("end_sec")
	t.slices, t.slice = r.number("vid_slices", -1, -1, maxSlices), r.number("vid_slice", -1, -1, maxSlices)
	switch ext(p["format"]) {
	case "", "jpg", "jpeg":
	case "png":
		t.png = true
	default:
		r.bad("format")
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case t.slice >= 0 && t.slices > 0 && t.slice >= t.slices:
		return nil, fail(badQuery, "vid_slice is not below vid_slices")
	case t.startMS >= 0 && t.endMS >= 0 && t.endMS <= t.startMS:
		return nil, fail(badQuery, "end_sec is not after start_sec")
	case t.width*t.height > maxPicture:
		return nil, fail(badQuery, "%d by %d pixels are too many", t.width, t.height)
	}
	return t, nil
}

// captures says whether the picture is taken from the video.
func (t *thumb) captures() bool { return t.timeMS >= 0 || t.slices > 0 }

// at is the time of the frame in a video of some length.
func (t *thumb) at(durationMS int64) int64 {
	if t.slices <= 0 {
		return t.timeMS
	}
	start, end := max(0, t.startMS), durationMS
	if t.endMS >= 0 {
		end = min(end, t.endMS)
	}
	return start + max(0, end-start)*int64(max(0, t.slice))/int64(t.slices)
}

// needs is the width of a picture that is large enough for the result, made from a video of w by h; 0 is all there is.
func (t *thumb) needs(w, h int) int {
	if w <= 0 || h <= 0 || t.x|t.y|t.w|t.h != 0 {
		return 0
	}
	need := max(t.width, (t.height*w+h-1)/h)
	if need >= w {
		return 0
	}
	return need
}

// last is the latest time of a frame in the result.
func (t *thumb) last(durationMS int64) int64 {
	one := *t
	if t.slices > 0 && t.slice < 0 {
		one.slice = t.slices - 1
	}
	return one.at(durationMS)
}

func (t *thumb) contentType() string {
	if t.png {
		return "image/png"
	}
	return "image/jpeg"
}

// thumbReader reads parameters and keeps the first error.
type thumbReader struct {
	params
	err error
}

func (r *thumbReader) bad(name string) {
	if r.err == nil {
		r.err = fail(badQuery, "%s: bad value %q", name, r.params[name])
	}
}

// text is a value without the extension that URLs of pictures end with.
func (r *thumbReader) text(name string) string { return ext(r.params[name]) }

func ext(v string) string {
	for _, e := range []string{".jpg", ".png", ".gif"} {
		if s, ok := strings.CutSuffix(v, e); ok {
			return s
		}
	}
	return strings.ToLower(v)
}

func (r *thumbReader) side(name string) int {
	return r.parse(name, strings.ReplaceAll(r.text(name), "!", ""), 0, 0, maxSide)
}

func (r *thumbReader) number(name string, absent, least, most int) int {
	return r.parse(name, r.text(name), absent, least, most)
}

func (r *thumbReader) parse(name, v string, absent, least, most int) int {
	if v == "" {
		return absent
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		r.bad(name)
		return absent
	}
	return n
}

// seconds reads seconds as milliseconds; -1 when absent or negative.
func (r *thumbReader) seconds(name string) int64 {
	v := r.text(name)
	if v == "" {
		return -1
	}
	s, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(s) || s > 1e7 {
		r.bad(name)
		return -1
	}
	if s < 0 {
		return -1
	}
	return int64(math.Round(s * 1000))
}

// colour reads one to six hexadecimal digits.
func (r *thumbReader) colour(name string) uint32 {
	v := r.text(name)
	if v == "" {
		return 0xffffff
	}
	n, err := strconv.ParseUint(v, 16, 24)
	if err != nil || len(v) > 6 {
		r.bad(name)
	}
	return uint32(n)
}
