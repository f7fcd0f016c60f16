package kaltura

import (
	"strings"

	"sluice/api/rpc"
	"sluice/catalog"
)

// CaptionAsset is a caption file of an entry (§5.9 of the API contract).
type CaptionAsset struct {
	Asset
	CaptionParamsID         *int64              `k:"captionParamsId,io" f:"eq,in"`
	Language                *string             `k:"language"`
	LanguageCode            *string             `k:"languageCode,ro"`
	IsDefault               *rpc.NullBool       `k:"isDefault"`
	Label                   *string             `k:"label,max=255"`
	Format                  *CaptionType        `k:"format,io,text" f:"eq,in"`
	Source                  *CaptionSource      `k:"source,io,text" f:"eq,in"`
	Status                  *CaptionAssetStatus `k:"status,ro" f:"eq,in,notin"`
	ParentID                *string             `k:"parentId,io"`
	Accuracy                *int                `k:"accuracy,min=0,max=100"`
	DisplayOnPlayer         *bool               `k:"displayOnPlayer"`
	AssociatedTranscriptIDs *string             `k:"associatedTranscriptIds"`
	Usage                   *CaptionAssetUsage  `k:"usage,text" f:"eq,in"`
}

// Formats of captions on the wire.
const (
	CaptionSRT    = "1"
	CaptionDFXP   = "2"
	CaptionWebVTT = "3"
	CaptionSCC    = "5"
)

// captionContainers are the catalog's containers of the wire's formats.
var captionContainers = map[string]string{CaptionSRT: "srt", CaptionDFXP: "ttml", CaptionWebVTT: "vtt", "4": "cap", CaptionSCC: "scc"}

// CaptionContainer is the catalog's container of a format of the wire.
func CaptionContainer(format string) string { return captionContainers[format] }

// CaptionFormat is the format of a caption on the wire.
func CaptionFormat(a catalog.Asset) string {
	if a.Details.Format != "" {
		return a.Details.Format
	}
	for format, container := range captionContainers {
		if container == a.Container {
			return format
		}
	}
	return CaptionSRT
}

// Caption is an asset as a caption.
func Caption(a catalog.Asset) *CaptionAsset {
	d := a.Details
	c := &CaptionAsset{
		Asset: asset(a, a.Size), CaptionParamsID: new(a.ParamsID), Language: new(LanguageName(a.Language)), LanguageCode: new(a.Language),
		IsDefault: Bool(a.Default), Label: Opt(a.Title), Format: new(CaptionType(CaptionFormat(a))), Source: new(CaptionSource(orZero(d.Source))),
		Status: new(CaptionAssetStatus(a.Status)), ParentID: Opt(string(d.Parent)), Accuracy: Opt(int(d.Accuracy)),
		DisplayOnPlayer: new(!d.Hidden), AssociatedTranscriptIDs: Opt(d.Transcripts), Usage: new(CaptionAssetUsage(orZero(d.Usage))),
	}
	if c.FileExt == nil {
		c.FileExt = Opt(a.Container)
	}
	return c
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// Apply sets on a what a request says of it.
func (c *CaptionAsset) Apply(a *catalog.Asset) {
	d := &a.Details
	c.Details(d)
	if c.Language != nil {
		a.Language = LanguageCode(*c.Language)
	}
	if c.CaptionParamsID != nil {
		a.ParamsID = *c.CaptionParamsID
	}
	set(&a.Title, c.Label, c.Cleared("label"))
	if c.Format != nil {
		d.Format, a.Container = string(*c.Format), CaptionContainer(string(*c.Format))
	}
	if c.IsDefault != nil {
		a.Default = *c.IsDefault == rpc.True
	}
	if c.Source != nil {
		d.Source = string(*c.Source)
	}
	if c.Usage != nil {
		d.Usage = string(*c.Usage)
	}
	if c.ParentID != nil {
		d.Parent = catalog.AssetID(*c.ParentID)
	}
	if c.Accuracy != nil {
		d.Accuracy = float64(*c.Accuracy)
	}
	if c.DisplayOnPlayer != nil {
		d.Hidden = !*c.DisplayOnPlayer
	}
	set(&d.Transcripts, c.AssociatedTranscriptIDs, c.Cleared("associatedTranscriptIds"))
}

// AttachmentAsset is a file that goes with an entry (§5.10).
type AttachmentAsset struct {
	Asset
	FileName *string                `k:"filename"`
	Title    *string                `k:"title"`
	Format   *AttachmentType        `k:"format,text" f:"eq,in"`
	Status   *AttachmentAssetStatus `k:"status,ro" f:"eq,in,notin"`
}

// TextualAttachmentAsset is an attachment in a language.
type TextualAttachmentAsset struct {
	AttachmentAsset
	Language            *string `k:"language"`
	AssociatedCaptionID *string `k:"associatedCaptionId"`
}

// TranscriptAsset is the text of what is said.
type TranscriptAsset struct {
	TextualAttachmentAsset
	Accuracy     *float64 `k:"accuracy"`
	ProviderType *string  `k:"providerType"`
}

// Attachment is any class of attachment.
type Attachment interface {
	rpc.Class
	// Apply sets on an asset what a request says of it.
	Apply(a *catalog.Asset)
}

const (
	classTextual    = "textual"
	classTranscript = "transcript"
)

// AttachmentOf is an asset as the class of attachment it was made as.
func AttachmentOf(a catalog.Asset) Attachment {
	d := a.Details
	base := AttachmentAsset{
		Asset: asset(a, a.Size), FileName: Opt(d.FileName), Title: Opt(a.Title), Format: Opt(AttachmentType(d.Format)), Status: new(AttachmentAssetStatus(a.Status)),
	}
	if d.Class != classTextual && d.Class != classTranscript {
		return &base
	}
	text := TextualAttachmentAsset{AttachmentAsset: base, Language: new(LanguageName(a.Language)), AssociatedCaptionID: Opt(string(d.Parent))}
	if d.Class == classTextual {
		return &text
	}
	return &TranscriptAsset{TextualAttachmentAsset: text, Accuracy: Opt(d.Accuracy), ProviderType: Opt(d.Provider)}
}

// Apply implements Attachment.
func (t *AttachmentAsset) Apply(a *catalog.Asset) {
	t.Details(&a.Details)
	set(&a.Title, t.Title, t.Cleared("title"))
	set(&a.Details.FileName, t.FileName, t.Cleared("filename"))
	if t.FileName != nil && a.Details.FileExt == "" {
		if i := strings.LastIndexByte(*t.FileName, '.'); i > 0 && len(*t.FileName)-i <= 10 {
			a.Details.FileExt = strings.ToLower((*t.FileName)[i+1:])
		}
	}
	if t.Format != nil {
		a.Details.Format = string(*t.Format)
	}
}

// Apply implements Attachment.
func (t *TextualAttachmentAsset) Apply(a *catalog.Asset) {
	t.AttachmentAsset.Apply(a)
	a.Details.Class = classTextual
	if t.Language != nil {
		a.Language = LanguageCode(*t.Language)
	}
	if t.AssociatedCaptionID != nil {
		a.Details.Parent = catalog.AssetID(*t.AssociatedCaptionID)
	}
}

// Apply implements Attachment.
func (t *TranscriptAsset) Apply(a *catalog.Asset) {
	t.TextualAttachmentAsset.Apply(a)
	a.Details.Class = classTranscript
	if t.Accuracy != nil {
		a.Details.Accuracy = *t.Accuracy
	}
	set(&a.Details.Provider, t.ProviderType, t.Cleared("providerType"))
}
