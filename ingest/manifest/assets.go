package manifest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"sluice/catalog"
	"sluice/ingest/content"
)

// assetPlan is an asset to be made, changed or deleted.
type assetPlan struct {
	// id is the one there is; "" makes a new one.
	id  catalog.AssetID
	new catalog.Asset
	set func(*catalog.Asset)
	// src is its content; nil leaves what there is.
	src content.Source
	// alone makes it the only default of its kind.
	alone  bool
	remove bool
	// cue is the index of the cue point that the picture belongs to, -1 for none.
	cue int
}

// addedName begins the names of assets that came with documents, before job, item and number: the same asset is never made twice.
const addedName = "bulk-"

// content finds the files of the entry itself: its original, or renditions.
func (a *applier) content(ctx context.Context, it *Item, p *plan) error {
	block := it.get("contentAssets")
	if block == nil {
		return nil
	}
	update := p.action == catalog.BulkUpdate && it.oneAction() == "update"
	seen := map[int64]bool{}
	for _, n := range block.all("content") {
		params, err := a.params(ctx, it, p, n, "flavorParamsId", "flavorParams")
		if err != nil {
			return err
		}
		id := n.text("assetId")
		if id != "" || update && params != 0 {
			if err := a.flavor(ctx, it, p, n, id, params); err != nil {
				return err
			}
			continue
		}
		if n.get("assetInfo") != nil {
			it.wrong(n, codeMissing, "assetInfo needs the attribute assetId of content")
			continue
		}
		if seen[params] {
			it.wrong(n, codeInvalid, "two contents stand for the same flavor: give them different flavorParamsId")
			continue
		}
		seen[params] = true
		src, err := a.resource(ctx, it, p, n)
		if err != nil {
			return err
		}
		if src != nil {
			p.parts = append(p.parts, content.Part{Source: src, AssetParams: params})
		}
		a.streams(p, n)
	}
	return nil
}

// oneAction is what happens to the content that there is: contentAssets and thumbnails say the same, or one says it for both.
func (it *Item) oneAction() string {
	if s := it.text("contentAssets", "action"); s != "" {
		return s
	}
	if s := it.text("thumbnails", "action"); s != "" {
		return s
	}
	return "replace"
}

// resource finds the content that a node's resource names, if it has one.
func (a *applier) resource(ctx context.Context, it *Item, p *plan, n *Node) (content.Source, error) {
	res := n.resource()
	if res == nil {
		return nil, nil
	}
	return a.source(ctx, it, p, res)
}

// streams are what the document says of the streams of the file.
func (a *applier) streams(p *plan, n *Node) {
	var out []catalog.EntryStream
	index := func(s *Node, name string) *int {
		if s.get(name) == nil {
			return nil
		}
		return new(int(number(s.text(name))))
	}
	for _, s := range n.get("streams").all("stream") {
		out = append(out, catalog.EntryStream{
			Type: s.text("type"), TrackIndex: index(s, "trackIndex"), Language: s.text("language"), ChannelIndex: index(s, "channelIndex"),
			Label: s.text("label"), ChannelLayout: s.text("channelLayout"),
		})
	}
	if len(out) > 0 {
		p.edit(func(e *catalog.Entry) { e.Details.Streams = out })
	}
}

// flavor is a rendition of the entry: one there is, by its id or its parameters, or one more.
func (a *applier) flavor(ctx context.Context, it *Item, p *plan, n *Node, id string, params int64) error {
	have, err := a.have(ctx, p, catalog.AssetFlavor)
	if err != nil {
		return err
	}
	plan := assetPlan{cue: -1, new: catalog.Asset{Type: catalog.AssetFlavor, ParamsID: params, Status: catalog.AssetQueued}}
	i := slices.IndexFunc(have, func(as catalog.Asset) bool {
		return id != "" && string(as.ID) == id || id == "" && !as.Original && as.ParamsID == params
	})
	if i >= 0 {
		plan.id = have[i].ID
	} else if id != "" {
		it.wrong(n, codeInvalid, "the entry has no flavor %q", id)
		return nil
	}
	info, tags := n.get("assetInfo"), n.get("tags")
	if info != nil && id == "" {
		it.wrong(n, codeMissing, "assetInfo needs the attribute assetId of content")
		return nil
	}
	language := a.language(it, info.orNil("language"))
	plan.set = func(as *catalog.Asset) {
		if tags != nil {
			as.Details.Tags = tags.texts("tag")
		}
		if language != "" {
			as.Language = language
		}
		if l := info.orNil("label"); l != nil {
			as.Title = l.Text
		}
	}
	if plan.src, err = a.resource(ctx, it, p, n); err != nil {
		return err
	}
	p.assets = append(p.assets, plan)
	return nil
}

// orNil is get that bears a missing node.
func (n *Node) orNil(name string) *Node {
	if n == nil {
		return nil
	}
	return n.get(name)
}

// have are the assets of the entry's present version.
func (a *applier) have(ctx context.Context, p *plan, typ catalog.AssetType) ([]catalog.Asset, error) {
	if p.entry.ID == "" {
		return nil, nil
	}
	list, err := a.Catalog.Assets(ctx, p.entry.ID, typ)
	return slices.DeleteFunc(list, func(as catalog.Asset) bool { return as.Version != p.entry.Version }), err
}

// language is the code of a language that a node names; "" for none.
func (a *applier) language(it *Item, n *Node) string {
	if n == nil || n.Text == "" {
		return ""
	}
	if a.Language == nil {
		return n.Text
	}
	code, ok := a.Language(n.Text)
	if !ok {
		it.wrong(n, codeInvalid, "%q is not a language", n.Text)
	}
	return code
}

// side is what captions, pictures and attachments have in common.
type side struct {
	typ   catalog.AssetType
	block string // of the document
	each  string
	id    string // attribute that names one there is
	kind  string
}

// sides plans the assets of a block; fill sets what only one type has.
func (a *applier) sides(ctx context.Context, it *Item, p *plan, s side, fill func(n *Node, plan *assetPlan) error) error {
	for _, block := range it.all(s.block) {
		have, err := a.have(ctx, p, s.typ)
		if err != nil {
			return err
		}
		action := block.text("action")
		if action == "replace" || action == "" && s.typ == catalog.AssetThumb && p.action == catalog.BulkUpdate && it.oneAction() == "replace" {
			p.clears = append(p.clears, s.typ)
		}
		for _, n := range block.all(s.each) {
			plan := assetPlan{cue: -1, remove: action == "delete", new: catalog.Asset{Type: s.typ, Kind: s.kind, Status: catalog.AssetQueued}}
			if id := n.text(s.id); id != "" {
				if !slices.ContainsFunc(have, func(as catalog.Asset) bool { return string(as.ID) == id }) {
					it.wrong(n, codeInvalid, "the entry has no %s %q", s.each, id)
					continue
				}
				plan.id = catalog.AssetID(id)
			}
			if plan.remove && plan.id == "" {
				it.wrong(n, codeMissing, "to delete, %s needs attribute %s", s.each, s.id)
				continue
			}
			if plan.id == "" && n.resource() == nil {
				it.wrong(n, codeMissing, "a new %s needs content", s.each)
				continue
			}
			if err := fill(n, &plan); err != nil {
				return err
			}
			if plan.src, err = a.resource(ctx, it, p, n); err != nil {
				return err
			}
			p.assets = append(p.assets, plan)
		}
	}
	return nil
}

func (a *applier) thumbnails(ctx context.Context, it *Item, p *plan) error {
	s := side{catalog.AssetThumb, "thumbnails", "thumbnail", "assetId", "image"}
	return a.sides(ctx, it, p, s, func(n *Node, plan *assetPlan) error {
		if n.text("thumbParams") != "" {
			it.wrong(n, codeInvalid, "there are no thumbnail params %q", n.text("thumbParams"))
		}
		plan.alone = truth(n.text("isDefault"))
		plan.set = func(as *catalog.Asset) {
			if t := n.get("tags"); t != nil {
				as.Details.Tags = t.texts("tag")
			}
			if n.get("isDefault") != nil {
				as.Default = truth(n.text("isDefault"))
			}
			if id := n.get("thumbParamsId"); id != nil {
				as.ParamsID = number(id.Text)
			}
		}
		return nil
	})
}

func truth(s string) bool { return s == "true" || s == "1" }

// captionFormats are the wire's numbers of the words for formats, and the containers of both.
var captionFormats = map[string]struct{ format, container string }{
	"1": {"1", "srt"}, "srt": {"1", "srt"}, "2": {"2", "ttml"}, "dfxp": {"2", "ttml"}, "3": {"3", "vtt"}, "vtt": {"3", "vtt"}, "webvtt": {"3", "vtt"},
	"4": {"4", "cap"}, "cap": {"4", "cap"}, "5": {"5", "scc"}, "scc": {"5", "scc"},
}

// captionFormat is the format of a caption: as given, else by the name of its file, else SRT.
func captionFormat(n *Node) string {
	if f := n.text("format"); f != "" {
		return f
	}
	if res := n.resource(); res != nil {
		name := res.text("filePath") + res.text("url")
		name, _, _ = strings.Cut(name, "?")
		switch ext := strings.TrimPrefix(strings.ToLower(path.Ext(name)), "."); ext {
		case "vtt", "scc", "cap", "dfxp":
			return ext
		case "ttml", "xml":
			return "dfxp"
		}
	}
	return "srt"
}

func (a *applier) captions(ctx context.Context, it *Item, p *plan) error {
	s := side{catalog.AssetCaption, "subTitles", "subTitle", "captionAssetId", "text"}
	return a.sides(ctx, it, p, s, func(n *Node, plan *assetPlan) error {
		if n.text("captionParams") != "" {
			it.wrong(n, codeInvalid, "there are no caption params %q", n.text("captionParams"))
		}
		language := a.language(it, n.get("lang"))
		fresh := plan.id == ""
		plan.alone = truth(n.text("isDefault"))
		plan.set = func(as *catalog.Asset) {
			if f := captionFormats[captionFormat(n)]; fresh || n.get("format") != nil {
				as.Details.Format, as.Container = f.format, f.container
			}
			if language != "" {
				as.Language = language
			} else if fresh {
				as.Language = "und"
			}
			if l := n.get("label"); l != nil {
				as.Title = l.Text
			}
			if n.get("isDefault") != nil {
				as.Default = truth(n.text("isDefault"))
			}
			if id := n.get("captionParamsId"); id != nil {
				as.ParamsID = number(id.Text)
			}
			if t := n.get("tags"); t != nil {
				as.Details.Tags = t.texts("tag")
			}
		}
		return nil
	})
}

func (a *applier) attachments(ctx context.Context, it *Item, p *plan) error {
	s := side{catalog.AssetAttachment, "attachments", "attachment", "attachmentAssetId", "file"}
	return a.sides(ctx, it, p, s, func(n *Node, plan *assetPlan) error {
		plan.set = func(as *catalog.Asset) {
			d := &as.Details
			if t := n.get("tags"); t != nil {
				d.Tags = t.texts("tag")
			}
			if f := n.get("format"); f != nil {
				d.Format = f.Text
			}
			if f := n.get("filename"); f != nil {
				d.FileName, d.FileExt = path.Base(f.Text), strings.TrimPrefix(strings.ToLower(path.Ext(f.Text)), ".")
			}
			if t := n.get("title"); t != nil {
				as.Title = t.Text
			}
			if t := n.get("description"); t != nil {
				d.Description = t.Text
			}
		}
		return nil
	})
}

// cueTypes are the types on the wire of the elements of scenes.
var cueTypes = map[string]string{
	"scene-ad-cue-point": "adCuePoint.Ad", "scene-annotation": "annotation.Annotation", "scene-code-cue-point": "codeCuePoint.Code",
	"scene-thumb-cue-point": "thumbCuePoint.Thumb", "scene-session-cue-point": "sessionCuePoint.Session",
}

// scenes are the cue points of the entry.
func (a *applier) scenes(ctx context.Context, it *Item, p *plan) error {
	for _, block := range it.all("scenes") {
		p.recue = p.recue || block.text("action") == "replace"
		for _, n := range block.kids {
			typ, ok := cueTypes[n.Name()]
			if !ok {
				continue
			}
			if err := a.scene(ctx, it, p, n, typ); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *applier) scene(ctx context.Context, it *Item, p *plan, n *Node, typ string) error {
	start, _ := parseClock(n.text("sceneStartTime"))
	end, _ := parseClock(n.text("sceneEndTime"))
	c := cuePlan{id: n.text("sceneId"), parent: n.text("parent"), node: n, point: catalog.CuePoint{
		Type: typ, Status: catalog.CuePointReady, StartMS: start.Milliseconds(), EndMS: end.Milliseconds(), User: n.text("userId"),
		Tags: strings.Join(n.get("tags").textsOrNil("tag"), ","), SystemName: n.text("systemName"), Parent: n.text("parentId"),
	}}
	if c.point.User == "" {
		c.point.User = a.job.User
	}
	if c.id != "" {
		old, err := a.Catalog.CuePoint(ctx, a.job.Account, c.id)
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return err
		}
		if old.Entry != p.entry.ID || old.Entry == "" || old.Type != typ {
			it.wrong(n, codeInvalid, "the entry has no %s %q", n.Name(), c.id)
			return nil
		}
	}
	if p.entry.DurationMS > 0 && c.point.StartMS > p.entry.DurationMS && len(p.parts) == 0 {
		it.wrong(n, codeInvalid, "%s begins after the end of the entry", n.Name())
	}
	c.point.More = more(n)
	p.cues = append(p.cues, c)
	if n.resource() == nil {
		return nil
	}
	src, err := a.resource(ctx, it, p, n)
	if err != nil || src == nil {
		return err
	}
	p.assets = append(p.assets, assetPlan{
		cue: len(p.cues) - 1, src: src, set: func(*catalog.Asset) {},
		new: catalog.Asset{Type: catalog.AssetThumb, Kind: "image", Status: catalog.AssetQueued},
	})
	return nil
}

func (n *Node) textsOrNil(name string) []string {
	if n == nil {
		return nil
	}
	return n.texts(name)
}

// more is what only one type of cue point has, as it is stored.
func more(n *Node) []byte {
	out := map[string]any{}
	for element, field := range map[string]string{
		"sceneTitle": "title", "title": "title", "description": "description", "code": "code", "sceneText": "text", "sourceUrl": "sourceUrl",
		"adType": "adType", "protocolType": "protocolType",
	} {
		if k := n.get(element); k != nil {
			out[field] = k.Text
		}
	}
	if k := n.get("subType"); k != nil {
		out["subType"] = number(k.Text)
	}
	return encode(out)
}

// assetName is the name of the asset that is the item's i-th.
func (a *applier) assetName(it *Item, i int) string {
	return fmt.Sprintf("%s%d-%d-%d", addedName, a.job.ID, it.Index, i)
}
