package remux

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/grafov/m3u8"
)

// lists reads the playlist at p, and from a multivariant playlist the chosen variant and its audio rendition.
func (in *input) lists(ctx context.Context, p place, text []byte) ([]*list, error) {
	parsed, kind, err := in.decode(p, text)
	if err != nil {
		return nil, err
	}
	if kind == m3u8.MEDIA {
		l, err := in.media(p, parsed.(*m3u8.MediaPlaylist))
		return []*list{l}, err
	}
	v, audio, err := in.choose(p, parsed.(*m3u8.MasterPlaylist))
	if err != nil {
		return nil, err
	}
	in.report.Variant = describe(v)
	refs := []string{v.URI}
	if audio != "" && audio != v.URI {
		refs = append(refs, audio)
		if in.o.AudioOnly {
			refs = refs[1:]
		}
	}
	var out []*list
	for _, ref := range refs {
		l, err := in.rendition(ctx, p, ref)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// rendition reads the media playlist that ref of a multivariant playlist names.
func (in *input) rendition(ctx context.Context, base place, ref string) (*list, error) {
	at, err := in.resolve(base, ref)
	if err != nil {
		return nil, err
	}
	text, err := in.text(ctx, at)
	if err != nil {
		return nil, err
	}
	parsed, kind, err := in.decode(at, text)
	if err != nil {
		return nil, err
	}
	if kind != m3u8.MEDIA {
		return nil, fail(LimitExceeded, at.String(), "a multivariant playlist names another one")
	}
	return in.media(at, parsed.(*m3u8.MediaPlaylist))
}

// text reads a whole playlist.
func (in *input) text(ctx context.Context, p place) ([]byte, error) {
	b, err := in.whole(ctx, p, 0, -1, in.o.Limits.PlaylistBytes)
	if err != nil && missing(err) {
		return nil, fail(Corrupt, p.String(), "playlist cannot be read: %w", err)
	}
	return b, classify(err, p.String())
}

// whole reads a small object, with the retries that segments have.
func (in *input) whole(ctx context.Context, p place, off, n, limit int64) ([]byte, error) {
	r, err := in.open(ctx, p, off, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fail(LimitExceeded, p.String(), "more than %d bytes", limit)
	}
	in.read.Add(int64(len(b)))
	return b, err
}

// choose picks the variant of the highest bandwidth that fits MaxHeight, and the URI of its audio rendition, if that is apart.
func (in *input) choose(p place, m *m3u8.MasterPlaylist) (*m3u8.Variant, string, error) {
	var best *m3u8.Variant
	for _, v := range m.Variants {
		if v == nil || v.Iframe || v.URI == "" {
			continue
		}
		if best == nil || in.better(v, best) {
			best = v
		}
	}
	if best == nil {
		return nil, "", fail(Corrupt, p.String(), "multivariant playlist has no variants")
	}
	return best, in.audio(best), nil
}

func (in *input) better(a, b *m3u8.Variant) bool {
	if max := in.o.MaxHeight; max > 0 {
		fa, fb := height(a) <= max, height(b) <= max
		if fa != fb {
			return fa
		}
		if !fa {
			return height(a) < height(b)
		}
	}
	if ha, hb := height(a), height(b); ha != hb {
		return ha > hb
	}
	return a.Bandwidth > b.Bandwidth
}

func height(v *m3u8.Variant) int {
	_, h, _ := strings.Cut(strings.ToLower(v.Resolution), "x")
	n, err := strconv.Atoi(h)
	if err != nil {
		return 0
	}
	return n
}

// audio returns the URI of the rendition of the variant's audio group: that of the language asked for, else the default, else the
// first. Empty means that the audio is in the variant itself.
func (in *input) audio(v *m3u8.Variant) string {
	var pick *m3u8.Alternative
	rank := -1
	for _, a := range v.Alternatives {
		if a == nil || a.Type != "AUDIO" || a.GroupId != v.Audio || v.Audio == "" {
			continue
		}
		score := 0
		if a.Default {
			score = 1
		}
		if in.o.Language != "" && strings.EqualFold(a.Language, in.o.Language) {
			score += 2
		}
		if score > rank {
			pick, rank = a, score
		}
	}
	if pick == nil {
		return ""
	}
	in.language = pick.Language
	return pick.URI
}

func describe(v *m3u8.Variant) string {
	s := fmt.Sprintf("%d bit/s", v.Bandwidth)
	if v.Resolution != "" {
		s = v.Resolution + ", " + s
	}
	return s
}
