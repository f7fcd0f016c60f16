package stage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/catalog"
	"sluice/codec"
)

// noProfile is the entry's conversion profile that asks for no renditions: the file as received is all there is.
const noProfile = -1

// sourceHeight is the wished height of a rung that keeps the source's size: taller than any source.
const sourceHeight = 8192

// wanted is what is to be made of an entry, and which flavor parameters each rendition stands for.
type wanted struct {
	request codec.Request
	video   []wantedRung
	audio   []catalog.FlavorParams
	// required are the ids of the parameters whose renditions the entry waits for.
	required map[int64]bool
}

// wantedRung is a step of the ladder and the parameters it came from.
type wantedRung struct {
	spec   codec.RungSpec
	params catalog.FlavorParams
}

// bare says that nothing is to be encoded or repackaged.
func (w *wanted) bare() bool { return len(w.video) == 0 && len(w.audio) == 0 }

// wanted reads the profile of a task's entry.
func (e *Env) wanted(ctx context.Context, t catalog.Task) (*wanted, error) {
	base, err := e.Request(ctx, t.Account)
	if err != nil {
		return nil, err
	}
	params, required, err := e.profileParams(ctx, t)
	if err != nil {
		return nil, err
	}
	w := want(base, params)
	w.required = required
	return w, nil
}

// profileParams returns the parameters that the entry's profile has converted, and the ids of those that it requires.
func (e *Env) profileParams(ctx context.Context, t catalog.Task) (out []catalog.FlavorParams, required map[int64]bool, err error) {
	entry, err := e.Catalog.EntryByID(ctx, t.Entry)
	if err != nil {
		return nil, nil, err
	}
	if entry.ConversionProfile == noProfile {
		return nil, nil, nil
	}
	rows, err := e.Catalog.ProfileParams(ctx, t.Account, entry.ConversionProfile)
	if errors.Is(err, catalog.ErrNotFound) { // none named, or one deleted since
		var p catalog.ConversionProfile
		if p, err = e.Catalog.DefaultProfile(ctx, t.Account, 1); err != nil {
			return nil, nil, err
		}
		rows, err = e.Catalog.ProfileParams(ctx, t.Account, p.ID)
	}
	if err != nil {
		return nil, nil, err
	}
	given, err := e.givenParams(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	required = map[int64]bool{}
	for _, r := range rows {
		if r.Params == 0 || r.Origin == catalog.OriginIngest || r.Origin == catalog.OriginWhenMissing && given[r.Params] {
			continue
		}
		p, err := e.Catalog.FlavorParams(ctx, t.Account, r.Params)
		if errors.Is(err, catalog.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		out = append(out, p)
		required[p.ID] = r.Ready == catalog.ReadyRequired
	}
	return out, required, nil
}

// givenParams are the parameters for which the entry's version was given a rendition made elsewhere.
func (e *Env) givenParams(ctx context.Context, t catalog.Task) (map[int64]bool, error) {
	assets, err := e.Catalog.Assets(ctx, t.Entry, catalog.AssetFlavor)
	if err != nil {
		return nil, err
	}
	given := map[int64]bool{}
	for _, a := range assets {
		if a.Version == t.Version && !a.Original && a.ParamsID != 0 {
			given[a.ParamsID] = true
		}
	}
	return given, nil
}

// want turns parameters into a request: a rung for each that has video, and every sound that any of them has, once.
func want(base codec.Request, params []catalog.FlavorParams) *wanted {
	w := &wanted{request: base}
	w.request.Ladder, w.request.Audio.Renditions = nil, nil
	names := map[string]bool{}
	for _, p := range params {
		if p.VideoCodec != "" {
			r := wantedRung{spec: rungSpec(p), params: p}
			for _, name := range []string{
				fmt.Sprintf("%dp", r.spec.Height), fmt.Sprintf("%dp-%s", r.spec.Height, r.spec.Codec), fmt.Sprintf("%dp-%d", r.spec.Height, p.ID),
			} {
				if !names[name] {
					r.spec.Name = name
					break
				}
			}
			names[r.spec.Name] = true
			w.video = append(w.video, r)
			w.request.Ladder = append(w.request.Ladder, r.spec)
		}
		if p.AudioCodec == "" {
			continue
		}
		w.audio = append(w.audio, p)
		a := codec.AudioRendition{Codec: p.AudioCodec, BitRate: p.AudioRate, Channels: p.AudioChannels}
		if !slices.Contains(w.request.Audio.Renditions, a) {
			w.request.Audio.Renditions = append(w.request.Audio.Renditions, a)
		}
	}
	// The best sound first: it may be a copy that serves the others too.
	slices.SortStableFunc(w.request.Audio.Renditions, func(a, b codec.AudioRendition) int { return int(b.BitRate - a.BitRate) })
	return w
}

// rungSpec is parameters with video as a step of the ladder.
func rungSpec(p catalog.FlavorParams) codec.RungSpec {
	r := codec.RungSpec{Codec: p.VideoCodec, MaxRate: p.VideoRate, Profile: p.Profile, Height: p.Height}
	if r.Codec == "h264" {
		r.Codec = ""
	}
	switch {
	case r.Height > 0:
	case p.Width > 0:
		r.Height = max(2, p.Width*9/16&^1)
	default:
		r.Height = sourceHeight
	}
	return r
}

// paramsOfRung returns the parameters that a planned rung stands for. A rung of the source's own size took the place of the
// next taller step.
func (w *wanted) paramsOfRung(r codec.RungPlan) catalog.FlavorParams {
	short := min(r.Width, r.Height)
	var best *wantedRung
	for i := range w.video {
		s := &w.video[i]
		switch {
		case s.spec.Name == r.Name:
			return s.params
		case s.spec.Height >= short && (best == nil || s.spec.Height < best.spec.Height):
			best = s
		}
	}
	if best == nil {
		return catalog.FlavorParams{}
	}
	return best.params
}

// paramsOfAudio returns the parameters that a planned sound stands for: those for sound alone where there are any, nearest in
// bit rate.
func (w *wanted) paramsOfAudio(a codec.AudioPlan) catalog.FlavorParams {
	var best *catalog.FlavorParams
	distance := func(p *catalog.FlavorParams) int64 {
		d := p.AudioRate - a.BitRate
		if d < 0 {
			d = -d
		}
		if p.VideoCodec != "" {
			d += 1 << 40
		}
		if p.AudioCodec != a.Codec {
			d += 1 << 41
		}
		return d
	}
	for i := range w.audio {
		if p := &w.audio[i]; best == nil || distance(p) < distance(best) {
			best = p
		}
	}
	if best == nil {
		return catalog.FlavorParams{}
	}
	return *best
}

// tagsOf are the tags that a rendition takes from its parameters.
func tagsOf(p catalog.FlavorParams) []string {
	var tags []string
	for tag := range strings.SplitSeq(p.Tags, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}
