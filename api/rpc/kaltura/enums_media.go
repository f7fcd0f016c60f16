package kaltura

import "sluice/api/rpc"

var (
	entryStatuses = rpc.NewEnum("KalturaEntryStatus", "ERROR_IMPORTING=-2 ERROR_CONVERTING=-1 IMPORT=0 PRECONVERT=1 READY=2 DELETED=3 PENDING=4 "+
		"MODERATE=5 BLOCKED=6 NO_CONTENT=7 INFECTED=virusScan.Infected SCAN_FAILURE=virusScan.ScanFailure")
	entryTypes = rpc.NewEnum("KalturaEntryType", "AUTOMATIC=-1 MEDIA_CLIP=1 MIX=2 PLAYLIST=5 DATA=6 LIVE_STREAM=7 LIVE_CHANNEL=8 DOCUMENT=10 "+
		"EXTERNAL_MEDIA=externalMedia.externalMedia ROOM=room.room SIP_ENTRY_SERVER=sip.SIP_ENTRY_SERVER "+
		"CONFERENCE_ENTRY_SERVER=conference.CONFERENCE_ENTRY_SERVER")
	mediaTypes = rpc.NewEnum("KalturaMediaType", "VIDEO=1 IMAGE=2 AUDIO=5 LIVE_STREAM_FLASH=201 LIVE_STREAM_WINDOWS_MEDIA=202 "+
		"LIVE_STREAM_REAL_MEDIA=203 LIVE_STREAM_QUICKTIME=204")
	sourceTypes = rpc.NewEnum("KalturaSourceType", "FILE=1 WEBCAM=2 URL=5 SEARCH_PROVIDER=6 AKAMAI_LIVE=29 MANUAL_LIVE_STREAM=30 "+
		"AKAMAI_UNIVERSAL_LIVE=31 LIVE_STREAM=32 LIVE_CHANNEL=33 RECORDED_LIVE=34 CLIP=35 KALTURA_RECORDED_LIVE=36 LECTURE_CAPTURE=37 "+
		"LIVE_STREAM_ONTEXTDATA_CAPTIONS=42")
	moderationStatuses = rpc.NewEnum("KalturaEntryModerationStatus", "PENDING_MODERATION=1 APPROVED=2 REJECTED=3 DELETED=4 FLAGGED_FOR_REVIEW=5 "+
		"AUTO_APPROVED=6")
	moderationFlagTypes  = rpc.NewEnum("KalturaModerationFlagType", "SEXUAL_CONTENT=1 VIOLENT_REPULSIVE=2 HARMFUL_DANGEROUS=3 SPAM_COMMERCIALS=4 COPYRIGHT=5 TERMS_OF_USE_VIOLATION=6")
	moderationFlagStates = rpc.NewEnum("KalturaModerationFlagStatus", "PENDING=1 MODERATED=2")
	moderationObjects    = rpc.NewEnum("KalturaModerationObjectType", "ENTRY=2 USER=3")
	replacementStatuses  = rpc.NewEnum("KalturaEntryReplacementStatus", "NONE=0 APPROVED_BUT_NOT_READY=1 READY_BUT_NOT_APPROVED=2 "+
		"NOT_READY_AND_NOT_APPROVED=3 FAILED=4")
	displayInSearch   = rpc.NewEnum("KalturaEntryDisplayInSearchType", "RECYCLED=-2 SYSTEM=-1 NONE=0 PARTNER_ONLY=1 KALTURA_NETWORK=2")
	entryApplications = rpc.NewEnum("KalturaEntryApplication", "KMC=0 KMS=1 KAF=2 PITCH=3 KMS_GO=4 WEBCAST_APP=5 PERSONAL_CAPTURE=6 "+
		"KALTURA_MEETING=7 EP=8 CONTENT_LAB=9")
	licenseTypes = rpc.NewEnum("KalturaLicenseType", "UNKNOWN=-1 NONE=0 COPYRIGHTED=1 PUBLIC_DOMAIN=2 CREATIVECOMMONS_ATTRIBUTION=3 "+
		"CREATIVECOMMONS_ATTRIBUTION_SHARE_ALIKE=4 CREATIVECOMMONS_ATTRIBUTION_NO_DERIVATIVES=5 CREATIVECOMMONS_ATTRIBUTION_NON_COMMERCIAL=6 "+
		"CREATIVECOMMONS_ATTRIBUTION_NON_COMMERCIAL_SHARE_ALIKE=7 CREATIVECOMMONS_ATTRIBUTION_NON_COMMERCIAL_NO_DERIVATIVES=8 GFDL=9 GPL=10 "+
		"AFFERO_GPL=11 LGPL=12 BSD=13 APACHE=14 MOZILLA=15")
	durationTypes       = rpc.NewEnum("KalturaDurationType", "NOT_AVAILABLE=notavailable SHORT=short MEDIUM=medium LONG=long")
	searchProviderTypes = rpc.NewEnum("KalturaSearchProviderType", "FLICKR=3 YOUTUBE=4 MYSPACE=7 PHOTOBUCKET=8 JAMENDO=9 CCMIXTER=10 NYPL=11 "+
		"CURRENT=12 MEDIA_COMMONS=13 KALTURA=20 KALTURA_USER_CLIPS=21 ARCHIVE_ORG=22 KALTURA_PARTNER=23 METACAFE=24 SEARCH_PROXY=28 "+
		"PARTNER_SPECIFIC=100")
	playlistTypes = rpc.NewEnum("KalturaPlaylistType", "STATIC_LIST=3 DYNAMIC=10 EXTERNAL=101 PATH=102")
	cloneOptions  = rpc.NewEnum("KalturaBaseEntryCloneOptions", "USERS=1 CATEGORIES=2 CHILD_ENTRIES=3 ACCESS_CONTROL=4 METADATA=5 FLAVORS=6 "+
		"CAPTIONS=7 AD_CUE_POINTS=adCuePoint.AD_CUE_POINTS ANNOTATION_CUE_POINTS=annotation.ANNOTATION_CUE_POINTS "+
		"CODE_CUE_POINTS=codeCuePoint.CODE_CUE_POINTS THUMB_CUE_POINTS=thumbCuePoint.THUMB_CUE_POINTS")
	cloneSelectors = rpc.NewEnum("KalturaCloneComponentSelectorType", "INCLUDE_COMPONENT=0 EXCLUDE_COMPONENT=1")
)

// Enum types of entries; texts are the protocol's dynamic enums.
type (
	EntryStatus          string
	EntryType            string
	MediaType            int
	SourceType           string
	ModerationStatus     int
	ModerationFlagType   int
	ModerationFlagStatus int
	ModerationObjectType string
	ReplacementStatus    string
	DisplayInSearch      int
	EntryApplication     string
	LicenseType          int
	DurationType         string
	SearchProviderType   int
	PlaylistType         int
	CloneOption          string
	CloneSelector        string
)

// Enum implements rpc.Enumerated, here and below.
func (EntryStatus) Enum() *rpc.Enum { return entryStatuses }

func (EntryType) Enum() *rpc.Enum            { return entryTypes }
func (MediaType) Enum() *rpc.Enum            { return mediaTypes }
func (SourceType) Enum() *rpc.Enum           { return sourceTypes }
func (ModerationStatus) Enum() *rpc.Enum     { return moderationStatuses }
func (ModerationFlagType) Enum() *rpc.Enum   { return moderationFlagTypes }
func (ModerationFlagStatus) Enum() *rpc.Enum { return moderationFlagStates }
func (ModerationObjectType) Enum() *rpc.Enum { return moderationObjects }
func (ReplacementStatus) Enum() *rpc.Enum    { return replacementStatuses }
func (DisplayInSearch) Enum() *rpc.Enum      { return displayInSearch }
func (EntryApplication) Enum() *rpc.Enum     { return entryApplications }
func (LicenseType) Enum() *rpc.Enum          { return licenseTypes }
func (DurationType) Enum() *rpc.Enum         { return durationTypes }
func (SearchProviderType) Enum() *rpc.Enum   { return searchProviderTypes }
func (PlaylistType) Enum() *rpc.Enum         { return playlistTypes }
func (CloneOption) Enum() *rpc.Enum          { return cloneOptions }
func (CloneSelector) Enum() *rpc.Enum        { return cloneSelectors }
