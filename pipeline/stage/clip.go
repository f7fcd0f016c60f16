package stage

import (
	"context"
	"errors"
	"fmt"

	"sluice/catalog"
	"sluice/codec"
	"sluice/codec/plan"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/storage"
)

// ClipPayload is the payload of a clip task: the source, and which parts of it become the original.
type ClipPayload struct {
	Asset catalog.AssetID `json:"asset"`
	Key   string          `json:"key"`
	From  Stored          `json:"from"`
	// Mine says that the source is not needed afterwards.
	Mine  bool   `json:"mine,omitempty"`
	Parts []Part `json:"parts"`
}

// Part is a part of a source in microseconds of its presentation; LengthUS 0 means to the end.
type Part struct {
	FromUS   int64 `json:"from_us"`
	LengthUS int64 `json:"length_us,omitempty"`
}

// The quality of an original that is cut out of another: it is to be encoded once more.
const (
	clipCRF      = 16
	clipMaxRate  = 200_000_000
	clipAudio    = 256_000
	clipSurround = 512_000
)

// Clip cuts an entry's original out of a source: its parts one after the other, each to the frame, as one MP4.
func (e *Env) Clip(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error) {
	p, err := decodePayload[ClipPayload](t)
	if err != nil {
		return Outcome{}, err
	}
	prefix := fmt.Sprintf("%s%s/clip%d-%d/", keyPrefix(t.Account, t.Entry, t.Version), p.Asset, t.ID, t.Attempt)
	discard := func(ctx context.Context) { _, _ = e.Store.DeletePrefix(ctx, prefix) }
	from := p.From.Key
	if len(p.From.Tracks) > 0 {
		from = prefix + "source.mp4"
		if _, err := e.Copy(ctx, from, p.From); err != nil {
			return Outcome{Discard: discard}, err
		}
	}
	obj, err := e.clip(ctx, t, p, from, prefix, progress)
	if err != nil {
		return Outcome{Discard: discard}, err
	}
	if _, err := e.Store.DeletePrefix(ctx, prefix); err != nil {
		e.Log.Warn("parts of a clip left behind", "entry", t.Entry, "prefix", prefix, "error", err)
	}
	out := Outcome{
		Result: map[string]any{"size": obj.Size, "parts": len(p.Parts)},
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			err := tx.UpdateAsset(ctx, p.Asset, func(a *catalog.Asset) error {
				a.Key, a.Size, a.SHA256, a.Status, a.ErrorText = p.Key, obj.Size, obj.SHA256, catalog.AssetReady, ""
				return nil
			})
			if err != nil {
				return err
			}
			return tx.UpdateEntry(ctx, t.Entry, func(en *catalog.Entry) error {
				if en.Status == catalog.EntryImport {
					en.Status = catalog.EntryPreconvert
				}
				return nil
			})
		},
	}
	if p.Mine {
		out.After = func(ctx context.Context) {
			if err := e.Store.Delete(ctx, p.From.Key); err != nil {
				e.Log.Warn("source of a clip left behind", "entry", t.Entry, "object", p.From.Key, "error", err)
			}
		}
	}
	return out, nil
}

func (e *Env) clip(ctx context.Context, t catalog.Task, p ClipPayload, from, prefix string, progress Progress) (storage.Object, error) {
	src, closer, err := e.openObject(ctx, from)
	if err != nil {
		return storage.Object{}, err
	}
	defer closer.Close()
	info, err := e.Engine.Probe(ctx, src, codec.ProbeOpts{Packets: true, Idet: true})
	if err != nil {
		return storage.Object{}, err
	}
	sink := &clipSink{ctx: ctx, store: e.Store, prefix: prefix, tracks: map[string]*clipTrack{}}
	defer sink.abort()
	for i, part := range p.Parts {
		pl, _, err := plan.Make(info, clipRequest(info, part))
		if errors.Is(err, plan.ErrRequest) {
			return storage.Object{}, codec.NewError(codec.NoVideoOrAudio, "clip", err.Error(), err)
		}
		if err != nil {
			return storage.Object{}, err
		}
		sink.begin(pl, func(done, total, bytes int64) {
			progress(int64(i)*total+done, int64(len(p.Parts))*total, bytes)
		})
		if err := e.runClip(ctx, t, src, pl, sink); err != nil {
			return storage.Object{}, err
		}
	}
	tracks, err := sink.finish()
	if err != nil {
		return storage.Object{}, codec.NewError(codec.SinkIO, "clip", err.Error(), err)
	}
	if len(tracks) == 0 {
		return storage.Object{}, codec.NewError(codec.DamagedMedia, "clip", "no track came out", nil)
	}
	obj, err := e.Copy(ctx, p.Key, Stored{Tracks: tracks})
	if err == nil && obj.SHA256 == "" {
		obj, err = e.Store.Stat(ctx, p.Key)
	}
	return obj, err
}

func (e *Env) runClip(ctx context.Context, t catalog.Task, src codec.Source, pl codec.Plan, sink *clipSink) error {
	job := codec.Job{Plan: pl, Video: pl.Video != nil, Audio: len(pl.Audio) > 0}
	tokens, release, err := e.Share(ctx, t, job)
	if err != nil {
		return err
	}
	defer release()
	job.Tokens = tokens
	_, err = e.Engine.Run(ctx, src, job, sink)
	return err
}

// clipRequest asks for a part of a source at its own size, with all its languages.
func clipRequest(info codec.Info, part Part) codec.Request {
	req := codec.Request{Policy: codec.Policy{FromUS: part.FromUS, LengthUS: part.LengthUS, NoPassthrough: true}}
	if v := info.MainVideo(); v != nil {
		req.Ladder = []codec.RungSpec{{
			Name: adoptedVideo, Height: max(2, min(v.Video.Width, v.Video.Height)), MaxRate: clipMaxRate, CRF: clipCRF,
		}}
	}
	rendition := codec.AudioRendition{Codec: "aac", BitRate: clipAudio, Channels: 2}
	for _, s := range info.Streams {
		if s.Kind == codec.Audio && s.Audio != nil && s.Audio.Channels >= 6 {
			rendition.Channels, rendition.BitRate = 6, clipSurround
			break
		}
	}
	req.Audio.Renditions = []codec.AudioRendition{rendition}
	return req
}

// clipSink joins the parts: one track file for each track of the first part, in which the samples of the others follow.
type clipSink struct {
	ctx    context.Context
	store  storage.Store
	prefix string
	tracks map[string]*clipTrack
	order  []string
	byID   map[int]*clipTrack // of the part that comes in
	report Progress
	end    partEnd
}

// partEnd is where the part that comes in starts and ends on the joined presentation, in microseconds.
type partEnd struct{ from, to int64 }

// clipTrack is a track of the joined file.
type clipTrack struct {
	media packager.Media
	out   *openTrack
	// from and to are the part's place, next is where the next sound sample belongs, frame how long one is; in ticks.
	from, to, next, frame int64
	first                 bool // the part is the first one
}

// begin starts a part that is as long as the plan says.
func (s *clipSink) begin(pl codec.Plan, report Progress) {
	length := pl.DurationUS
	s.end = partEnd{s.end.to, s.end.to + length}
	s.byID, s.report = map[int]*clipTrack{}, report
}

// Track implements codec.Sink.
func (s *clipSink) Track(t codec.Track) error {
	m, err := Media(t)
	if err != nil {
		return err
	}
	c := s.tracks[t.Name]
	if c == nil {
		if s.end.from > 0 {
			return fmt.Errorf("track %q is not in every part", t.Name)
		}
		key := s.prefix + t.Name + ".mp4"
		object, err := s.store.Create(s.ctx, key)
		if err != nil {
			return err
		}
		o := &openTrack{desc: t, media: m, key: key, object: object}
		o.writer = cmaf.NewWriter(object, m, cmaf.Options{})
		c = &clipTrack{media: m, out: o, next: -int64(m.Priming)}
		s.tracks[t.Name], s.order = c, append(s.order, t.Name)
	} else if m.Timescale != c.media.Timescale || m.Entry != c.media.Entry || m.Priming != c.media.Priming {
		return fmt.Errorf("track %q differs between parts", t.Name)
	}
	scale := int64(m.Timescale)
	c.from, c.to, c.first = mulDiv(s.end.from, scale, 1_000_000), mulDiv(s.end.to, scale, 1_000_000), s.end.from == 0
	s.byID[t.ID] = c
	return nil
}

// Sample implements codec.Sink. Sound of later parts follows without the encoder's delay, and each part gets as many whole
// frames as keep it closest to its place: no more than half a frame off, however many parts there are.
func (s *clipSink) Sample(track int, u codec.Sample) error {
	c := s.byID[track]
	if c == nil {
		return fmt.Errorf("sample of track %d, which was not announced", track)
	}
	if c.media.Kind == packager.Video {
		return c.out.writer.Write(cmaf.Unit{DTS: u.DTS + c.from, PTS: u.PTS + c.from, Dur: u.Dur, Sync: u.Key, Data: u.Data})
	}
	c.frame = max(c.frame, u.Dur) // the last one of a part says how much of it counts, but decodes whole
	if !c.first && u.PTS < 0 || c.next+c.frame/2 >= c.to {
		return nil
	}
	at := c.next
	c.next += c.frame
	return c.out.writer.Write(cmaf.Unit{DTS: at, PTS: at, Dur: c.frame, Sync: u.Key, Data: u.Data})
}

// File implements codec.Sink.
func (s *clipSink) File(string, []byte) error { return nil }

// Progress implements codec.Sink.
func (s *clipSink) Progress(p codec.Progress) { s.report(p.Frames, p.Total, p.Bytes) }

// finish ends the track files.
func (s *clipSink) finish() ([]Stored, error) {
	var out []Stored
	for _, name := range s.order {
		c := s.tracks[name]
		w, err := finishTrack(s.ctx, s.store, c.out, s.prefix+name+".idx")
		if err != nil {
			return nil, err
		}
		if w.Samples > 0 {
			out = append(out, Stored{Key: w.Key, IndexKey: w.IndexKey})
		}
	}
	return out, nil
}

func (s *clipSink) abort() {
	for _, c := range s.tracks {
		_ = c.out.object.Abort() // does nothing after a commit
	}
}
