package origin

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"testing"
	"time"

	"sluice/packager"
)

func TestThumbnailsAreTheTileOfTheirTime(t *testing.T) {
	s := serve(t, Config{}, stored(t))
	for path, want := range map[string]struct{ red, w, h int }{
		"thumb-0.jpg": {0, 16, 9}, "thumb-4999.jpg": {4 * 16, 16, 9}, "thumb-10500.jpg": {10 * 16, 16, 9}, "thumb-13000.jpg": {12 * 16, 16, 9},
		"thumb-4000-w8.jpg": {4 * 16, 8, 4}, "thumb-4000-h3.jpg": {4 * 16, 5, 3}, "thumb-4000-w4-h4.jpg": {4 * 16, 4, 4},
	} {
		img, err := jpeg.Decode(bytes.NewReader(s.get("/thumb/0_stored/" + path).body))
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() != want.w || b.Dy() != want.h {
			t.Errorf("%s is %v", path, b)
		}
		if r, _, _, _ := img.At(img.Bounds().Dx()/2, img.Bounds().Dy()/2).RGBA(); int(r>>8) < want.red-12 || int(r>>8) > want.red+12 {
			t.Errorf("%s is painted %d, its tile %d", path, r>>8, want.red)
		}
	}
}

// artist makes pictures of its own.
type artist struct {
	asked int
	err   error
}

func (a *artist) Thumb(ctx context.Context, set *packager.Set, timeMS int64, w, h int) ([]byte, error) {
	a.asked++
	if _, bounded := ctx.Deadline(); !bounded {
		return nil, errors.New("no deadline")
	}
	if timeMS == 1 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []byte("a picture"), a.err
}

func TestThumbnailerIsAskedOncePerPicture(t *testing.T) {
	a := &artist{}
	s := serve(t, Config{Thumbs: a, Timeout: 50 * time.Millisecond}, stored(t))
	for range 3 {
		if r := s.get("/thumb/0_stored/thumb-4000-w640.jpg"); string(r.body) != "a picture" {
			t.Errorf("%q", r.body)
		}
	}
	for _, small := range []string{"thumb-4000-w8.jpg", "thumb-4000-w16-h9.jpg"} { // tiles do for these
		if r := s.get("/thumb/0_stored/" + small); string(r.body) == "a picture" {
			t.Errorf("%s is not the tile", small)
		}
	}
	if a.asked != 1 {
		t.Errorf("asked %d times", a.asked)
	}
	if r := s.do("GET", "/thumb/0_stored/thumb-1.jpg"); r.status != 504 {
		t.Errorf("a picture that takes too long: %d", r.status)
	}
	a.err = errors.New("decoder gone")
	if r := s.do("GET", "/thumb/0_stored/thumb-2.jpg"); r.status != 502 {
		t.Errorf("a decoder that fails: %d", r.status)
	}
}

func TestPosterComesFromThePresentation(t *testing.T) {
	s := serve(t, Config{}, stored(t))
	s.lib.poster = memFile([]byte("a poster"))
	if r := s.get("/thumb/0_stored/poster.jpg"); string(r.body) != "a poster" || r.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("%q %v", r.body, r.header)
	}
}
