package play

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strconv"

	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/vtt"
	"sluice/storage"
)

// Limits of what is read into memory for a title.
const (
	maxIndex   = 64 << 20
	maxCaption = 8 << 20
)

// sourceFile is one file of the presentation: a rendition's track, or a caption's cues.
type sourceFile struct {
	asset catalog.Asset
	track *packager.Track
	text  *packager.TextTrack
}

// boardFiles is a storyboard with its sprites open.
type boardFiles struct {
	board packager.Storyboard
}

// versionOf changes whenever what a player would get does.
func versionOf(e catalog.Entry, assets []catalog.Asset) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d %d|", e.ID, e.Version, e.Status)
	for _, a := range assets {
		fmt.Fprintf(h, "%s %d %s %d %d", a.ID, a.Status, a.Key, a.Size, len(a.Parts))
		fmt.Fprintf(h, " %q %q %t %t|", a.Language, a.Title, a.Default, a.Details.Hidden)
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// open builds the title of an entry.
func (l *Library) open(ctx context.Context, e catalog.Entry, assets []catalog.Asset) (t *Title, err error) {
	t = &Title{Entry: e, Assets: assets, complete: true}
	defer func() {
		if err != nil {
			for _, c := range t.closers {
				_ = c() // the error that matters is err
			}
			t = nil
		}
	}()
	video, audio := l.playable(t)
	for _, a := range append(video, audio...) {
		track, err := l.openTrack(ctx, t, a)
		if err != nil {
			return t, fmt.Errorf("rendition %s of entry %s: %w", a.Name, e.ID, err)
		}
		t.source = append(t.source, sourceFile{asset: a, track: track})
	}
	for _, a := range assets {
		if a.Version != e.Version || a.Status != catalog.AssetReady {
			continue
		}
		switch a.Type {
		case catalog.AssetCaption:
			if !a.Details.Hidden {
				err = l.openCaption(ctx, t, a)
			}
		case catalog.AssetStoryboard:
			err = l.openStoryboard(ctx, t, a)
		case catalog.AssetThumb:
			if t.poster == nil || a.Default {
				t.poster, err = l.openFile(ctx, t, a.Key)
			}
		}
		if err != nil {
			return t, fmt.Errorf("%s %s of entry %s: %w", a.Type, a.Name, e.ID, err)
		}
	}
	return t, nil
}

// playable chooses the renditions to offer, video by falling size and then audio: those that are complete; while there is no
// complete video (or, in a sound file, audio), those that grow, from their first chunk on.
func (l *Library) playable(t *Title) (video, audio []catalog.Asset) {
	var growing, whole []catalog.Asset
	wantsVideo := false
	for _, a := range t.Assets {
		if a.Type != catalog.AssetFlavor || a.Original || a.Version != t.Entry.Version {
			continue
		}
		wantsVideo = wantsVideo || a.Kind == "video"
		switch {
		case a.Status == catalog.AssetReady && a.IndexKey != "":
			whole = append(whole, a)
		case a.Status == catalog.AssetConverting && len(a.Parts) > 0 && a.Parts[0].Index == 0:
			growing = append(growing, a)
		}
	}
	main := "audio"
	if wantsVideo {
		main = "video"
	}
	chosen := whole
	if !slices.ContainsFunc(whole, func(a catalog.Asset) bool { return a.Kind == main }) {
		chosen = append(chosen, growing...)
		t.complete = len(growing) == 0
	} else {
		// Sound that is all there but not joined yet goes with finished video.
		for _, a := range growing {
			if a.Kind == "audio" {
				chosen = append(chosen, a)
			}
		}
	}
	for _, a := range chosen {
		if a.Kind == "video" {
			video = append(video, a)
		} else {
			audio = append(audio, a)
		}
	}
	slices.SortStableFunc(video, func(a, b catalog.Asset) int {
		return cmp.Or(cmp.Compare(codecRank(a), codecRank(b)), -cmp.Compare(a.Width*a.Height, b.Width*b.Height))
	})
	slices.SortStableFunc(audio, func(a, b catalog.Asset) int {
		switch {
		case a.Default != b.Default && a.Default:
			return -1
		case a.Default != b.Default:
			return 1
		}
		return 0
	})
	return video, audio
}

// codecRank puts H.264, which everything plays, first.
func codecRank(a catalog.Asset) int {
	if len(a.Codec) >= 4 && a.Codec[:4] == "avc1" {
		return 0
	}
	return 1
}

// openTrack opens a rendition: its track file, or the chunks that are there in a row from the first.
func (l *Library) openTrack(ctx context.Context, t *Title, a catalog.Asset) (*packager.Track, error) {
	var track *packager.Track
	if a.IndexKey != "" {
		one, err := l.openIndexed(ctx, t, a.Key, a.IndexKey)
		if err != nil {
			return nil, err
		}
		track = one
	} else {
		var parts []*packager.Track
		for i, p := range a.Parts {
			if p.Index != i && i > 0 {
				break
			}
			one, err := l.openIndexed(ctx, t, p.Key, p.IndexKey)
			if err != nil {
				return nil, err
			}
			parts = append(parts, one)
		}
		joined, err := cmaf.Chunks(parts)
		if err != nil {
			return nil, err
		}
		track = joined
	}
	return named(track, a), nil
}

// named gives a track the words that the catalog has for it.
func named(track *packager.Track, a catalog.Asset) *packager.Track {
	c := *track
	c.Language, c.Name, c.Default = a.Language, a.Title, a.Default
	var p struct {
		Roles []string `json:"roles"`
	}
	if json.Unmarshal(a.Props, &p) == nil {
		c.Roles = p.Roles
	}
	return &c
}

func (l *Library) openIndexed(ctx context.Context, t *Title, key, indexKey string) (*packager.Track, error) {
	idx, err := storage.ReadAll(ctx, l.Store, indexKey, maxIndex)
	if err != nil {
		return nil, err
	}
	file, err := l.openFile(ctx, t, key)
	if err != nil {
		return nil, err
	}
	return cmaf.ParseIndex(idx, file)
}

// openFile opens an object for the packager: mapped where it is a local file, by ranged reads elsewhere.
func (l *Library) openFile(ctx context.Context, t *Title, key string) (packager.File, error) {
	r, err := l.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	if path := r.Path(); path != "" {
		defer r.Close()
		f, err := packager.OpenFile(path)
		if err != nil {
			return nil, err
		}
		t.closers = append(t.closers, f.Close)
		return f, nil
	}
	t.closers = append(t.closers, r.Close)
	o := r.Object()
	return packager.ReaderFile(r, o.Size, o.ETag), nil
}

func (l *Library) openCaption(ctx context.Context, t *Title, a catalog.Asset) error {
	b, err := storage.ReadAll(ctx, l.Store, a.Key, maxCaption)
	if err != nil {
		return err
	}
	cues, err := vtt.Import(kaltura.CaptionFile(a), b)
	if err != nil {
		slog.Warn("captions left out", "entry", t.Entry.ID, "asset", a.ID, "error", err) // the entry plays without
		return nil
	}
	var p struct {
		Forced          bool `json:"forced"`
		HearingImpaired bool `json:"hearing_impaired"`
	}
	if len(a.Props) > 0 {
		if err := json.Unmarshal(a.Props, &p); err != nil {
			return err
		}
	}
	text := &packager.TextTrack{Cues: cues}
	text.Kind, text.Entry, text.Timescale = packager.Text, "wvtt", 1000
	text.Language, text.Name, text.Default, text.Forced = a.Language, a.Title, a.Default, p.Forced
	text.Roles = []string{"subtitle"}
	if p.HearingImpaired {
		text.Roles = []string{"caption"}
	}
	t.source = append(t.source, sourceFile{asset: a, text: text})
	return nil
}

func (l *Library) openStoryboard(ctx context.Context, t *Title, a catalog.Asset) error {
	var p struct {
		TileWidth  int      `json:"tile_width"`
		TileHeight int      `json:"tile_height"`
		Columns    int      `json:"columns"`
		Rows       int      `json:"rows"`
		IntervalMS int64    `json:"interval_ms"`
		Tiles      int      `json:"tiles"`
		Sprites    []string `json:"sprites"`
	}
	if err := json.Unmarshal(a.Props, &p); err != nil {
		return err
	}
	b := packager.Storyboard{TileWidth: p.TileWidth, TileHeight: p.TileHeight, Columns: p.Columns, Rows: p.Rows, IntervalMS: p.IntervalMS, Tiles: p.Tiles}
	for _, key := range p.Sprites {
		f, err := l.openFile(ctx, t, key)
		if err != nil {
			return err
		}
		b.Sprites = append(b.Sprites, f)
	}
	t.board = &boardFiles{board: b}
	return nil
}

// maxChoices bounds the choices of renditions that a title remembers; further ones are made anew for each request.
const maxChoices = 64

// Set returns the presentation, or that of the chosen assets in the order given; the same pointer for the same choice.
func (t *Title) Set(choice ...catalog.AssetID) (*packager.Set, error) {
	return t.cached("", choice, func() (*packager.Set, error) { return t.makeSet(choice) })
}

// cached returns the set of a choice made for a purpose.
func (t *Title) cached(purpose string, choice []catalog.AssetID, set func() (*packager.Set, error)) (*packager.Set, error) {
	key := purpose
	for _, id := range choice {
		key += "," + string(id)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.sets[key]; ok {
		return s, nil
	}
	s, err := set()
	if err != nil {
		return nil, err
	}
	if t.sets == nil {
		t.sets = map[string]*packager.Set{}
	}
	if len(t.sets) < maxChoices {
		t.sets[key] = s
	}
	return s, nil
}

func (t *Title) makeSet(choice []catalog.AssetID) (*packager.Set, error) {
	set := &packager.Set{
		ID: string(t.Entry.ID), Version: t.version, Complete: t.complete, Title: t.Entry.Name, DurationMS: t.Entry.DurationMS,
	}
	if t.board != nil {
		set.Storyboard = &t.board.board
	}
	if len(choice) == 0 {
		for _, f := range t.source {
			set.Files = append(set.Files, f.set())
		}
	}
	for _, id := range choice {
		i := slices.IndexFunc(t.source, func(f sourceFile) bool { return f.asset.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("entry %s has no playable asset %s: %w", t.Entry.ID, id, catalog.ErrNotFound)
		}
		set.Files = append(set.Files, t.source[i].set())
		set.Version += "." + string(id)
	}
	return set, nil
}

func (f sourceFile) set() packager.SetFile {
	s := packager.SetFile{ID: string(f.asset.ID), Cues: f.text}
	if f.track != nil {
		s.Tracks = []*packager.Track{f.track}
	}
	return s
}
