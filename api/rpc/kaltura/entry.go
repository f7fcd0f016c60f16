package kaltura

import "sluice/api/rpc"

// Entry is an entry of any class: *MediaEntry, *DataEntry, *Playlist, *LiveStreamEntry or, for types without a class of
// their own, *BaseEntry.
type Entry interface {
	rpc.Class
	// Common returns the fields of the base class.
	Common() *BaseEntry
}

// Media is an entry that the media service knows: *MediaEntry or a class that derives from it.
type Media interface {
	Entry
	// Media returns the fields of the class.
	Media() *MediaEntry
}

// BaseEntry is what entries of all types have in common (§5.3 of the API contract).
type BaseEntry struct {
	rpc.Object
	ID                      *string               `k:"id,ro" f:"eq,in,notin"`
	Name                    *string               `k:"name,max=1000" f:"like,mlikeor,mlikeand,eq,order"`
	Description             *string               `k:"description" f:"like"`
	MultiLingualName        []*MultiLingualString `k:"multiLingual_name"`
	MultiLingualDescription []*MultiLingualString `k:"multiLingual_description"`
	MultiLingualTags        []*MultiLingualString `k:"multiLingual_tags"`
	PartnerID               *int64                `k:"partnerId,ro" f:"eq,in"`
	UserID                  *string               `k:"userId,max=100" f:"eq,in,notin"`
	CreatorID               *string               `k:"creatorId,io,max=100" f:"eq"`
	Tags                    *string               `k:"tags" f:"like,mlikeor,mlikeand"`
	AdminTags               *string               `k:"adminTags" f:"like,mlikeor,mlikeand"`
	Categories              *string               `k:"categories" f:"matchand,matchor,notcontains"`
	CategoriesIDs           *string               `k:"categoriesIds" f:"matchand,matchor,notcontains,empty"`
	Status                  *EntryStatus          `k:"status,ro" f:"eq,not,in,notin"`
	ModerationStatus        *ModerationStatus     `k:"moderationStatus,ro" f:"eq,not,in,notin"`
	ModerationCount         *int                  `k:"moderationCount,ro" f:"order"`
	Type                    *EntryType            `k:"type" f:"eq,in"`
	CreatedAt               *rpc.Time             `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt               *rpc.Time             `k:"updatedAt,ro" f:"gte,lte,order"`
	Rank                    *float64              `k:"rank,ro" f:"order"`
	TotalRank               *int64                `k:"totalRank,ro" f:"lte,gte,order"`
	Votes                   *int64                `k:"votes,ro"`
	GroupID                 *int64                `k:"groupId" f:"eq"`
	PartnerData             *string               `k:"partnerData"`
	DownloadURL             *string               `k:"downloadUrl,ro"`
	SearchText              *string               `k:"searchText,ro" f:"matchand,matchor"`
	LicenseType             *LicenseType          `k:"licenseType"`
	Version                 *int                  `k:"version,ro"`
	ThumbnailURL            *string               `k:"thumbnailUrl,ro"`
	AccessControlID         *int64                `k:"accessControlId" f:"eq,in"`
	StartDate               *rpc.Time             `k:"startDate" f:"gte,lte,gteornull,lteornull,order"`
	EndDate                 *rpc.Time             `k:"endDate" f:"gte,lte,gteornull,lteornull,order"`
	ReferenceID             *string               `k:"referenceId,min=2" f:"eq,in"`
	ReplacingEntryID        *string               `k:"replacingEntryId,ro" f:"eq,in"`
	ReplacedEntryID         *string               `k:"replacedEntryId,ro" f:"eq,in"`
	ReplacementStatus       *ReplacementStatus    `k:"replacementStatus,ro" f:"eq,in"`
	PartnerSortValue        *int64                `k:"partnerSortValue" f:"gte,lte,order"`
	ConversionProfileID     *int64                `k:"conversionProfileId" f:"eq"`
	RedirectEntryID         *string               `k:"redirectEntryId" ref:"entry"`
	RootEntryID             *string               `k:"rootEntryId,ro" f:"eq,in"`
	ParentEntryID           *string               `k:"parentEntryId" f:"eq" ref:"entry"`
	OperationAttributes     []AnyOperation        `k:"operationAttributes"`
	EntitledUsersEdit       *string               `k:"entitledUsersEdit" f:"matchand,matchor"`
	EntitledUsersPublish    *string               `k:"entitledUsersPublish" f:"matchand,matchor"`
	EntitledUsersView       *string               `k:"entitledUsersView" f:"matchand,matchor"`
	Capabilities            *string               `k:"capabilities,ro"`
	TemplateEntryID         *string               `k:"templateEntryId,io" ref:"entry"`
	DisplayInSearch         *DisplayInSearch      `k:"displayInSearch" f:"eq,in"`
	Application             *EntryApplication     `k:"application,io"`
	ApplicationVersion      *string               `k:"applicationVersion,io"`
	BlockAutoTranscript     *bool                 `k:"blockAutoTranscript"`
	DefaultLanguage         *string               `k:"defaultLanguage,ro"`
	ResponseLanguage        *string               `k:"responseLanguage,ro"`
}

// Common implements Entry, for the classes that embed it too.
func (e *BaseEntry) Common() *BaseEntry { return e }

// PlayableEntry is an entry that lasts.
type PlayableEntry struct {
	BaseEntry
	Plays        *int64        `k:"plays,ro" f:"order"`
	Views        *int64        `k:"views,ro" f:"order"`
	LastPlayedAt *rpc.Time     `k:"lastPlayedAt,ro" f:"gte,lte,order"`
	Width        *int          `k:"width,ro"`
	Height       *int          `k:"height,ro"`
	Duration     *int64        `k:"duration,ro" f:"lt,gt,lte,gte,order"` // seconds
	MsDuration   *int64        `k:"msDuration" f:"lt,gt,lte,gte,order"`
	DurationType *DurationType `k:"durationType,ro" f:"matchor"`
}

// MediaEntry is a video, a sound or a picture.
type MediaEntry struct {
	PlayableEntry
	MediaType          *MediaType          `k:"mediaType,io" f:"eq,in,order"`
	ConversionQuality  *string             `k:"conversionQuality,io"`
	SourceType         *SourceType         `k:"sourceType,io" f:"eq,not,in,notin"`
	SearchProviderType *SearchProviderType `k:"searchProviderType,io"`
	SearchProviderID   *string             `k:"searchProviderId,io"`
	CreditUserName     *string             `k:"creditUserName"`
	CreditURL          *string             `k:"creditUrl"`
	MediaDate          *rpc.Time           `k:"mediaDate,ro"`
	DataURL            *string             `k:"dataUrl,ro"`
	FlavorParamsIDs    *string             `k:"flavorParamsIds,ro" f:"matchor,matchand"`
	IsTrimDisabled     *rpc.NullBool       `k:"isTrimDisabled,ro"`
	Streams            []*StreamContainer  `k:"streams"`
}

// Media implements Media, for the classes that embed it too.
func (e *MediaEntry) Media() *MediaEntry { return e }

// DataEntry holds text.
type DataEntry struct {
	BaseEntry
	DataContent              *string `k:"dataContent"`
	RetrieveDataContentByGet *bool   `k:"retrieveDataContentByGet,io"`
}

// Playlist is a list of entries.
type Playlist struct {
	BaseEntry
	PlaylistContent *string       `k:"playlistContent"` // entry ids with commas between them
	Filters         []rpc.Loose   `k:"filters"`         // of a dynamic playlist
	TotalResults    *int          `k:"totalResults"`
	PlaylistType    *PlaylistType `k:"playlistType,io"`
	Plays           *int64        `k:"plays,ro"`
	Views           *int64        `k:"views,ro"`
	Duration        *int64        `k:"duration,ro"`
	ExecuteURL      *string       `k:"executeUrl,ro"`
}

// LiveStreamEntry is a live broadcast, past, present or to come.
type LiveStreamEntry struct {
	MediaEntry
	OfflineMessage *string `k:"offlineMessage"`
	DVRWindow      *int    `k:"dvrWindow"` // minutes
	StreamName     *string `k:"streamName"`
	HLSStreamURL   *string `k:"hlsStreamUrl"`
}

// MultiLingualString is a text in one language.
type MultiLingualString struct {
	rpc.Object
	Language *string `k:"language"`
	Value    *string `k:"value"`
}

// StreamContainer describes one stream of an entry's source.
type StreamContainer struct {
	rpc.Object
	ID            *string `k:"id"`
	Type          *string `k:"type"`
	TrackIndex    *int    `k:"trackIndex"`
	Language      *string `k:"language"`
	ChannelIndex  *int    `k:"channelIndex"`
	Label         *string `k:"label"`
	ChannelLayout *string `k:"channelLayout"`
}

// EntryReplacementOptions steers the replacement of an entry's content.
type EntryReplacementOptions struct {
	rpc.Object
	KeepManualThumbnails *int                            `k:"keepManualThumbnails"`
	PluginOptionItems    []*PluginReplacementOptionsItem `k:"pluginOptionItems"`
}

// PluginReplacementOptionsItem is an option of a plugin; there are none here.
type PluginReplacementOptionsItem struct{ rpc.Object }

// RegisterEntries adds the classes of entries to a registry.
func RegisterEntries(r *rpc.Registry) {
	rpc.Base[Entry](r, &BaseEntry{})
	rpc.Base[Media](r, &MediaEntry{})
	r.Classes(&PlayableEntry{}, &MediaEntry{}, &DataEntry{}, &Playlist{}, &LiveStreamEntry{})
	rpc.ListsOf[MediaEntry](r, "KalturaMediaListResponse")
	r.Abstract(&BaseEntryCloneOptionItem{}, &SearchItem{})
	r.Classes(&SearchOperator{}, &MetadataSearchItem{}, &SearchComparableCondition{}, &SearchMatchCondition{})
	rpc.Base[CloneOptionItem](r, &BaseEntryCloneOptionItem{})
	r.Classes(&BaseEntryCloneOptionComponent{})
	rpc.Searched[BaseEntry](r)
	rpc.FilterExtras[BaseEntry](r, "freeText", "isRoot", "categoriesFullNameIn", "categoryAncestorIdIn", "redirectFromEntryId",
		"tagsNameMultiLikeOr", "tagsNameMultiLikeAnd", "tagsAdminTagsMultiLikeOr", "tagsAdminTagsMultiLikeAnd",
		"tagsAdminTagsNameMultiLikeOr", "tagsAdminTagsNameMultiLikeAnd", "+recent", "+weight")
}
