package uri

import "strings"

// name is one row of the table of names.
type name struct {
	base, ext string
	kind      Kind
	locs      Location
	numbered  bool // a number follows the base
	plain     bool // no items may follow
}

const everywhere = HLS | DASH | Progressive | Images

var names = [...]name{
	{base: "seg", ext: "m4s", kind: SegmentMP4, locs: HLS, numbered: true},
	{base: "seg", ext: "ts", kind: SegmentTS, locs: HLS, numbered: true},
	{base: "seg", ext: "vtt", kind: SegmentVTT, locs: HLS, numbered: true},
	{base: "seg", ext: "aac", kind: SegmentAAC, locs: HLS, numbered: true},
	{base: "fragment", ext: "m4s", kind: SegmentMP4, locs: DASH, numbered: true},
	{base: "init", ext: "mp4", kind: Init, locs: HLS | DASH},
	{base: "index", ext: "m3u8", kind: MediaPlaylist, locs: HLS},
	{base: "master", ext: "m3u8", kind: Master, locs: HLS},
	{base: "iframes", ext: "m3u8", kind: IFramePlaylist, locs: HLS},
	{base: "image", ext: "m3u8", kind: ImagePlaylist, locs: HLS},
	{base: "manifest", ext: "mpd", kind: Manifest, locs: DASH},
	{base: "ondemand", ext: "mpd", kind: ManifestOnDemand, locs: DASH},
	{base: "trick", ext: "m4s", kind: SegmentTrick, locs: DASH, numbered: true},
	{base: "track", ext: "mp4", kind: TrackFile, locs: HLS | DASH},
	{base: "subtitles", ext: "vtt", kind: Subtitles, locs: everywhere},
	{base: "storyboard", ext: "vtt", kind: Storyboard, locs: everywhere, plain: true},
	{base: "sprite", ext: "jpg", kind: Sprite, locs: everywhere, numbered: true, plain: true},
	{base: "poster", ext: "jpg", kind: Poster, locs: everywhere, plain: true},
	{base: "thumb", ext: "jpg", kind: Thumb, locs: Images, numbered: true},
}

// parseName reads the last component of the path.
func (r *Request) parseName(s string) error {
	if strings.IndexByte(s, '%') >= 0 && r.Location != Progressive {
		return bad("percent-encoding in an object's name")
	}
	dot := strings.LastIndexByte(s, '.')
	if dot <= 0 {
		return notFound("no such object: the name has no extension")
	}
	stem, ext := s[:dot], s[dot+1:]
	end := strings.IndexByte(stem, '-')
	if end < 0 {
		end = len(stem)
	}
	base, items := stem[:end], stem[end:]
	if base == "manifest" && ext == "mpd" && strings.HasPrefix(items, "-ondemand") {
		base, items = "ondemand", items[len("-ondemand"):]
	}
	for i := range names {
		if n := &names[i]; n.base == base && n.ext == ext && n.locs&r.Location != 0 {
			return r.parseKnown(n, items)
		}
	}
	if r.Location == Progressive {
		return r.parseFree(stem, ext)
	}
	return unknownName(base, ext)
}

func unknownName(base, ext string) error {
	switch {
	case ext == "f4m" || base == "frag":
		return gone("HDS is not served any more")
	case base == "part" && ext == "m4s":
		return notFound("partial segments exist for live streams only")
	case base == "volume_map" && ext == "csv":
		return unsupported("volume maps are not served")
	case base == "encryption" && ext == "key":
		return notFound("this presentation is not encrypted")
	}
	return notFound("no such object")
}

func (r *Request) parseKnown(n *name, items string) error {
	r.Kind = n.kind
	if n.numbered {
		if len(items) < 2 {
			return bad("the name lacks its number")
		}
		v, rest := number(items[1:])
		switch {
		case v < 0:
			return bad("the name's number is not a number")
		case n.kind == Thumb:
			r.TimeMS = int64(v)
		case v == 0:
			return notFound("numbers start from 1")
		default:
			r.Segment = v
		}
		items = rest
	}
	if n.kind == Thumb {
		return r.parseSize(items)
	}
	if n.plain && items != "" {
		return bad("unexpected item in the object's name")
	}
	return r.parseItems(items)
}

// parseSize reads [-w<px>][-h<px>].
func (r *Request) parseSize(items string) error {
	const maxPixels = 4096
	for items != "" {
		if len(items) < 3 || items[0] != '-' {
			return bad("unexpected item in the thumbnail's name")
		}
		v, rest := number(items[2:])
		dst := &r.Width
		if items[1] == 'h' {
			dst = &r.Height
		}
		if items[1] != 'w' && items[1] != 'h' || v <= 0 || v > maxPixels || *dst != 0 {
			return bad("a thumbnail's size must look like -w320-h180")
		}
		*dst, items = v, rest
	}
	return nil
}

// parseFree reads a progressive name: any base, then items from the first that starts with f, v or a and a number.
func (r *Request) parseFree(stem, ext string) error {
	switch ext {
	case "mp4":
		r.Kind = ProgressiveMP4
	case "m4a":
		r.Kind = ProgressiveM4A
	case "aac":
		r.Kind = ProgressiveAAC
	default:
		return unknownName(stem, ext)
	}
	for i := 0; i+2 < len(stem); i++ {
		if stem[i] != '-' || !strings.ContainsRune("fva", rune(stem[i+1])) || stem[i+2] < '0' || stem[i+2] > '9' {
			continue
		}
		try := Request{}
		if try.parseItems(stem[i:]) == nil {
			return r.parseItems(stem[i:])
		}
	}
	return nil
}
