package kaltura

import "sluice/api/rpc"

// FlavorParams says how to make a flavor (§5.7). Rates are kilobits a second.
type FlavorParams struct {
	AssetParams
	VideoCodec                          *VideoCodec      `k:"videoCodec"`
	VideoBitrate                        *int             `k:"videoBitrate,min=0,max=1000000"`
	AudioCodec                          *AudioCodec      `k:"audioCodec"`
	AudioBitrate                        *int             `k:"audioBitrate,min=0,max=1024"`
	AudioChannels                       *int             `k:"audioChannels,min=0,max=8"`
	AudioSampleRate                     *int             `k:"audioSampleRate,min=0,max=192000"`
	Width                               *int             `k:"width,min=0,max=8192"`
	Height                              *int             `k:"height,min=0,max=8192"`
	FrameRate                           *float64         `k:"frameRate"`
	GopSize                             *int             `k:"gopSize"`
	ConversionEngines                   *string          `k:"conversionEngines"`
	ConversionEnginesExtraParams        *string          `k:"conversionEnginesExtraParams"`
	TwoPass                             *bool            `k:"twoPass"`
	Deinterlice                         *int             `k:"deinterlice"`
	Rotate                              *int             `k:"rotate"`
	Operators                           *string          `k:"operators"`
	EngineVersion                       *int             `k:"engineVersion"`
	Format                              *ContainerFormat `k:"format" f:"eq"`
	AspectRatioProcessingMode           *int             `k:"aspectRatioProcessingMode"`
	ForceFrameToMultiplication16        *int             `k:"forceFrameToMultiplication16"`
	IsGopInSec                          *int             `k:"isGopInSec"`
	IsAvoidVideoShrinkFramesizeToSource *int             `k:"isAvoidVideoShrinkFramesizeToSource"`
	IsAvoidVideoShrinkBitrateToSource   *int             `k:"isAvoidVideoShrinkBitrateToSource"`
	IsVideoFrameRateForLowBrAppleHls    *int             `k:"isVideoFrameRateForLowBrAppleHls"`
	MultiStream                         *string          `k:"multiStream"`
	AnamorphicPixels                    *float64         `k:"anamorphicPixels"`
	IsAvoidForcedKeyFrames              *int             `k:"isAvoidForcedKeyFrames"`
	ForcedKeyFramesMode                 *int             `k:"forcedKeyFramesMode"`
	IsCropIMX                           *int             `k:"isCropIMX"`
	OptimizationPolicy                  *int             `k:"optimizationPolicy"`
	MaxFrameRate                        *int             `k:"maxFrameRate"`
	VideoConstantBitrate                *int             `k:"videoConstantBitrate"`
	VideoBitrateTolerance               *int             `k:"videoBitrateTolerance"`
	WatermarkData                       *string          `k:"watermarkData"`
	SubtitlesData                       *string          `k:"subtitlesData"`
	IsEncrypted                         *int             `k:"isEncrypted"`
	ContentAwareness                    *float64         `k:"contentAwareness"`
	ChunkedEncodeMode                   *int             `k:"chunkedEncodeMode"`
	ClipOffset                          *int             `k:"clipOffset"`
	ClipDuration                        *int             `k:"clipDuration"`
	CropData                            *string          `k:"cropData"`
	AudioLanguages                      *string          `k:"audioLanguages,ro"`
}

// ConversionProfile says which flavors an entry gets (§5.7).
type ConversionProfile struct {
	rpc.Object
	ID                        *int64                   `k:"id,ro" f:"eq,in"`
	PartnerID                 *int64                   `k:"partnerId,ro"`
	Status                    *ProfileStatus           `k:"status" f:"eq,in"`
	Type                      *ProfileType             `k:"type,io" f:"eq,in"`
	Name                      *string                  `k:"name,min=1,max=128" f:"eq"`
	SystemName                *string                  `k:"systemName,max=128" f:"eq,in"`
	Tags                      *string                  `k:"tags" f:"mlikeor,mlikeand"`
	Description               *string                  `k:"description,max=1024"`
	DefaultEntryID            *string                  `k:"defaultEntryId" f:"eq,in"`
	CreatedAt                 *rpc.Time                `k:"createdAt,ro" f:"order"`
	FlavorParamsIDs           *string                  `k:"flavorParamsIds"`
	IsDefault                 *rpc.NullBool            `k:"isDefault"`
	IsPartnerDefault          *bool                    `k:"isPartnerDefault,ro"`
	CropDimensions            *CropDimensions          `k:"cropDimensions"`
	ClipStart                 *int                     `k:"clipStart"`
	ClipDuration              *int                     `k:"clipDuration"`
	XSLTransformation         *string                  `k:"xslTransformation"`
	StorageProfileID          *int64                   `k:"storageProfileId"`
	MediaParserType           *string                  `k:"mediaParserType"`
	CalculateComplexity       *int                     `k:"calculateComplexity"`
	CollectionTags            *string                  `k:"collectionTags"`
	ConditionalProfiles       *string                  `k:"conditionalProfiles"`
	DetectGOP                 *int                     `k:"detectGOP"`
	MediaInfoXSLTransform     *string                  `k:"mediaInfoXslTransformation"`
	DefaultReplacementOptions *EntryReplacementOptions `k:"defaultReplacementOptions"`
	DefaultAudioLang          *string                  `k:"defaultAudioLang"`
	DeliveryTag               *string                  `k:"deliveryTag"`
}

// CropDimensions is an area to cut out.
type CropDimensions struct {
	rpc.Object
	Left   *int `k:"left"`
	Top    *int `k:"top"`
	Width  *int `k:"width"`
	Height *int `k:"height"`
}

// ConversionProfileAssetParams is what a profile says of one of its parameters.
type ConversionProfileAssetParams struct {
	rpc.Object
	ConversionProfileID *int64             `k:"conversionProfileId,ro" f:"eq,in"`
	AssetParamsID       *int64             `k:"assetParamsId,ro" f:"eq,in"`
	ReadyBehavior       *ReadyBehavior     `k:"readyBehavior" f:"eq,in"`
	Origin              *AssetParamsOrigin `k:"origin" f:"eq,in"`
	SystemName          *string            `k:"systemName" f:"eq,in"`
	ForceNoneComplied   *rpc.NullBool      `k:"forceNoneComplied"`
	DeletePolicy        *int               `k:"deletePolicy"`
	IsEncrypted         *rpc.NullBool      `k:"isEncrypted"`
	ContentAwareness    *float64           `k:"contentAwareness"`
	ChunkedEncodeMode   *int               `k:"chunkedEncodeMode"`
	TwoPass             *rpc.NullBool      `k:"twoPass"`
	Tags                *string            `k:"tags"`
	OverloadParams      *string            `k:"overloadParams"`
}

// MediaInfo is what the probe found out about a flavor (§5.7).
type MediaInfo struct {
	rpc.Object
	ID                 *int64   `k:"id,ro"`
	FlavorAssetID      *string  `k:"flavorAssetId" f:"eq"`
	FileSize           *int64   `k:"fileSize"` // kilobytes
	ContainerFormat    *string  `k:"containerFormat"`
	ContainerID        *string  `k:"containerId"`
	ContainerProfile   *string  `k:"containerProfile"`
	ContainerDuration  *int64   `k:"containerDuration"` // milliseconds
	ContainerBitRate   *int64   `k:"containerBitRate"`  // kilobits a second
	VideoFormat        *string  `k:"videoFormat"`
	VideoCodecID       *string  `k:"videoCodecId"`
	VideoDuration      *int64   `k:"videoDuration"`
	VideoBitRate       *int64   `k:"videoBitRate"`
	VideoBitRateMode   *int     `k:"videoBitRateMode"`
	VideoWidth         *int     `k:"videoWidth"`
	VideoHeight        *int     `k:"videoHeight"`
	VideoFrameRate     *float64 `k:"videoFrameRate"`
	VideoDar           *float64 `k:"videoDar"`
	VideoRotation      *int     `k:"videoRotation"`
	AudioFormat        *string  `k:"audioFormat"`
	AudioCodecID       *string  `k:"audioCodecId"`
	AudioDuration      *int64   `k:"audioDuration"`
	AudioBitRate       *int64   `k:"audioBitRate"`
	AudioBitRateMode   *int     `k:"audioBitRateMode"`
	AudioChannels      *int     `k:"audioChannels"`
	AudioSamplingRate  *int     `k:"audioSamplingRate"`
	AudioResolution    *int     `k:"audioResolution"`
	WritingLib         *string  `k:"writingLib"`
	RawData            *string  `k:"rawData"`
	MultiStreamInfo    *string  `k:"multiStreamInfo"`
	ScanType           *int     `k:"scanType"` // 0 progressive, 1 interlaced
	MultiStream        *string  `k:"multiStream"`
	IsFastStart        *int     `k:"isFastStart"`
	ContentStreams     *string  `k:"contentStreams"` // JSON
	ComplexityValue    *int     `k:"complexityValue"`
	MaxGOP             *float64 `k:"maxGOP"` // seconds
	MatrixCoefficients *string  `k:"matrixCoefficients"`
	ColorTransfer      *string  `k:"colorTransfer"`
	ColorPrimaries     *string  `k:"colorPrimaries"`
	ColorSpace         *string  `k:"colorSpace"`
	PixelFormat        *string  `k:"pixelFormat"`
	ChromaSubsampling  *string  `k:"chromaSubsampling"`
	BitsDepth          *int     `k:"bitsDepth"`
}
