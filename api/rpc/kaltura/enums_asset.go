package kaltura

import "sluice/api/rpc"

// FlavorAssetStatus is the state of a flavor.
type FlavorAssetStatus int

var (
	flavorAssetStatuses = rpc.NewEnum("KalturaFlavorAssetStatus",
		"ERROR=-1 QUEUED=0 CONVERTING=1 READY=2 DELETED=3 NOT_APPLICABLE=4 TEMP=5 WAIT_FOR_CONVERT=6 IMPORTING=7 VALIDATING=8 EXPORTING=9")
	captionAssetStatuses = rpc.NewEnum("KalturaCaptionAssetStatus", assetStatuses)
	captionTypes         = rpc.NewEnum("KalturaCaptionType", "SRT=1 DFXP=2 WEBVTT=3 CAP=4 SCC=5")
	captionSources       = rpc.NewEnum("KalturaCaptionSource", "UNKNOWN=0 ZOOM=1 WEBEX=2")
	captionUsages        = rpc.NewEnum("KalturaCaptionAssetUsage", "CAPTION=0 EXTENDED_AUDIO_DESCRIPTION=1")
	attachmentTypes      = rpc.NewEnum("KalturaAttachmentType", "TEXT=1 MEDIA=2 DOCUMENT=3 JSON=4 MARKDOWN=5")
	containerFormats     = rpc.NewEnum("KalturaContainerFormat", same("flv mp4 avi mov mp3 3gp ogg ogv wmv wma ismv isma mkv webm mpeg mpegts m2ts "+
		"applehttp wav hls m4v mxf copy swf pdf bmp png jpg wvm bif"))
	videoCodecs = rpc.NewEnum("KalturaVideoCodec", "NONE= "+same("vp6 h263 h264 h264b h264m h264h flv mpeg4 theora wmv2 wmv3 wvc1a vp8 mpeg2 apco apcs "+
		"apcn apch dnxhd dv vp9 h265 av1 copy"))
	audioCodecs        = rpc.NewEnum("KalturaAudioCodec", "NONE= "+same("mp3 aac aache vorbis wma wmapro amrnb mpeg2 ac3 eac3 pcm opus copy"))
	mediaParserTypes   = rpc.NewEnum("KalturaMediaParserType", "MEDIAINFO=0 FFMPEG=1")
	readyBehaviors     = rpc.NewEnum("KalturaFlavorReadyBehaviorType", "NO_IMPACT=0 REQUIRED=1 OPTIONAL=2")
	assetParamsOrigins = rpc.NewEnum("KalturaAssetParamsOrigin", "CONVERT=0 INGEST=1 CONVERT_WHEN_MISSING=2")
	profileStatuses    = rpc.NewEnum("KalturaConversionProfileStatus", "DISABLED=1 ENABLED=2 DELETED=3")
	profileTypes       = rpc.NewEnum("KalturaConversionProfileType", "MEDIA=1 LIVE_STREAM=2")
	thumbCropTypes     = rpc.NewEnum("KalturaThumbCropType", "RESIZE=1 RESIZE_WITH_PADDING=2 CROP=3 CROP_FROM_TOP=4 RESIZE_WITH_FORCE=5")
	thumbAssetStatuses = rpc.NewEnum("KalturaThumbAssetStatus", assetStatuses)
	attachmentStatuses = rpc.NewEnum("KalturaAttachmentAssetStatus", assetStatuses)
)

const assetStatuses = "ERROR=-1 QUEUED=0 CAPTURING=1 READY=2 DELETED=3 IMPORTING=7 EXPORTING=9"

// Enum types of assets and their parameters; texts are the protocol's dynamic enums.
type (
	CaptionAssetStatus    int
	ThumbAssetStatus      int
	AttachmentAssetStatus int
	CaptionType           string
	CaptionSource         string
	CaptionAssetUsage     string
	AttachmentType        string
	ContainerFormat       string
	VideoCodec            string
	AudioCodec            string
	MediaParserType       string
	ReadyBehavior         int
	AssetParamsOrigin     int
	ProfileStatus         string
	ProfileType           string
	ThumbCropType         int
)

// Enum implements rpc.Enumerated, here and below.
func (FlavorAssetStatus) Enum() *rpc.Enum { return flavorAssetStatuses }

func (CaptionAssetStatus) Enum() *rpc.Enum    { return captionAssetStatuses }
func (ThumbAssetStatus) Enum() *rpc.Enum      { return thumbAssetStatuses }
func (AttachmentAssetStatus) Enum() *rpc.Enum { return attachmentStatuses }
func (CaptionType) Enum() *rpc.Enum           { return captionTypes }
func (CaptionSource) Enum() *rpc.Enum         { return captionSources }
func (CaptionAssetUsage) Enum() *rpc.Enum     { return captionUsages }
func (AttachmentType) Enum() *rpc.Enum        { return attachmentTypes }
func (ContainerFormat) Enum() *rpc.Enum       { return containerFormats }
func (VideoCodec) Enum() *rpc.Enum            { return videoCodecs }
func (AudioCodec) Enum() *rpc.Enum            { return audioCodecs }
func (MediaParserType) Enum() *rpc.Enum       { return mediaParserTypes }
func (ReadyBehavior) Enum() *rpc.Enum         { return readyBehaviors }
func (AssetParamsOrigin) Enum() *rpc.Enum     { return assetParamsOrigins }
func (ProfileStatus) Enum() *rpc.Enum         { return profileStatuses }
func (ProfileType) Enum() *rpc.Enum           { return profileTypes }
func (ThumbCropType) Enum() *rpc.Enum         { return thumbCropTypes }
