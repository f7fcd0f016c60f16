package delivery

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // what thumbnails and images come as, here and below
	"image/jpeg"
	"image/png"

	_ "golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

// defaultQuality is the JPEG quality unless the URL asks for another.
const defaultQuality = 85

// decodePicture decodes a picture of any known format, unless it has too many pixels.
func decodePicture(b []byte) (image.Image, error) {
	cfg, format, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if cfg.Width <= 0 || cfg.Height <= 0 || cfg.Width > maxSource/cfg.Height {
		return nil, fmt.Errorf("a %s of %d by %d pixels is too large", format, cfg.Width, cfg.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	return img, err
}

// shape cuts the picture as asked for, and gives it its size.
func (t *thumb) shape(img image.Image) (image.Image, error) {
	from := t.cut(img.Bounds())
	if from.Empty() {
		return nil, fail(badQuery, "the cut lies outside of the picture")
	}
	w, h := t.width, t.height
	switch {
	case w == 0:
		w = max(1, (h*from.Dx()+from.Dy()/2)/from.Dy())
	case h == 0:
		h = max(1, (w*from.Dy()+from.Dx()/2)/from.Dx())
	case t.crop == fitInside:
		w, h = inside(from, w, h)
	}
	if w*h > maxPicture {
		return nil, fail(badQuery, "%d by %d pixels are too many", w, h)
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	to := out.Bounds()
	switch t.crop {
	case fitAndPad:
		draw.Draw(out, to, t.colour(), image.Point{}, draw.Src)
		fw, fh := inside(from, w, h)
		to = image.Rect(0, 0, fw, fh).Add(image.Pt((w-fw)/2, (h-fh)/2))
	case cropMid, cropTop:
		from = t.fill(from, w, h)
	}
	if !t.png && t.crop != fitAndPad { // JPEG has no transparency: what shows through is the background
		draw.Draw(out, to, t.colour(), image.Point{}, draw.Src)
	}
	draw.CatmullRom.Scale(out, to, img, from, draw.Over, nil)
	return out, nil
}

func (t *thumb) colour() image.Image {
	return image.NewUniform(color.RGBA{byte(t.background >> 16), byte(t.background >> 8), byte(t.background), 0xff})
}

// cut is the part of a picture that the URL names; all of it by default.
func (t *thumb) cut(b image.Rectangle) image.Rectangle {
	scale := func(v, size, rel int) int {
		if rel > 0 {
			return (v*size + rel/2) / rel
		}
		return v
	}
	x, y := scale(t.x, b.Dx(), t.relWidth), scale(t.y, b.Dy(), t.relHeight)
	w, h := scale(t.w, b.Dx(), t.relWidth), scale(t.h, b.Dy(), t.relHeight)
	if w == 0 {
		w = b.Dx() - x
	}
	if h == 0 {
		h = b.Dy() - y
	}
	return image.Rect(x, y, x+w, y+h).Add(b.Min).Intersect(b)
}

// inside is the largest size of from's shape within w by h.
func inside(from image.Rectangle, w, h int) (int, int) {
	if from.Dx()*h > from.Dy()*w {
		return w, max(1, (w*from.Dy()+from.Dx()/2)/from.Dx())
	}
	return max(1, (h*from.Dx()+from.Dy()/2)/from.Dy()), h
}

// fill is the largest part of from that has the shape of w by h: of its middle, or of its top.
func (t *thumb) fill(from image.Rectangle, w, h int) image.Rectangle {
	fw, fh := inside(image.Rect(0, 0, w, h), from.Dx(), from.Dy())
	x, y := (from.Dx()-fw)/2, (from.Dy()-fh)/2
	if t.crop == cropTop {
		y = 0
	}
	return image.Rect(x, y, x+fw, y+fh).Add(from.Min)
}

// paste copies a picture to a place of another.
func paste(dst *image.RGBA, at image.Point, img image.Image) {
	b := img.Bounds()
	draw.Draw(dst, image.Rectangle{at, at.Add(b.Size())}, img, b.Min, draw.Src)
}

// encode writes the result.
func (t *thumb) encode(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	if t.png {
		err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img)
		return b.Bytes(), err
	}
	quality := t.quality
	if quality == 0 {
		quality = defaultQuality
	}
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}
