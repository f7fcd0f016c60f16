package plan

import (
	"math"
	"strings"

	"sluice/codec"
)

const (
	posterShort     = 1080 // short side of the largest poster
	candidates      = 10
	tileLong        = 160
	tileShort       = 90
	sheetSide       = 10  // tiles a row and rows a sprite
	storyboardTiles = 400 // a long film's tiles are spread so that there are about this many
)

// planThumbs makes the poster and the storyboard: from the film, else from the cover of an audio file.
func (b *builder) planThumbs() {
	want := b.req.Thumbs
	if !want.Poster && !want.Storyboard {
		return
	}
	switch {
	case b.src.video != nil:
		t := pictureThumbs(b.src.video)
		t.Poster, t.Candidates = want.Poster, candidates
		t.DurationUS = b.plan.DurationUS
		if want.Storyboard && t.DurationUS > 0 {
			addStoryboard(t)
		}
		t.Seek = b.seeksPictures(t)
		b.plan.Thumbs = t
	case b.src.cover != nil && want.Poster:
		b.plan.Thumbs = pictureThumbs(b.src.cover)
		b.plan.Thumbs.Cover, b.plan.Thumbs.Poster, b.plan.Thumbs.Candidates = true, true, 1
	}
}

// seeksPictures says that looking up each picture is less work than reading every keyframe (engine §10): the container has an
// index, and pictures are further apart than two keyframes.
func (b *builder) seeksPictures(t *codec.ThumbPlan) bool {
	indexed := strings.HasPrefix(b.info.Format.Name, "mov,") || strings.HasPrefix(b.info.Format.Name, "matroska")
	k := b.src.video.Video.Keyframes
	if !indexed || b.plan.Discontinuities || k == nil || k.MedianGapUS <= 0 {
		return false
	}
	apart := t.IntervalUS
	if apart == 0 {
		apart = t.DurationUS / max(1, int64(t.Candidates))
	}
	return apart > 2*k.MedianGapUS
}

// planStill plans a source that is a picture: one poster, nothing else.
func (b *builder) planStill() {
	t := pictureThumbs(b.src.still)
	t.Cover, t.Poster, t.Candidates = true, true, 1
	b.plan.Thumbs = t
}

// Frame plans one picture of the main video, at a time that the caller sets; ok is false when there is no video. The picture is
// upright, with square pixels, of the video's own size, or scaled to width and height: one of them 0 follows the other.
func Frame(info *codec.Info, width, height int) (t *codec.ThumbPlan, ok bool) {
	s := info.MainVideo()
	if s == nil || s.Video == nil {
		return nil, false
	}
	t = pictureThumbs(s)
	own := uprightSize(s.Video)
	switch {
	case width <= 0 && height <= 0:
		width, height = own.w, own.h
	case width <= 0:
		width = evenRound(float64(own.w) * float64(height) / float64(own.h))
	case height <= 0:
		height = evenRound(float64(own.h) * float64(width) / float64(own.w))
	}
	t.Width, t.Height = width, height
	return t, true
}

func pictureThumbs(s *codec.Stream) *codec.ThumbPlan {
	size := uprightSize(s.Video)
	if size.short() > posterShort {
		size = scaled(size, posterShort)
	}
	return &codec.ThumbPlan{
		Stream: s.Index, Width: size.w, Height: size.h, Pre: pictureOps(s.Video), In: inColor(s.Video),
	}
}

// addStoryboard sets the sprites' geometry: tiles that fit 160×90, or 90×160 for portraits, keeping the aspect.
func addStoryboard(t *codec.ThumbPlan) {
	boxW, boxH := tileLong, tileShort
	if t.Height > t.Width {
		boxW, boxH = boxH, boxW
	}
	scale := math.Min(float64(boxW)/float64(t.Width), float64(boxH)/float64(t.Height))
	t.TileWidth = min(boxW, evenRound(float64(t.Width)*scale))
	t.TileHeight = min(boxH, evenRound(float64(t.Height)*scale))
	t.Columns, t.Rows = sheetSide, sheetSide
	t.IntervalUS = max(second, t.DurationUS/storyboardTiles)
}
