package kaltura

import (
	"cmp"

	"sluice/api/rpc"
	"sluice/catalog"
)

// AccessControlScope is what a client says of the request that rules are to be evaluated for.
type AccessControlScope struct {
	rpc.Object
	Referrer  *string              `k:"referrer"`
	IP        *string              `k:"ip"`
	KS        *string              `k:"ks"`
	UserAgent *string              `k:"userAgent"`
	Time      *rpc.Time            `k:"time"`
	Contexts  []*ContextTypeHolder `k:"contexts"`
	Hashes    []*KeyValue          `k:"hashes"`
}

// EntryContextDataParams chooses what of an entry is to be played.
type EntryContextDataParams struct {
	AccessControlScope
	FlavorAssetID *string `k:"flavorAssetId"`
	FlavorTags    *string `k:"flavorTags"`
	StreamerType  *string `k:"streamerType"`
	MediaProtocol *string `k:"mediaProtocol"`
}

// PlaybackContextOptions is EntryContextDataParams for getPlaybackContext.
type PlaybackContextOptions struct{ EntryContextDataParams }

// PlaybackSource is one way to play an entry.
type PlaybackSource struct {
	rpc.Object
	DeliveryProfileID *string                  `k:"deliveryProfileId"`
	Format            *string                  `k:"format"`
	Protocols         *string                  `k:"protocols"`
	FlavorIDs         *string                  `k:"flavorIds"`
	URL               *string                  `k:"url"`
	DRM               []*DrmPlaybackPluginData `k:"drm"`
}

// DrmPlaybackPluginData is how a source is decrypted.
type DrmPlaybackPluginData struct {
	rpc.Object
	Scheme     *string `k:"scheme"`
	LicenseURL *string `k:"licenseURL"`
}

// CaptionPlaybackPluginData is captions that a player offers.
type CaptionPlaybackPluginData struct {
	rpc.Object
	Label        *string       `k:"label"`
	Format       *CaptionType  `k:"format,text"`
	Language     *string       `k:"language"`
	LanguageCode *string       `k:"languageCode"`
	WebVttURL    *string       `k:"webVttUrl"`
	URL          *string       `k:"url"`
	IsDefault    *rpc.NullBool `k:"isDefault"`
}

// Bumper is what is played before an entry.
type Bumper struct {
	rpc.Object
	EntryID *string           `k:"entryId"`
	URL     *string           `k:"url"`
	Sources []*PlaybackSource `k:"sources"`
}

// AccessControlMessage tells a viewer why.
type AccessControlMessage struct {
	rpc.Object
	Message *string `k:"message"`
	Code    *string `k:"code"`
}

// PlaybackContext is everything that a player needs to play an entry.
type PlaybackContext struct {
	rpc.Object
	Sources              []*PlaybackSource            `k:"sources"`
	PlaybackCaptions     []*CaptionPlaybackPluginData `k:"playbackCaptions"`
	FlavorAssets         []*FlavorAsset               `k:"flavorAssets"`
	Actions              []RuleActor                  `k:"actions"`
	Messages             []*AccessControlMessage      `k:"messages"`
	BumperData           []*Bumper                    `k:"bumperData"`
	ActiveLiveStreamTime *rpc.Time                    `k:"activeLiveStreamTime"`
}

// ContextDataResult is what the older players ask for.
type ContextDataResult struct {
	rpc.Object
	Messages []*String   `k:"messages"`
	Actions  []RuleActor `k:"actions"`
}

// EntryContextDataResult is the same, for entries.
type EntryContextDataResult struct {
	ContextDataResult
	IsSiteRestricted      *bool                  `k:"isSiteRestricted"`
	IsCountryRestricted   *bool                  `k:"isCountryRestricted"`
	IsSessionRestricted   *bool                  `k:"isSessionRestricted"`
	IsIPAddressRestricted *bool                  `k:"isIpAddressRestricted"`
	IsUserAgentRestricted *bool                  `k:"isUserAgentRestricted"`
	PreviewLength         *int                   `k:"previewLength"`
	IsScheduledNow        *bool                  `k:"isScheduledNow"`
	IsAdmin               *bool                  `k:"isAdmin"`
	StreamerType          *string                `k:"streamerType"`
	MediaProtocol         *string                `k:"mediaProtocol"`
	StorageProfilesXML    *string                `k:"storageProfilesXML"`
	AccessControlMessages []*String              `k:"accessControlMessages"`
	AccessControlActions  []RuleActor            `k:"accessControlActions"`
	FlavorAssets          []*FlavorAsset         `k:"flavorAssets"`
	MsDuration            *int64                 `k:"msDuration"`
	PluginData            map[string]*PluginData `k:"pluginData"`
}

// PluginData is what a plugin says of an entry; there are no plugins here.
type PluginData struct{ rpc.Object }

// CaptionFile is the format of a caption's file: what its owner says, else what it was found to be.
func CaptionFile(a catalog.Asset) string {
	return cmp.Or(CaptionContainer(a.Details.Format), a.Container, "vtt")
}
