package origin

import (
	"context"
	"net/http"
	"strconv"

	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/dash"
	"sluice/packager/hls"
	"sluice/packager/mp4"
	"sluice/packager/ts"
	"sluice/packager/uri"
	"sluice/packager/vtt"
)

// Content types.
const (
	typeM3U8 = "application/vnd.apple.mpegurl"
	typeMPD  = "application/dash+xml"
	typeTS   = "video/mp2t"
	typeMP4  = "video/mp4"
	typeM4A  = "audio/mp4"
	typeM4S  = "video/iso.segment"
	typeAAC  = "audio/aac"
	typeVTT  = "text/vtt; charset=utf-8"
	typeJPEG = "image/jpeg"
)

// builder makes the plan of one request; it lives on the stack of that request.
type builder struct {
	o     *Origin
	show  *show
	req   *uri.Request
	pres  *Presentation
	query string // appended to child URLs of playlists; the place of a token
	fmp4  bool
	tag   string
}

func (b *builder) build(ctx context.Context) (*plan, error) {
	b.fmp4 = b.container()
	p, err := b.kind(ctx)
	if err != nil {
		return nil, err
	}
	p.cache = b.lifetime()
	if p.mapped || p.made() || isText(b.req.Kind) && p.body == nil && !p.marked && len(p.text[identityCoding].b) <= maxFast {
		p.asked = &asked{b.req.Kind, b.req.Source}
	}
	return p, nil
}

// container decides between TS and fMP4: the path's choice, else the configured one, else by codecs.
func (b *builder) container() bool {
	c := b.req.Params.Container
	if c == uri.Auto && len(b.req.PerFile) > 0 {
		c = b.req.PerFile[0].Container
	}
	if c == uri.Auto {
		c = b.o.cfg.Container
		if c == uri.TS && !hls.InTS(b.show.set) {
			c = uri.Auto
		}
	}
	return hls.UseFMP4(b.show.set, c)
}

func (b *builder) lifetime() []string {
	cfg, set := &b.o.cfg, b.show.set
	switch {
	case !set.Complete:
		return lifetime(cfg.GrowingTTL, false)
	case b.req.Version != "" && b.req.Version == uri.Version(set.Version):
		return lifetime(0, true)
	}
	switch b.req.Kind {
	case uri.Master, uri.MediaPlaylist, uri.IFramePlaylist, uri.ImagePlaylist, uri.Manifest, uri.ManifestOnDemand:
		return lifetime(cfg.ManifestTTL, false)
	}
	return lifetime(cfg.MediaTTL, false)
}

func (b *builder) kind(ctx context.Context) (*plan, error) {
	switch b.req.Kind {
	case uri.Storyboard:
		return b.storyboard()
	case uri.Sprite:
		return b.sprite()
	case uri.Poster:
		if b.pres.Poster == nil {
			return nil, fail(http.StatusNotFound, "the presentation has no poster")
		}
		return bodyPlan(typeJPEG, b.tag+"."+b.pres.Poster.ETag(), whole(b.pres.Poster)), nil
	case uri.Thumb:
		return b.thumb(ctx)
	}
	sel, err := uri.Select(b.show.set, b.req)
	if err != nil {
		return nil, err
	}
	switch b.req.Kind {
	case uri.Master, uri.MediaPlaylist, uri.IFramePlaylist, uri.ImagePlaylist:
		return b.playlist(&sel)
	case uri.Manifest, uri.ManifestOnDemand:
		return b.manifest(&sel)
	case uri.ProgressiveMP4, uri.ProgressiveM4A, uri.ProgressiveAAC:
		return b.progressive(sel.Refs())
	}
	return b.media(sel.Refs())
}

func whole(f packager.File) packager.Body {
	return packager.Gather([]packager.Piece{{File: f, N: f.Size()}})
}

// childVersion is the -x item for the URLs in a playlist. A master or manifest of a complete set hands its version out; a media
// playlist passes on what its own URL carried, so that a playlist that was first read while the set grew never changes the URLs
// it gave.
func (b *builder) childVersion() string {
	switch b.req.Kind {
	case uri.Master, uri.Manifest, uri.ManifestOnDemand:
		if b.show.set.Complete {
			return uri.Version(b.show.set.Version)
		}
		return ""
	}
	return b.req.Version
}

func (b *builder) playlist(sel *uri.Selection) (*plan, error) {
	o := &hls.Options{
		Table: b.show.table, FMP4: b.fmp4, Version: b.childVersion(), Query: b.query,
		Size: b.show.segmentSize(b.fmp4), IFrames: b.iframes,
	}
	var text []byte
	var err error
	switch b.req.Kind {
	case uri.Master:
		text, err = hls.Master(o, sel)
	case uri.MediaPlaylist:
		text, err = hls.Media(o, sel.Refs())
	case uri.IFramePlaylist:
		text, err = hls.IFrames(o, sel.Video[0])
	default:
		text, err = hls.Images(o)
	}
	if err != nil {
		return nil, err
	}
	return textPlan(typeM3U8, b.tag, text, b.query != ""), nil
}

// iframes finds the key frames of a video track: in its stored file where it is one, else in its TS segments, else at the head
// of each segment made.
func (b *builder) iframes(ref packager.Ref) ([]hls.IFrame, error) {
	s := b.show
	t := s.set.Track(ref)
	if t.AllSync() {
		return nil, nil
	}
	var list []hls.IFrame
	if !b.fmp4 {
		l, err := s.layout([]packager.Ref{ref})
		if err != nil {
			return nil, err
		}
		for _, f := range l.IFrames() {
			list = append(list, hls.IFrame{Segment: f.Segment + 1, Off: f.Off, N: f.N, Start: f.Start, Dur: f.Dur})
		}
		return list, nil
	}
	for _, f := range cmaf.IFrames(t) {
		list = append(list, hls.IFrame{Off: f.Off, N: f.N, Start: f.Start, Dur: f.Dur})
	}
	if len(list) > 0 || t.FragmentCount() > 0 {
		return list, nil
	}
	return s.segmentHeads(ref)
}

func (b *builder) manifest(sel *uri.Selection) (*plan, error) {
	s := b.show
	o := &dash.Options{
		Table: s.table, Version: b.childVersion(), Query: b.query, Size: s.segmentSize(true), Stored: b.stored,
		TrickSize: func(ref packager.Ref, k int) (int64, error) {
			body, err := s.trickSegment(ref, k)
			if err != nil {
				return 0, err
			}
			return body.Size(), nil
		},
	}
	text, err := dash.Manifest(o, sel, b.req.Kind == uri.ManifestOnDemand)
	if err != nil {
		return nil, err
	}
	return textPlan(typeMPD, b.tag, text, b.query != ""), nil
}

func (b *builder) stored(ref packager.Ref) (dash.Stored, bool) {
	t := b.show.set.Track(ref)
	head, ok1 := cmaf.InitRange(t)
	index, ok2 := cmaf.SidxRange(t)
	return dash.Stored{InitEnd: head.N, IndexOff: index.Off, IndexLen: index.N}, ok1 && ok2
}

// media makes init segments, segments, stored tracks and subtitles.
func (b *builder) media(refs []packager.Ref) (*plan, error) {
	s := b.show
	if s.set.Track(refs[0]) == nil {
		return b.text(refs[0])
	}
	switch b.req.Kind {
	case uri.Init:
		var media []*packager.Media
		for _, r := range refs {
			media = append(media, s.set.Media(r))
		}
		head, err := cmaf.InitSegment(media...)
		if err != nil {
			return nil, err
		}
		return binaryPlan(typeMP4, b.tag, head), nil
	case uri.TrackFile:
		t := s.set.Track(refs[0])
		if len(refs) != 1 || len(t.Files) != 1 || t.FragmentCount() == 0 {
			return nil, fail(http.StatusNotFound, "the track is not stored as one file")
		}
		return bodyPlan(typeMP4, b.tag, whole(t.Files[0])), nil
	case uri.SegmentVTT, uri.Subtitles:
		return nil, fail(http.StatusNotFound, "the track is not WebVTT")
	}
	k, err := b.segmentIndex(refs)
	if err != nil {
		return nil, err
	}
	var body packager.Body
	ctype := typeM4S
	switch b.req.Kind {
	case uri.SegmentMP4:
		body, err = s.segment(refs, k, true)
	case uri.SegmentTS:
		ctype = typeTS
		body, err = s.segment(refs, k, false)
	case uri.SegmentTrick:
		body, err = s.trickSegment(refs[0], k)
	case uri.SegmentAAC:
		ctype = typeAAC
		body, err = ts.PackedAAC(s.set.Track(refs[0]), s.table.Segments(refs[0])[k])
	}
	if err != nil {
		return nil, err
	}
	return bodyPlan(ctype, b.tag, body), nil
}

// segmentIndex is the segment asked for, counted from 0; one that does not exist, not yet, or holds no sample, is a 404.
func (b *builder) segmentIndex(refs []packager.Ref) (int, error) {
	k := b.req.Segment - 1
	if k >= b.show.table.Ready {
		return 0, fail(http.StatusNotFound, "there is no segment %d", b.req.Segment)
	}
	for _, r := range refs {
		if b.show.set.Track(r) == nil || b.show.table.Segments(r)[k].Count > 0 {
			return k, nil
		}
	}
	return 0, fail(http.StatusNotFound, "segment %d holds no media", b.req.Segment)
}

// mpegtsStart is the X-TIMESTAMP-MAP of presentation time 0 in TS playlists: the muxer's start offset, 1.4 s at 90 kHz.
const mpegtsStart = ts.PTSOffset

func (b *builder) text(ref packager.Ref) (*plan, error) {
	cues := b.show.set.Text(ref).Cues
	switch b.req.Kind {
	case uri.Subtitles:
		return textPlan(typeVTT, b.tag, vtt.Write(cues), false), nil
	case uri.SegmentVTT:
		k, err := b.segmentIndex([]packager.Ref{ref})
		if err != nil {
			return nil, err
		}
		from, to := b.show.table.Span(k)
		start := int64(mpegtsStart)
		if b.fmp4 {
			start = 0
		}
		return textPlan(typeVTT, b.tag, vtt.Segment(cues, from, to, start), false), nil
	}
	return nil, fail(http.StatusNotFound, "subtitles are served as WebVTT only")
}

func (b *builder) progressive(refs []packager.Ref) (*plan, error) {
	s := b.show
	p := b.req.Params
	if len(b.req.PerFile) > 0 {
		p = b.req.PerFile[min(refs[0].File, len(b.req.PerFile))-1]
	}
	clip := mp4.Clip{FromMS: p.ClipFrom, ToMS: p.ClipTo}
	if b.req.Kind == uri.ProgressiveAAC {
		body, err := mp4.ADTS(s.set.Track(refs[0]), clip)
		if err != nil {
			return nil, b.progressiveError(err)
		}
		return bodyPlan(typeAAC, b.tag, body), nil
	}
	tracks, _ := s.tracks(refs)
	body, err := mp4.Progressive(tracks, mp4.Options{Clip: clip, Title: s.set.Title})
	if err != nil {
		return nil, b.progressiveError(err)
	}
	ctype := typeMP4
	if refs[0].Kind == packager.Audio {
		ctype = typeM4A
	}
	return bodyPlan(ctype, b.tag, body), nil
}

func (b *builder) storyboard() (*plan, error) {
	sb := b.show.set.Storyboard
	if sb == nil {
		return nil, fail(http.StatusNotFound, "the presentation has no storyboard")
	}
	text := vtt.Storyboard(sb, b.show.table.EndMS(), func(k int) string { return "sprite-" + strconv.Itoa(k+1) + ".jpg" + b.query })
	return textPlan(typeVTT, b.tag, text, b.query != ""), nil
}

func (b *builder) sprite() (*plan, error) {
	sb := b.show.set.Storyboard
	if sb == nil || b.req.Segment > len(sb.Sprites) {
		return nil, fail(http.StatusNotFound, "there is no sprite %d", b.req.Segment)
	}
	f := sb.Sprites[b.req.Segment-1]
	return bodyPlan(typeJPEG, b.tag+"."+f.ETag(), whole(f)), nil
}
