package kaltura

import (
	"encoding/json"

	"sluice/api/rpc"
	"sluice/catalog"
)

// videoCodecNames are the wire's video codecs as the catalog's codec and H.264 profile. What is not here cannot be made.
var videoCodecNames = map[VideoCodec]struct{ codec, profile string }{
	"h264": {"h264", ""}, "h264b": {"h264", "baseline"}, "h264m": {"h264", "main"}, "h264h": {"h264", "high"},
	"h265": {"hevc", ""}, "vp9": {"vp9", ""}, "av1": {"av1", ""}, "": {},
}

// audioCodecNames are the wire's audio codecs as the catalog's.
var audioCodecNames = map[AudioCodec]string{"aac": "aac", "opus": "opus", "": ""}

// moreParams are the fields of flavor parameters that nothing goes by: kept and shown.
type moreParams struct {
	FrameRate                 *float64 `json:"frameRate,omitempty"`
	GopSize                   *int     `json:"gopSize,omitempty"`
	AudioSampleRate           *int     `json:"audioSampleRate,omitempty"`
	TwoPass                   *bool    `json:"twoPass,omitempty"`
	Deinterlice               *int     `json:"deinterlice,omitempty"`
	Rotate                    *int     `json:"rotate,omitempty"`
	Engines                   *string  `json:"conversionEngines,omitempty"`
	EnginesExtra              *string  `json:"conversionEnginesExtraParams,omitempty"`
	Operators                 *string  `json:"operators,omitempty"`
	EngineVersion             *int     `json:"engineVersion,omitempty"`
	AspectRatioProcessingMode *int     `json:"aspectRatioProcessingMode,omitempty"`
	MultiStream               *string  `json:"multiStream,omitempty"`
	MaxFrameRate              *int     `json:"maxFrameRate,omitempty"`
	WatermarkData             *string  `json:"watermarkData,omitempty"`
	SubtitlesData             *string  `json:"subtitlesData,omitempty"`
	IsEncrypted               *int     `json:"isEncrypted,omitempty"`
	ContentAwareness          *float64 `json:"contentAwareness,omitempty"`
	ChunkedEncodeMode         *int     `json:"chunkedEncodeMode,omitempty"`
	ClipOffset                *int     `json:"clipOffset,omitempty"`
	ClipDuration              *int     `json:"clipDuration,omitempty"`
	CropData                  *string  `json:"cropData,omitempty"`
	SourceAssetParamsIDs      *string  `json:"sourceAssetParamsIds,omitempty"`
	MediaParserType           *string  `json:"mediaParserType,omitempty"`
	AvoidShrinkFrame          *int     `json:"isAvoidVideoShrinkFramesizeToSource,omitempty"`
	AvoidShrinkRate           *int     `json:"isAvoidVideoShrinkBitrateToSource,omitempty"`
	ForceMultiplication16     *int     `json:"forceFrameToMultiplication16,omitempty"`
	IsGopInSec                *int     `json:"isGopInSec,omitempty"`
	LowFrameRateHLS           *int     `json:"isVideoFrameRateForLowBrAppleHls,omitempty"`
	AnamorphicPixels          *float64 `json:"anamorphicPixels,omitempty"`
	AvoidForcedKeyFrames      *int     `json:"isAvoidForcedKeyFrames,omitempty"`
	ForcedKeyFramesMode       *int     `json:"forcedKeyFramesMode,omitempty"`
	CropIMX                   *int     `json:"isCropIMX,omitempty"`
	OptimizationPolicy        *int     `json:"optimizationPolicy,omitempty"`
	ConstantBitrate           *int     `json:"videoConstantBitrate,omitempty"`
	BitrateTolerance          *int     `json:"videoBitrateTolerance,omitempty"`
	SourceRemoteStorage       *int64   `json:"sourceRemoteStorageProfileId,omitempty"`
	RemoteStorages            *int64   `json:"remoteStorageProfileIds,omitempty"`
	RequiredPermissions       []string `json:"requiredPermissions,omitempty"`
}

// Params is the catalog's flavor parameters as a class.
func Params(p catalog.FlavorParams) *FlavorParams {
	var m moreParams
	if len(p.More) > 0 {
		_ = json.Unmarshal(p.More, &m) // written by Apply
	}
	f := &FlavorParams{
		AssetParams: AssetParams{
			ID: new(p.ID), PartnerID: new(int64(p.Account)), Name: new(p.Name), SystemName: Opt(p.SystemName), Description: Opt(p.Description),
			CreatedAt: At(p.CreatedAt.Time()), IsSystemDefault: Bool(p.Account == 0), Tags: new(p.Tags),
			SourceAssetParamsIDs: m.SourceAssetParamsIDs, MediaParserType: m.MediaParserType, RequiredPermissions: textsOf(m.RequiredPermissions),
			SourceRemoteStorage: m.SourceRemoteStorage, RemoteStorages: m.RemoteStorages,
		},
		VideoCodec: new(videoCodec(p)), VideoBitrate: new(int(p.VideoRate / 1000)), AudioCodec: new(AudioCodec(p.AudioCodec)),
		AudioBitrate: new(int(p.AudioRate / 1000)), AudioChannels: new(p.AudioChannels), AudioSampleRate: m.AudioSampleRate,
		Width: new(p.Width), Height: new(p.Height), FrameRate: m.FrameRate, GopSize: m.GopSize, TwoPass: m.TwoPass, Deinterlice: m.Deinterlice,
		Rotate: m.Rotate, ConversionEngines: m.Engines, ConversionEnginesExtraParams: m.EnginesExtra, Operators: m.Operators,
		EngineVersion: m.EngineVersion, Format: Opt(ContainerFormat(p.Format)), AspectRatioProcessingMode: m.AspectRatioProcessingMode,
		MultiStream: m.MultiStream, MaxFrameRate: m.MaxFrameRate, WatermarkData: m.WatermarkData, SubtitlesData: m.SubtitlesData,
		IsEncrypted: m.IsEncrypted, ContentAwareness: m.ContentAwareness, ChunkedEncodeMode: m.ChunkedEncodeMode, ClipOffset: m.ClipOffset,
		ClipDuration: m.ClipDuration, CropData: m.CropData, IsAvoidVideoShrinkFramesizeToSource: m.AvoidShrinkFrame,
		IsAvoidVideoShrinkBitrateToSource: m.AvoidShrinkRate, ForceFrameToMultiplication16: m.ForceMultiplication16, IsGopInSec: m.IsGopInSec,
		IsVideoFrameRateForLowBrAppleHls: m.LowFrameRateHLS, AnamorphicPixels: m.AnamorphicPixels, IsAvoidForcedKeyFrames: m.AvoidForcedKeyFrames,
		ForcedKeyFramesMode: m.ForcedKeyFramesMode, IsCropIMX: m.CropIMX, OptimizationPolicy: m.OptimizationPolicy, VideoConstantBitrate: m.ConstantBitrate, VideoBitrateTolerance: m.BitrateTolerance,
	}
	return f
}

func videoCodec(p catalog.FlavorParams) VideoCodec {
	for wire, c := range videoCodecNames {
		if c.codec == p.VideoCodec && c.profile == p.Profile {
			return wire
		}
	}
	return VideoCodec(p.VideoCodec)
}

// Apply sets on p what a request says of it. Codecs that cannot be made are refused.
func (f *FlavorParams) Apply(p *catalog.FlavorParams) error {
	if f.VideoCodec != nil {
		c, ok := videoCodecNames[*f.VideoCodec]
		if !ok {
			return rpc.E("PROPERTY_VALIDATION_WRONG_FORMAT", "PROP_NAME", "KalturaFlavorParams::videoCodec", "FORMAT", "h264, h264b, h264m, h264h, h265, vp9 or av1")
		}
		p.VideoCodec, p.Profile = c.codec, c.profile
	}
	if f.AudioCodec != nil {
		c, ok := audioCodecNames[*f.AudioCodec]
		if !ok {
			return rpc.E("PROPERTY_VALIDATION_WRONG_FORMAT", "PROP_NAME", "KalturaFlavorParams::audioCodec", "FORMAT", "aac or opus")
		}
		p.AudioCodec = c
	}
	set(&p.Name, f.Name, false)
	set(&p.SystemName, f.SystemName, f.Cleared("systemName"))
	set(&p.Description, f.Description, f.Cleared("description"))
	set(&p.Tags, f.Tags, f.Cleared("tags"))
	set(&p.Width, f.Width, f.Cleared("width"))
	set(&p.Height, f.Height, f.Cleared("height"))
	set(&p.AudioChannels, f.AudioChannels, false)
	if f.VideoBitrate != nil {
		p.VideoRate = int64(*f.VideoBitrate) * 1000
	}
	if f.AudioBitrate != nil {
		p.AudioRate = int64(*f.AudioBitrate) * 1000
	}
	if f.Format != nil {
		p.Format = string(*f.Format)
	}
	var m moreParams
	if len(p.More) > 0 {
		if err := json.Unmarshal(p.More, &m); err != nil {
			return err
		}
	}
	f.keep(&m)
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	p.More = b
	return nil
}

// keep sets on m what a request says of the fields that nothing goes by.
func (f *FlavorParams) keep(m *moreParams) {
	keep(&m.FrameRate, f.FrameRate)
	keep(&m.GopSize, f.GopSize)
	keep(&m.AudioSampleRate, f.AudioSampleRate)
	keep(&m.TwoPass, f.TwoPass)
	keep(&m.Deinterlice, f.Deinterlice)
	keep(&m.Rotate, f.Rotate)
	keep(&m.Engines, f.ConversionEngines)
	keep(&m.EnginesExtra, f.ConversionEnginesExtraParams)
	keep(&m.Operators, f.Operators)
	keep(&m.EngineVersion, f.EngineVersion)
	keep(&m.AspectRatioProcessingMode, f.AspectRatioProcessingMode)
	keep(&m.MultiStream, f.MultiStream)
	keep(&m.MaxFrameRate, f.MaxFrameRate)
	keep(&m.WatermarkData, f.WatermarkData)
	keep(&m.SubtitlesData, f.SubtitlesData)
	keep(&m.IsEncrypted, f.IsEncrypted)
	keep(&m.ContentAwareness, f.ContentAwareness)
	keep(&m.ChunkedEncodeMode, f.ChunkedEncodeMode)
	keep(&m.ClipOffset, f.ClipOffset)
	keep(&m.ClipDuration, f.ClipDuration)
	keep(&m.CropData, f.CropData)
	keep(&m.SourceAssetParamsIDs, f.SourceAssetParamsIDs)
	keep(&m.MediaParserType, f.MediaParserType)
	keep(&m.AvoidShrinkFrame, f.IsAvoidVideoShrinkFramesizeToSource)
	keep(&m.AvoidShrinkRate, f.IsAvoidVideoShrinkBitrateToSource)
	keep(&m.ForceMultiplication16, f.ForceFrameToMultiplication16)
	keep(&m.IsGopInSec, f.IsGopInSec)
	keep(&m.LowFrameRateHLS, f.IsVideoFrameRateForLowBrAppleHls)
	keep(&m.AnamorphicPixels, f.AnamorphicPixels)
	keep(&m.AvoidForcedKeyFrames, f.IsAvoidForcedKeyFrames)
	keep(&m.ForcedKeyFramesMode, f.ForcedKeyFramesMode)
	keep(&m.CropIMX, f.IsCropIMX)
	keep(&m.OptimizationPolicy, f.OptimizationPolicy)
	keep(&m.ConstantBitrate, f.VideoConstantBitrate)
	keep(&m.BitrateTolerance, f.VideoBitrateTolerance)
	keep(&m.SourceRemoteStorage, f.SourceRemoteStorage)
	keep(&m.RemoteStorages, f.RemoteStorages)
	if f.RequiredPermissions != nil {
		m.RequiredPermissions = nil
		for _, s := range f.RequiredPermissions {
			m.RequiredPermissions = append(m.RequiredPermissions, Value(s.Value))
		}
	}
}

// textsOf is a list of texts on the wire; none without any.
func textsOf(list []string) []*String {
	var out []*String
	for _, s := range list {
		out = append(out, &String{Value: new(s)})
	}
	return out
}

func keep[T any](dst **T, sent *T) {
	if sent != nil {
		*dst = sent
	}
}

// moreProfile are the fields of a conversion profile that nothing goes by.
type moreProfile struct {
	CropDimensions      *cropDimension `json:"cropDimensions,omitempty"`
	ClipStart           *int           `json:"clipStart,omitempty"`
	ClipDuration        *int           `json:"clipDuration,omitempty"`
	XSL                 *string        `json:"xslTransformation,omitempty"`
	StorageProfileID    *int64         `json:"storageProfileId,omitempty"`
	MediaParserType     *string        `json:"mediaParserType,omitempty"`
	CalculateComplexity *int           `json:"calculateComplexity,omitempty"`
	CollectionTags      *string        `json:"collectionTags,omitempty"`
	ConditionalProfiles *string        `json:"conditionalProfiles,omitempty"`
	DetectGOP           *int           `json:"detectGOP,omitempty"`
	MediaInfoXSL        *string        `json:"mediaInfoXslTransformation,omitempty"`
	DeliveryTag         *string        `json:"deliveryTag,omitempty"`
	KeepThumbnails      *int           `json:"keepManualThumbnails,omitempty"`
}

type cropDimension struct{ Left, Top, Width, Height int }

// Profile is the catalog's conversion profile, with the ids of its parameters, as a class.
func Profile(p catalog.ConversionProfile, paramsIDs string) *ConversionProfile {
	var m moreProfile
	if len(p.More) > 0 {
		_ = json.Unmarshal(p.More, &m) // written by Apply
	}
	c := &ConversionProfile{
		ID: new(p.ID), PartnerID: new(int64(p.Account)), Status: new(ProfileStatus(itoa(p.Status))), Type: new(ProfileType(itoa(p.Type))),
		Name: new(p.Name), SystemName: Opt(p.SystemName), Tags: Opt(p.Tags), Description: Opt(p.Description), DefaultEntryID: Opt(p.DefaultEntry),
		CreatedAt: At(p.CreatedAt.Time()), FlavorParamsIDs: new(paramsIDs), IsDefault: Bool(p.Default), IsPartnerDefault: new(p.Default),
		ClipStart: m.ClipStart, ClipDuration: m.ClipDuration, XSLTransformation: m.XSL, StorageProfileID: m.StorageProfileID,
		MediaParserType: m.MediaParserType, CalculateComplexity: m.CalculateComplexity, CollectionTags: m.CollectionTags,
		ConditionalProfiles: m.ConditionalProfiles, DetectGOP: m.DetectGOP, MediaInfoXSLTransform: m.MediaInfoXSL,
		DefaultAudioLang: Opt(p.AudioLanguage), DeliveryTag: m.DeliveryTag,
	}
	if m.KeepThumbnails != nil {
		c.DefaultReplacementOptions = &EntryReplacementOptions{KeepManualThumbnails: m.KeepThumbnails}
	}
	if d := m.CropDimensions; d != nil {
		c.CropDimensions = &CropDimensions{Left: new(d.Left), Top: new(d.Top), Width: new(d.Width), Height: new(d.Height)}
	}
	return c
}

// Apply sets on p what a request says of it, save its parameters.
func (c *ConversionProfile) Apply(p *catalog.ConversionProfile) error {
	set(&p.Name, c.Name, false)
	set(&p.SystemName, c.SystemName, c.Cleared("systemName"))
	set(&p.Description, c.Description, c.Cleared("description"))
	set(&p.Tags, c.Tags, c.Cleared("tags"))
	set(&p.DefaultEntry, c.DefaultEntryID, c.Cleared("defaultEntryId"))
	set(&p.AudioLanguage, c.DefaultAudioLang, c.Cleared("defaultAudioLang"))
	if c.Status != nil {
		p.Status = atoi(string(*c.Status))
	}
	if c.Type != nil {
		p.Type = atoi(string(*c.Type))
	}
	if c.IsDefault != nil && *c.IsDefault == rpc.True { // only another default takes it away
		p.Default = true
	}
	var m moreProfile
	if len(p.More) > 0 {
		if err := json.Unmarshal(p.More, &m); err != nil {
			return err
		}
	}
	if d := c.CropDimensions; d != nil {
		m.CropDimensions = &cropDimension{Value(d.Left), Value(d.Top), Value(d.Width), Value(d.Height)}
	}
	keep(&m.ClipStart, c.ClipStart)
	keep(&m.ClipDuration, c.ClipDuration)
	keep(&m.XSL, c.XSLTransformation)
	keep(&m.StorageProfileID, c.StorageProfileID)
	keep(&m.MediaParserType, c.MediaParserType)
	keep(&m.CalculateComplexity, c.CalculateComplexity)
	keep(&m.CollectionTags, c.CollectionTags)
	keep(&m.ConditionalProfiles, c.ConditionalProfiles)
	keep(&m.DetectGOP, c.DetectGOP)
	keep(&m.MediaInfoXSL, c.MediaInfoXSLTransform)
	keep(&m.DeliveryTag, c.DeliveryTag)
	if o := c.DefaultReplacementOptions; o != nil {
		keep(&m.KeepThumbnails, o.KeepManualThumbnails)
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	p.More = b
	return nil
}

// moreProfileParams are the fields of a profile's parameters that nothing goes by.
type moreProfileParams struct {
	ForceNoneComplied *rpc.NullBool `json:"forceNoneComplied,omitempty"`
	DeletePolicy      *int          `json:"deletePolicy,omitempty"`
	IsEncrypted       *rpc.NullBool `json:"isEncrypted,omitempty"`
	ContentAwareness  *float64      `json:"contentAwareness,omitempty"`
	ChunkedEncodeMode *int          `json:"chunkedEncodeMode,omitempty"`
	TwoPass           *rpc.NullBool `json:"twoPass,omitempty"`
	Tags              *string       `json:"tags,omitempty"`
	OverloadParams    *string       `json:"overloadParams,omitempty"`
}

// ProfileParam is what a profile says of one of its parameters, as a class.
func ProfileParam(r catalog.ProfileParams) *ConversionProfileAssetParams {
	var m moreProfileParams
	if len(r.More) > 0 {
		_ = json.Unmarshal(r.More, &m) // written by Apply
	}
	return &ConversionProfileAssetParams{
		ConversionProfileID: new(r.Profile), AssetParamsID: new(r.Params), ReadyBehavior: new(ReadyBehavior(r.Ready)),
		Origin: new(AssetParamsOrigin(r.Origin)), SystemName: Opt(r.SystemName), ForceNoneComplied: m.ForceNoneComplied,
		DeletePolicy: m.DeletePolicy, IsEncrypted: m.IsEncrypted, ContentAwareness: m.ContentAwareness,
		ChunkedEncodeMode: m.ChunkedEncodeMode, TwoPass: m.TwoPass, Tags: m.Tags, OverloadParams: m.OverloadParams,
	}
}

// Apply sets on r what a request says of it.
func (c *ConversionProfileAssetParams) Apply(r *catalog.ProfileParams) error {
	if c.ReadyBehavior != nil {
		r.Ready = int(*c.ReadyBehavior)
	}
	if c.Origin != nil {
		r.Origin = int(*c.Origin)
	}
	set(&r.SystemName, c.SystemName, c.Cleared("systemName"))
	var m moreProfileParams
	if len(r.More) > 0 {
		if err := json.Unmarshal(r.More, &m); err != nil {
			return err
		}
	}
	hold(&m.ForceNoneComplied, c.ForceNoneComplied, c.Cleared("forceNoneComplied"))
	hold(&m.DeletePolicy, c.DeletePolicy, c.Cleared("deletePolicy"))
	hold(&m.IsEncrypted, c.IsEncrypted, c.Cleared("isEncrypted"))
	hold(&m.ContentAwareness, c.ContentAwareness, c.Cleared("contentAwareness"))
	hold(&m.ChunkedEncodeMode, c.ChunkedEncodeMode, c.Cleared("chunkedEncodeMode"))
	hold(&m.TwoPass, c.TwoPass, c.Cleared("twoPass"))
	hold(&m.Tags, c.Tags, c.Cleared("tags"))
	hold(&m.OverloadParams, c.OverloadParams, c.Cleared("overloadParams"))
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	r.More = b
	return nil
}
