//go:build cgo

package av

import (
	"image"
	"slices"
	"sync"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// tiles collects the storyboard's pictures from the frames of the smallest rung while they pass, so that a transcode needs no
// second decode for them. Lanes add in any order; write arranges them in the end: a storyboard has few hundred small tiles.
type tiles struct {
	tp   *codec.ThumbPlan
	rung int
	at   []int64 // output frame of each tile, ascending

	mu   sync.Mutex
	pics map[int64]*image.YCbCr
}

// tilesOf returns the collector of a job that encodes the whole of the video that its storyboard shows; nil when the
// storyboard has to be made apart. Frames of a variable rate are not all there, so such a video is read again.
func tilesOf(job *codec.Job) *tiles {
	tp, vp := job.Plan.Thumbs, job.Plan.Video
	if !job.Video || !job.Thumbs || tp == nil || vp == nil || tp.Cover || tp.Stream != vp.Stream || vp.VFR || !hasBoard(tp) {
		return nil
	}
	if job.Span != nil && (job.Span.Start > 0 || job.Span.End < vp.Frames) {
		return nil
	}
	t := &tiles{tp: tp, rung: -1, pics: map[int64]*image.YCbCr{}}
	for i := range vp.Rungs {
		r := &vp.Rungs[i]
		if job.Encodes(i) && (t.rung < 0 || r.Width*r.Height < vp.Rungs[t.rung].Width*vp.Rungs[t.rung].Height) {
			t.rung = i
		}
	}
	if t.rung < 0 {
		return nil
	}
	for i := range newStoryboard(tp).total {
		n := mulDiv(int64(i)*tp.IntervalUS, vp.FPS.Num, vp.FPS.Den*1_000_000)
		t.at = append(t.at, min(n, vp.Frames-1))
	}
	return t
}

// hasBoard says that the plan wants a storyboard.
func hasBoard(tp *codec.ThumbPlan) bool {
	return tp.Columns > 0 && tp.Rows > 0 && tp.IntervalUS > 0 && tp.DurationUS > 0 && tp.TileWidth > 0 && tp.TileHeight > 0
}

// tileTap renders the tiles that come by in one ladder. One goroutine uses it.
type tileTap struct {
	t      *tiles
	render *renderer
	small  *astiav.Frame
}

// tap returns the tap for a ladder of the given rungs; nil when the tiles come from another's.
func (t *tiles) tap(g *guard, vp *codec.VideoPlan, rungs []int) *tileTap {
	if t == nil || !slices.Contains(rungs, t.rung) {
		return nil
	}
	r := &vp.Rungs[t.rung]
	upright := &codec.ThumbPlan{In: vp.Out}
	return &tileTap{t: t, small: astiav.AllocFrame(),
		render: newRenderer(g, &stream{width: r.Width, height: r.Height}, upright, t.tp.TileWidth, t.tp.TileHeight, false)}
}

// look takes output frame n of the given rung, if a tile shows it.
func (p *tileTap) look(rung int, n int64, f *astiav.Frame) error {
	if p == nil || rung != p.t.rung {
		return nil
	}
	if _, ok := slices.BinarySearch(p.t.at, n); !ok {
		return nil
	}
	if err := p.render.render(f, p.small); err != nil {
		return err
	}
	view := yccOf(p.small)
	pic := image.NewYCbCr(view.Rect, view.SubsampleRatio)
	blit(pic, view, 0, 0)
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	p.t.pics[n] = pic
	return nil
}

func (p *tileTap) close() {
	if p != nil {
		p.render.close()
		p.small.Free()
	}
}

// write delivers the storyboard. A tile whose frame never came, because the source broke off, repeats the one before it.
func (t *tiles) write(d *delivery) error {
	if t == nil || len(t.pics) == 0 {
		return nil
	}
	board := newStoryboard(t.tp)
	var last *image.YCbCr
	for _, n := range t.at {
		if p := t.pics[n]; p != nil {
			last = p
		}
		if last == nil {
			continue
		}
		if err := board.place(last, d); err != nil {
			return err
		}
	}
	return board.finish(d)
}
