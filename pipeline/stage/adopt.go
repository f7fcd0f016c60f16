package stage

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"sluice/catalog"
	"sluice/codec"
	"sluice/codec/plan"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/storage"
)

// AdoptPayload is the payload of an adopt task: the rendition, and the file that came as it.
type AdoptPayload struct {
	Asset catalog.AssetID `json:"asset"`
	From  Stored          `json:"from"`
	// Mine says that the file is not needed afterwards.
	Mine bool `json:"mine,omitempty"`
	// Lone says that the entry has no original: then the file's sound and its pictures are the entry's, if it has none yet.
	Lone bool `json:"lone,omitempty"`
}

// adoptedVideo names the picture of an adopted file.
const adoptedVideo = "video"

// What an adopted file that cannot be copied is encoded with.
const (
	adoptMaxGOP   = 10_000_000 // microseconds: longer ones make segments that players stumble over
	adoptMinVideo = 1_000_000  // bits per second
	adoptMinAudio = 128_000
)

// adopted is what came out of a file.
type adopted struct {
	info   codec.Info
	plan   codec.Plan
	report codec.Report
	tracks []joinedTrack
	names  []string // of the tracks, in the plan
	poster storage.Object
	thumb  catalog.AssetID
}

// Adopt makes a track file of a rendition that was made elsewhere: its samples as they are where players can have them so,
// else encoded once, at its own size. A file with picture and sound gives its picture; its sound too if the entry has no other.
func (e *Env) Adopt(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error) {
	p, err := decodePayload[AdoptPayload](t)
	if err != nil {
		return Outcome{}, err
	}
	prefix := fmt.Sprintf("%s%s/r%d-%d/", keyPrefix(t.Account, t.Entry, t.Version), p.Asset, t.ID, t.Attempt)
	out := Outcome{Discard: func(ctx context.Context) { _, _ = e.Store.DeletePrefix(ctx, prefix) }}
	from := p.From.Key
	if len(p.From.Tracks) > 0 {
		from = prefix + "received.mp4"
		if _, err := e.Copy(ctx, from, p.From); err != nil {
			return out, err
		}
	}
	a, err := e.adopt(ctx, t, p, from, prefix, progress)
	if err != nil {
		return out, err
	}
	var old catalog.Asset
	return Outcome{
		Result: a.report, Discard: out.Discard,
		Commit: func(ctx context.Context, tx *catalog.Tx) (err error) {
			if old, err = tx.Asset(ctx, p.Asset); err != nil {
				return err
			}
			if err := a.commit(ctx, tx, t, p); err != nil {
				return err
			}
			return e.markPlayable(ctx, tx, t.Entry)
		},
		After: func(ctx context.Context) {
			e.drop(ctx, old.Key, "")
			e.drop(ctx, old.IndexKey, "")
			if !p.Mine && from == p.From.Key {
				return
			}
			if err := e.Store.Delete(ctx, from); err != nil {
				e.Log.Warn("received rendition left behind", "entry", t.Entry, "object", from, "error", err)
			}
		},
	}, nil
}

func (e *Env) adopt(ctx context.Context, t catalog.Task, p AdoptPayload, from, prefix string, progress Progress) (adopted, error) {
	var out adopted
	src, closer, err := e.openObject(ctx, from)
	if err != nil {
		return out, err
	}
	defer closer.Close()
	if out.info, err = e.Engine.Probe(ctx, src, codec.ProbeOpts{Packets: true, Idet: true}); err != nil {
		return out, err
	}
	asset, err := e.Catalog.Asset(ctx, p.Asset)
	if err != nil {
		return out, err
	}
	if out.plan, _, err = plan.Make(out.info, adoptRequest(out.info, asset.Kind == "audio", p.Lone)); err != nil {
		return out, err
	}
	job := codec.Job{
		Plan: out.plan, Video: out.plan.Video != nil, Copy: true, Audio: len(out.plan.Audio) > 0, Thumbs: out.plan.Thumbs != nil,
	}
	tokens, release, err := e.Share(ctx, t, job)
	if err != nil {
		return out, err
	}
	defer release()
	job.Tokens, out.thumb = tokens, catalog.NewAssetID()
	sink := newChunkSink(ctx, e.Store, 0, func(name string) string { return prefix + "work-" + name },
		func(name string) string { return prefix + name })
	sink.slices = audioSlices(out.plan)
	sink.report = func(pr codec.Progress) { progress(pr.Frames, pr.Total, pr.Bytes) }
	if out.report, err = e.Engine.Run(ctx, src, job, sink); err != nil {
		_ = sink.abort() // the run's own error says what went wrong
		return out, err
	}
	written, err := sink.finish()
	if err != nil {
		return out, codec.NewError(codec.SinkIO, "write", err.Error(), err)
	}
	out.poster = sink.files["poster.jpg"]
	for _, w := range written {
		j, err := e.joinAdopted(ctx, prefix, w)
		if err != nil {
			return out, codec.NewError(codec.SinkIO, "adopt", err.Error(), err)
		}
		out.tracks, out.names = append(out.tracks, j), append(out.names, w.Name)
	}
	if len(out.tracks) == 0 {
		return out, codec.NewError(codec.DamagedMedia, "adopt", "no track came out", nil)
	}
	return out, nil
}

// adoptRequest asks for the file as it is: one rung of its own size, its sound once, and the poster if the entry has no other.
func adoptRequest(info codec.Info, soundOnly, lone bool) codec.Request {
	req := codec.Request{Policy: codec.Policy{MaxCopyGOPUS: adoptMaxGOP}}
	if v := info.MainVideo(); v != nil && !soundOnly {
		rate := max(v.Video.PeakBitRate, v.Video.MeanBitRate*3/2, v.BitRate*3/2, adoptMinVideo)
		req.Ladder = []codec.RungSpec{{
			Name: adoptedVideo, Height: max(2, min(v.Video.Width, v.Video.Height)), MaxRate: min(rate, 1_000_000_000),
		}}
		req.Thumbs.Poster = lone
	}
	if len(req.Ladder) > 0 && !lone {
		return req
	}
	rendition := codec.AudioRendition{Codec: "aac", BitRate: adoptMinAudio, Channels: 2}
	for _, s := range info.Streams {
		if s.Kind == codec.Audio && s.Audio != nil {
			rendition.BitRate, rendition.Channels = min(max(rendition.BitRate, s.BitRate), 512_000), max(1, min(2, s.Audio.Channels))
			if s.Audio.Channels >= 6 && s.Codec == "aac" {
				rendition.Channels, rendition.BitRate = 6, max(rendition.BitRate, 384_000)
			}
			break
		}
	}
	req.Audio.Renditions = []codec.AudioRendition{rendition}
	return req
}

// joinAdopted gives a written chunk the head and index of a finished track file.
func (e *Env) joinAdopted(ctx context.Context, prefix string, w Written) (joinedTrack, error) {
	b, err := storage.ReadAll(ctx, e.Store, w.IndexKey, maxIndex)
	if err != nil {
		return joinedTrack{}, err
	}
	track, err := cmaf.ParseIndex(b)
	if err != nil {
		return joinedTrack{}, err
	}
	joined, err := cmaf.JoinPlan([]*packager.Track{track})
	if err != nil {
		return joinedTrack{}, err
	}
	key, index := prefix+w.Name+".mp4", prefix+w.Name+".idx"
	part := storage.Part{Key: w.Key, Off: joined.Parts[0].Off, N: joined.Parts[0].N}
	obj, err := e.Store.Concat(ctx, key, joined.Head, []storage.Part{part}, true)
	if err != nil {
		return joinedTrack{}, err
	}
	if _, err := e.Store.Put(ctx, index, bytes.NewReader(joined.Index)); err != nil {
		return joinedTrack{}, err
	}
	return joinedTrack{track: joined.Track, object: obj, indexKey: index}, e.Store.Delete(ctx, w.IndexKey)
}

// commit makes the first track the asset, and the rest of a lone file the entry's.
func (a adopted) commit(ctx context.Context, tx *catalog.Tx, t catalog.Task, p AdoptPayload) error {
	main := a.main()
	err := tx.UpdateAsset(ctx, p.Asset, func(as *catalog.Asset) error {
		a.describe(as, main)
		return a.tracks[main].apply(as)
	})
	if err != nil {
		return err
	}
	if !p.Lone {
		return nil
	}
	return a.addLone(ctx, tx, t, main)
}

// main is the track that the asset becomes: the picture, else the first sound.
func (a adopted) main() int { return max(0, slices.Index(a.names, adoptedVideo)) }

// describe sets what is known of the track; language and title stay as its owner gave them.
func (a adopted) describe(as *catalog.Asset, i int) {
	as.Container, as.Parts, as.ErrorText = "cmaf", nil, ""
	if v := a.plan.Video; v != nil && a.names[i] == adoptedVideo {
		r := v.Rungs[0]
		as.Kind, as.Width, as.Height, as.FrameRate = "video", r.Width, r.Height, v.FPS.Float()
		as.Props = props(FlavorProps{Copied: r.Copy, Codec: r.Enc.Codec})
		return
	}
	for _, p := range a.plan.Audio {
		if p.Name != a.names[i] {
			continue
		}
		as.Kind = "audio"
		if as.Language == "" {
			as.Language = p.Language
		}
		if as.Title == "" {
			as.Title = p.Title
		}
		roles := p.Roles
		if !as.Default && as.Name != "" {
			roles = []string{"alternate"}
		}
		as.Props = props(FlavorProps{Copied: p.Copy, Codec: p.Codec, Channels: p.Channels, SampleRate: p.SampleRate, Roles: roles})
	}
}

// addLone adds the sound and the poster of a file whose entry has no original, unless the entry has such already.
func (a adopted) addLone(ctx context.Context, tx *catalog.Tx, t catalog.Task, main int) error {
	have, err := tx.Assets(ctx, t.Entry)
	if err != nil {
		return err
	}
	has := func(is func(catalog.Asset) bool) bool {
		return slices.ContainsFunc(have, func(x catalog.Asset) bool {
			return x.Version == t.Version && x.Status == catalog.AssetReady && is(x)
		})
	}
	var add []catalog.Asset
	if a.names[main] == adoptedVideo && !has(func(x catalog.Asset) bool { return x.Kind == "audio" }) {
		for i, j := range a.tracks {
			if i == main {
				continue
			}
			as := catalog.Asset{Type: catalog.AssetFlavor, Version: t.Version, Name: a.names[i], Default: len(add) == 0}
			a.describe(&as, i)
			if err := j.apply(&as); err != nil {
				return err
			}
			add = append(add, as)
		}
	}
	if a.poster.Key != "" && a.plan.Thumbs != nil && !has(func(x catalog.Asset) bool { return x.Type == catalog.AssetThumb }) {
		add = append(add, catalog.Asset{
			ID: a.thumb, Type: catalog.AssetThumb, Name: "poster", Status: catalog.AssetReady, Version: t.Version, Key: a.poster.Key,
			Size: a.poster.Size, SHA256: a.poster.SHA256, Container: "jpg", Kind: "image",
			Width: a.plan.Thumbs.Width, Height: a.plan.Thumbs.Height, Default: true,
		})
	}
	if _, err := tx.AddAssets(ctx, t.Entry, add); err != nil {
		return err
	}
	return tx.UpdateEntry(ctx, t.Entry, func(en *catalog.Entry) error {
		if en.DurationMS == 0 {
			describeEntry(en, a.info)
		}
		return nil
	})
}
