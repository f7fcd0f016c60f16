package kaltura

import (
	"slices"
	"strings"

	"sluice/api/rpc"
	"sluice/catalog"
)

// ThumbAsset is a picture of an entry (§5.8).
type ThumbAsset struct {
	Asset
	ThumbParamsID *int64            `k:"thumbParamsId,io" f:"eq,in"`
	Width         *int              `k:"width,ro"`
	Height        *int              `k:"height,ro"`
	Status        *ThumbAssetStatus `k:"status,ro" f:"eq,in,notin"`
}

// TimedThumbAsset is a picture that belongs to a cue point.
type TimedThumbAsset struct {
	ThumbAsset
	CuePointID *string `k:"cuePointId,io"`
}

// TagDefaultThumb marks the picture that stands for the entry.
const TagDefaultThumb = "default_thumb"

// Thumb is any class of thumbnail.
type Thumb interface {
	rpc.Class
	// Apply sets on an asset what a request says of it.
	Apply(a *catalog.Asset)
}

// ThumbOf is an asset as a thumbnail.
func ThumbOf(a catalog.Asset) Thumb {
	t := ThumbAsset{
		Asset: asset(a, a.Size), ThumbParamsID: new(a.ParamsID), Width: new(a.Width), Height: new(a.Height), Status: new(ThumbAssetStatus(a.Status)),
	}
	tags := a.Details.Tags
	if a.Default && !slices.Contains(tags, TagDefaultThumb) {
		tags = append([]string{TagDefaultThumb}, tags...)
	}
	t.Tags = new(strings.Join(tags, ","))
	if t.FileExt == nil {
		t.FileExt = Opt(a.Container)
	}
	if a.Details.CuePoint != "" {
		return &TimedThumbAsset{ThumbAsset: t, CuePointID: new(a.Details.CuePoint)}
	}
	return &t
}

// Apply implements Thumb.
func (t *ThumbAsset) Apply(a *catalog.Asset) {
	t.Details(&a.Details)
	if t.Tags != nil {
		a.Details.Tags = slices.DeleteFunc(a.Details.Tags, func(s string) bool { return s == TagDefaultThumb })
	}
	if t.ThumbParamsID != nil {
		a.ParamsID = *t.ThumbParamsID
	}
}

// Apply implements Thumb.
func (t *TimedThumbAsset) Apply(a *catalog.Asset) {
	t.ThumbAsset.Apply(a)
	if t.CuePointID != nil {
		a.Details.CuePoint = *t.CuePointID
	}
}

// AssetParams is what parameters of flavors and thumbnails have in common (§5.7).
type AssetParams struct {
	rpc.Object
	ID                   *int64        `k:"id,ro" f:"eq,in"`
	PartnerID            *int64        `k:"partnerId"`
	Name                 *string       `k:"name,max=128"`
	SystemName           *string       `k:"systemName,max=128" f:"eq,in"`
	Description          *string       `k:"description,max=1024"`
	CreatedAt            *rpc.Time     `k:"createdAt,ro"`
	IsSystemDefault      *rpc.NullBool `k:"isSystemDefault,ro" f:"eq"`
	Tags                 *string       `k:"tags" f:"eq"`
	SourceAssetParamsIDs *string       `k:"sourceAssetParamsIds"`
	MediaParserType      *string       `k:"mediaParserType"`
	RequiredPermissions  []*String     `k:"requiredPermissions"`
	SourceRemoteStorage  *int64        `k:"sourceRemoteStorageProfileId"`
	RemoteStorages       *int64        `k:"remoteStorageProfileIds"`
}

// ThumbParams says how to make a thumbnail.
type ThumbParams struct {
	AssetParams
	CropType                *ThumbCropType   `k:"cropType"`
	Quality                 *int             `k:"quality,min=0,max=100"`
	CropX                   *int             `k:"cropX,min=0,max=10000"`
	CropY                   *int             `k:"cropY,min=0,max=10000"`
	CropWidth               *int             `k:"cropWidth,min=0,max=10000"`
	CropHeight              *int             `k:"cropHeight,min=0,max=10000"`
	VideoOffset             *float64         `k:"videoOffset"` // seconds
	Width                   *int             `k:"width,min=0,max=10000"`
	Height                  *int             `k:"height,min=0,max=10000"`
	ScaleWidth              *float64         `k:"scaleWidth"`
	ScaleHeight             *float64         `k:"scaleHeight"`
	BackgroundColor         *string          `k:"backgroundColor,max=6"`
	SourceParamsID          *int64           `k:"sourceParamsId"`
	Format                  *ContainerFormat `k:"format" f:"eq"`
	Density                 *int             `k:"density"`
	StripProfiles           *bool            `k:"stripProfiles"`
	VideoOffsetInPercentage *int             `k:"videoOffsetInPercentage,min=0,max=100"`
	Interval                *int             `k:"interval"`
}

// ThumbServeOptions say how a thumbnail is served.
type ThumbServeOptions struct {
	rpc.Object
	Download *bool   `k:"download"`
	Referrer *string `k:"referrer"`
}
