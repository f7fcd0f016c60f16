package origin

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
	"net/http"

	"sluice/packager"
	"sluice/packager/mp4"
)

// thumb makes a picture at a time: of the storyboard's tile for that time where one is large enough, else by the configured
// thumbnailer.
func (b *builder) thumb(ctx context.Context) (*plan, error) {
	r := b.req
	if r.TimeMS > b.show.table.EndMS() {
		return nil, fail(http.StatusNotFound, "the presentation ends before %d ms", r.TimeMS)
	}
	sb := b.show.set.Storyboard
	tiled := sb != nil && sb.IntervalMS > 0 && sb.Columns*sb.Rows > 0 && sb.Tiles > 0
	small := tiled && r.Width+r.Height > 0 && r.Width <= sb.TileWidth && r.Height <= sb.TileHeight
	var pic []byte
	var err error
	switch {
	case b.o.cfg.Thumbs != nil && !small:
		pic, err = b.o.cfg.Thumbs.Thumb(ctx, b.show.set, r.TimeMS, r.Width, r.Height)
	case !tiled:
		return nil, fail(http.StatusNotFound, "the presentation has no pictures to take a thumbnail from")
	case r.Width > sb.TileWidth || r.Height > sb.TileHeight:
		return nil, fail(http.StatusNotImplemented, "thumbnails are served up to %d by %d pixels", sb.TileWidth, sb.TileHeight)
	default:
		pic, err = tile(sb, r.TimeMS, r.Width, r.Height)
	}
	if err != nil {
		return nil, err
	}
	return binaryPlan(typeJPEG, b.tag, pic), nil
}

// maxSprite bounds the bytes of a sprite that is decoded.
const maxSprite = 16 << 20

// tile cuts the tile for a time out of its sprite, scaled down to width × height where those are given.
func tile(sb *packager.Storyboard, timeMS int64, width, height int) ([]byte, error) {
	n := min(int(timeMS/sb.IntervalMS), sb.Tiles-1)
	per := sb.Columns * sb.Rows
	if n/per >= len(sb.Sprites) {
		return nil, fail(http.StatusNotFound, "the storyboard ends before %d ms", timeMS)
	}
	f := sb.Sprites[n/per]
	if f.Size() > maxSprite {
		return nil, errors.New("sprite is too large to decode")
	}
	img, err := jpeg.Decode(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		return nil, err
	}
	x, y := n%per%sb.Columns*sb.TileWidth, n%per/sb.Columns*sb.TileHeight
	from := image.Rect(x, y, x+sb.TileWidth, y+sb.TileHeight).Add(img.Bounds().Min).Intersect(img.Bounds())
	if from.Empty() {
		return nil, fail(http.StatusNotFound, "the storyboard ends before %d ms", timeMS)
	}
	w, h := fit(from.Dx(), from.Dy(), width, height)
	var out bytes.Buffer
	if err := jpeg.Encode(&out, shrink(img, from, w, h), &jpeg.Options{Quality: 85}); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// fit completes a size from the picture's aspect ratio.
func fit(w, h, width, height int) (int, int) {
	switch {
	case width == 0 && height == 0:
		return w, h
	case width == 0:
		return max(1, w*height/h), height
	case height == 0:
		return width, max(1, h*width/w)
	}
	return width, height
}

// shrink averages the source pixels under each target pixel.
func shrink(img image.Image, from image.Rectangle, w, h int) image.Image {
	src := image.NewRGBA(image.Rect(0, 0, from.Dx(), from.Dy()))
	draw.Draw(src, src.Bounds(), img, from.Min, draw.Src)
	if w >= from.Dx() && h >= from.Dy() {
		return src
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		y0, y1 := y*from.Dy()/h, max(y*from.Dy()/h+1, (y+1)*from.Dy()/h)
		for x := range w {
			x0, x1 := x*from.Dx()/w, max(x*from.Dx()/w+1, (x+1)*from.Dx()/w)
			var sum [4]int
			for sy := y0; sy < y1; sy++ {
				for sx := x0; sx < x1; sx++ {
					p := src.Pix[src.PixOffset(sx, sy):]
					for c := range sum {
						sum[c] += int(p[c])
					}
				}
			}
			d := dst.Pix[dst.PixOffset(x, y):]
			for c := range sum {
				d[c] = byte(sum[c] / ((y1 - y0) * (x1 - x0)))
			}
		}
	}
	return dst
}

// progressiveError gives errors of the virtual file their class.
func (b *builder) progressiveError(err error) error {
	switch {
	case errors.Is(err, mp4.ErrEmpty):
		return fail(http.StatusNotFound, "there is nothing in this clip")
	case errors.Is(err, mp4.ErrUnsupported):
		return fail(http.StatusNotFound, "the track's format cannot be served so")
	}
	return err
}
