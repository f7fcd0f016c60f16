package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"sluice/catalog"
	"sluice/codec"
	"sluice/codec/plan"
)

// planFile is the object that keeps an entry version's plan, optionalFile that of what follows when the entry is ready.
const (
	planFile     = "plan.json"
	optionalFile = "optional.json"
)

// Shares of an entry's progress bar; the transcode tasks divide theirs by what they encode.
const (
	weightImport    = 2
	weightScan      = 2
	weightProbe     = 3
	weightPlan      = 1
	weightTranscode = 85
	weightAssemble  = 3
	weightThumbs    = 4
	weightCaptions  = 1
	weightFinish    = 1
)

// Arrival is the first tasks of an entry: import, probe, plan. The plan adds the rest.
func Arrival(p ImportPayload) []catalog.NewTask {
	return []catalog.NewTask{
		{Stage: catalog.StageImport, Name: "import", Payload: p, Weight: weightImport},
		{Stage: catalog.StageProbe, Name: "probe", After: []int{0}, Weight: weightProbe},
		{Stage: catalog.StagePlan, Name: "plan", After: []int{1}, Weight: weightPlan},
	}
}

// Analysis is the tasks of an entry whose original is stored, one after the other: probe, plan.
func Analysis() []catalog.NewTask {
	return []catalog.NewTask{
		{Stage: catalog.StageProbe, Name: "probe", Weight: weightProbe},
		{Stage: catalog.StagePlan, Name: "plan", Weight: weightPlan},
	}
}

// MakePayload is the payload of the tasks that follow the plan.
type MakePayload struct {
	PlanKey string `json:"plan_key"`
	// Assets are the renditions by the names that the plan gives them.
	Assets map[string]catalog.AssetID `json:"assets,omitempty"`
	// Span is the part of the video, by its number in the plan; -1 means none or all.
	Span  int  `json:"span"`
	Video bool `json:"video,omitempty"`
	Copy  bool `json:"copy,omitempty"`
	Audio bool `json:"audio,omitempty"`
	// Rungs are the ones to encode, by their index in the plan; nil means all.
	Rungs []int `json:"rungs,omitempty"`
	// Run names the directory of work files and, in tasks that add to an entry, the run; empty for the entry's first.
	Run string `json:"run,omitempty"`
	// Early names the run of early work whose renditions these are.
	Early string `json:"early,omitempty"`
	// Bare says that no renditions are wanted: the entry is ready with what it was given.
	Bare bool `json:"bare,omitempty"`
}

// Plan decides what to make of the original, and adds the renditions and the tasks that make them.
func (e *Env) Plan(ctx context.Context, t catalog.Task, _ Progress) (Outcome, error) {
	orig, err := e.original(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	var info codec.Info
	if err := e.getJSON(ctx, besideKey(t, orig, infoFile), &info); err != nil {
		return Outcome{}, codec.NewError(codec.SourceIO, "plan", "", err)
	}
	if len(t.Payload) > 0 {
		payload, err := decodePayload[ConvertPayload](t)
		if err != nil {
			return Outcome{}, err
		}
		if payload.Params > 0 {
			return e.convert(ctx, t, orig, info, payload.Params)
		}
	}
	w, err := e.wanted(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	p, warnings, err := plan.Make(info, w.request)
	bare := w.bare() && errors.Is(err, plan.ErrRequest) // nothing asked for, and there is not even a picture to make
	if err != nil && !bare {
		return Outcome{}, err
	}
	first, rest := w.split(p)
	key := besideKey(t, orig, planFile)
	if err := e.putJSON(ctx, key, first); err != nil {
		return Outcome{}, codec.NewError(codec.SinkIO, "plan", "", err)
	}
	early, same, err := e.earlyOf(ctx, t, info, p)
	if err != nil {
		return Outcome{}, err
	}
	assets, ids := w.named(t, first)
	tasks := tasksOf(first, MakePayload{PlanKey: key, Assets: ids, Span: -1, Bare: w.bare()})
	if rest != nil {
		same = false // optional flavors follow what is made of a complete file
		later := besideKey(t, orig, optionalFile)
		if err := e.putJSON(ctx, later, rest); err != nil {
			return Outcome{}, codec.NewError(codec.SinkIO, "plan", "", err)
		}
		more, ids := w.named(t, *rest)
		assets = append(assets, more...)
		tasks = append(tasks, afterwards(tasks, *rest, MakePayload{PlanKey: later, Assets: ids, Span: -1, Run: runOptional})...)
	}
	return Outcome{
		Result: map[string]any{"renditions": len(assets), "spans": len(p.Spans), "warnings": warnings, "early": same},
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			if same {
				if done, err := e.adoptEarly(ctx, tx, t, early, p, MakePayload{PlanKey: key, Span: -1, Bare: w.bare()}); done || err != nil {
					return err
				}
			}
			if early != nil {
				if err := tx.DropEarly(ctx, early.Upload); err != nil {
					return err
				}
			}
			if _, err := tx.AddAssets(ctx, t.Entry, assets); err != nil {
				return err
			}
			tasks, err := afterScan(ctx, tx, t, tasks)
			if err == nil {
				_, err = tx.AddTasks(ctx, t.Entry, tasks)
			}
			return err
		},
	}, nil
}

// named are the assets that the plan makes, and their ids by the names that the plan gives them.
func (w *wanted) named(t catalog.Task, p codec.Plan) ([]catalog.Asset, map[string]catalog.AssetID) {
	assets, ids := w.renditions(t, p), map[string]catalog.AssetID{}
	for _, a := range assets {
		ids[a.Name] = a.ID
	}
	return assets, ids
}

// renditions are the assets that the plan makes as track files.
func (w *wanted) renditions(t catalog.Task, p codec.Plan) []catalog.Asset {
	var out []catalog.Asset
	add := func(a catalog.Asset) {
		a.ID, a.Type, a.Status, a.Version, a.Container = catalog.NewAssetID(), catalog.AssetFlavor, catalog.AssetConverting, t.Version, "cmaf"
		out = append(out, a)
	}
	if p.Video != nil {
		for _, r := range p.Video.Rungs {
			params := w.paramsOfRung(r)
			add(catalog.Asset{
				ParamsID: params.ID, Details: catalog.AssetDetails{Tags: tagsOf(params)},
				Name: r.Name, Kind: "video", Width: r.Width, Height: r.Height, FrameRate: p.Video.FPS.Float(),
				Props: props(FlavorProps{Copied: r.Copy, Codec: r.Enc.Codec}),
			})
		}
	}
	for _, a := range p.Audio {
		params := w.paramsOfAudio(a)
		add(catalog.Asset{
			ParamsID: params.ID,
			Name:     a.Name, Kind: "audio", Language: a.Language, Title: a.Title, Default: a.Default,
			Props: props(FlavorProps{Copied: a.Copy, Codec: a.Codec, Channels: a.Channels, SampleRate: a.SampleRate, Roles: a.Roles}),
		})
	}
	return out
}

// FlavorProps is what a rendition's Asset.Props holds.
type FlavorProps struct {
	Codec      string          `json:"codec,omitempty"`
	Copied     bool            `json:"copied,omitempty"`
	Channels   int             `json:"channels,omitempty"`
	SampleRate int             `json:"sample_rate,omitempty"`
	Roles      []string        `json:"roles,omitempty"`
	Loudness   *codec.Loudness `json:"loudness,omitempty"`
}

func props(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs always encode
	}
	return b
}

// tasksOf is the graph that carries a plan out: transcode tasks, then assemble; thumbs and captions beside them; finish
// after all. Copies and sound come first, because a copied rung plays as soon as it is there.
func tasksOf(p codec.Plan, base MakePayload) []catalog.NewTask {
	return restOf(p, base, mediaTasks(p, base), nil)
}

// restOf adds to the tasks that make a plan's tracks, new ones and such as there are, what follows them.
func restOf(p codec.Plan, base MakePayload, media []catalog.NewTask, made []catalog.TaskID) []catalog.NewTask {
	tasks, tracks := media, len(media)+len(made) > 0
	var last []int
	if tracks {
		after := make([]int, len(media))
		for i := range after {
			after[i] = i
		}
		last = append(last, len(tasks))
		tasks = append(tasks, catalog.NewTask{
			Stage: catalog.StageAssemble, Name: "assemble", Priority: 1, Payload: base, After: after, AfterTasks: made, Weight: weightAssemble,
		})
	}
	if p.Thumbs != nil {
		last = append(last, len(tasks))
		// A picture or a sound file with a cover has nothing else to show: there the pictures are not optional.
		tasks = append(tasks, catalog.NewTask{Stage: catalog.StageThumbs, Name: "thumbs", Priority: 1, Payload: base, Optional: tracks, Weight: weightThumbs})
	}
	if len(p.Subs) > 0 {
		last = append(last, len(tasks))
		tasks = append(tasks, catalog.NewTask{Stage: catalog.StageCaptions, Name: "captions", Priority: 1, Payload: base, Optional: true, Weight: weightCaptions})
	}
	return append(tasks, catalog.NewTask{Stage: catalog.StageFinish, Name: "finish", Priority: 0, Payload: base, After: last, Weight: weightFinish})
}

func mediaTasks(p codec.Plan, base MakePayload) []catalog.NewTask {
	encodes, copies := false, false
	if p.Video != nil {
		for _, r := range p.Video.Rungs {
			copies = copies || r.Copy
			encodes = encodes || !r.Copy
		}
	}
	spans := 0
	if encodes {
		spans = max(1, len(p.Spans))
	}
	if spans == 1 && !copies { // small enough for one task
		base.Video, base.Audio, base.Copy, base.Span = true, len(p.Audio) > 0, len(p.Audio) > 0, spanNumber(p, 0)
		if first, rest := firstLook(p, base); first != nil {
			return wholeFirst(p, base, first, rest)
		}
		return []catalog.NewTask{{Stage: catalog.StageTranscode, Name: "media", Priority: 1, Payload: base, Weight: weightTranscode}}
	}
	var tasks []catalog.NewTask
	if copies || len(p.Audio) > 0 {
		first := base
		first.Copy, first.Audio = true, len(p.Audio) > 0
		w := int64(weightTranscode)
		if spans > 0 {
			w = 5
		}
		tasks = append(tasks, catalog.NewTask{Stage: catalog.StageTranscode, Name: "sound and copies", Priority: 0, Payload: first, Weight: w})
	}
	if spans == 0 {
		return tasks
	}
	low, rest := firstLook(p, base)
	if low == nil || copies {
		return append(tasks, spanTasks(p, base, 0)...)
	}
	more := spanTasks(p, base, 0)
	begin := more[0]
	part := base
	part.Video, part.Span = true, spanNumber(p, 0)
	part.Rungs = low
	begin.Name, begin.Priority, begin.Payload, begin.Weight = begin.Name+", first look", 0, part, 1
	part.Rungs = rest
	more[0].Payload = part
	return append(append(tasks, begin), more...)
}

// firstLook divides the rungs of an entry's first run: the smallest, which is made before the others, so that there is soon
// something to play, and the others. It costs to decode the beginning twice. Nil means that there is nothing to divide.
func firstLook(p codec.Plan, base MakePayload) (first, rest []int) {
	if p.Video == nil || base.Run != "" {
		return nil, nil
	}
	low := -1
	for i, r := range p.Video.Rungs {
		if !r.Copy && r.Enc.Codec == "h264" && (low < 0 || r.Width*r.Height < p.Video.Rungs[low].Width*p.Video.Rungs[low].Height) {
			low = i
		}
	}
	for i, r := range p.Video.Rungs {
		if !r.Copy && i != low {
			rest = append(rest, i)
		}
	}
	if low < 0 || len(rest) == 0 {
		return nil, nil
	}
	return []int{low}, rest
}

// wholeFirst makes and assembles the smallest rung and the sound before the other rungs: a short entry so plays from its beginning
// to its end while they are made.
func wholeFirst(p codec.Plan, base MakePayload, low, rest []int) []catalog.NewTask {
	look, join, others := base, base, base
	look.Rungs, others.Rungs = low, rest
	others.Audio, others.Copy = false, false
	join.Video, join.Audio, join.Copy, join.Span = false, false, false, -1
	join.Assets = maps.Clone(base.Assets)
	for _, i := range rest {
		delete(join.Assets, p.Video.Rungs[i].Name)
	}
	return []catalog.NewTask{
		{Stage: catalog.StageTranscode, Name: "first look", Priority: 0, Payload: look, Weight: weightTranscode / 5},
		{Stage: catalog.StageAssemble, Name: "assemble first look", Priority: 0, Payload: join, After: []int{0}, Weight: 1},
		{Stage: catalog.StageTranscode, Name: "media", Priority: 1, Payload: others, Weight: weightTranscode * 4 / 5},
	}
}

// spanTasks encode the spans of a plan from one on.
func spanTasks(p codec.Plan, base MakePayload, from int) []catalog.NewTask {
	var tasks []catalog.NewTask
	spans := max(1, len(p.Spans))
	for i := from; i < spans; i++ {
		part := base
		part.Video, part.Span = true, spanNumber(p, i)
		tasks = append(tasks, catalog.NewTask{
			Stage: catalog.StageTranscode, Name: fmt.Sprintf("video %d/%d", i+1, spans), Priority: 1, Payload: part,
			Weight: max(1, int64(weightTranscode-5)/int64(spans)),
		})
	}
	return tasks
}

func spanNumber(p codec.Plan, i int) int {
	if len(p.Spans) == 0 {
		return -1
	}
	return i
}

// plan reads the plan that a task carries out.
func (e *Env) plan(ctx context.Context, t catalog.Task) (MakePayload, codec.Plan, error) {
	var p codec.Plan
	payload, err := decodePayload[MakePayload](t)
	if err != nil {
		return payload, p, err
	}
	if err := e.getJSON(ctx, payload.PlanKey, &p); err != nil {
		return payload, p, codec.NewError(codec.SourceIO, string(t.Stage), "", err)
	}
	if p.Version != codec.PlanVersion {
		return payload, p, errors.New("the plan was made by another version of sluice: plan the entry anew")
	}
	return payload, p, nil
}
