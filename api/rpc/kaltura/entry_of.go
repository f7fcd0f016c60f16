package kaltura

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/catalog"
)

// EntryView is what the picture of an entry on the wire depends on besides the entry.
type EntryView struct {
	// Base is scheme and host for URLs.
	Base string
	// Admin shows what only administrators see.
	Admin bool
	// Params are the ids of the flavor params that the entry has ready flavors of; 0 is the original.
	Params []int64
	// AccessControl and Profile are the account's default profiles, for entries that name none; 0 when there are none.
	AccessControl int64
	Profile       int64
}

// EntryOf is an entry of the catalog as the class of its type. The fields of the class point into a copy of the entry: that is
// one allocation rather than fifty, on the way of most answers.
func EntryOf(e catalog.Entry, v EntryView) Entry {
	switch e.Type {
	case catalog.EntryMedia:
		return mediaEntry(&e, v)
	case catalog.EntryLiveStream:
		return &LiveStreamEntry{MediaEntry: *mediaEntry(&e, v)}
	case catalog.EntryData:
		return &DataEntry{BaseEntry: baseEntry(&e, v), DataContent: Opt(e.Details.Content), RetrieveDataContentByGet: new(true)}
	case catalog.EntryPlaylist:
		return &Playlist{
			BaseEntry: baseEntry(&e, v), PlaylistContent: Opt(e.Details.Content), PlaylistType: Opt(PlaylistType(e.Details.PlaylistType)),
			Plays: new(e.Plays), Views: new(e.Views), Duration: new(seconds(e.DurationMS)), TotalResults: Opt(e.Details.PlaylistResults),
			Filters: filtersOf(e.Details.Filters),
		}
	}
	return new(baseEntry(&e, v))
}

// filtersOf are the filters of a dynamic playlist; none of another one.
func filtersOf(list []map[string]any) []rpc.Loose {
	var out []rpc.Loose
	for _, f := range list {
		out = append(out, f)
	}
	return out
}

func baseEntry(e *catalog.Entry, v EntryView) BaseEntry {
	d := &e.Details
	out := BaseEntry{
		ID: (*string)(&e.ID), Name: &e.Name, Description: &e.Description, PartnerID: (*int64)(&e.Account), UserID: some(&e.Owner),
		CreatorID: some(&e.Creator), Tags: new(strings.Join(e.Tags, ",")), Categories: Opt(strings.Join(e.Categories, ",")),
		CategoriesIDs: Opt(strings.Join(e.CategoryIDs, ",")), Status: new(EntryStatus(strconv.Itoa(int(e.Status)))),
		ModerationStatus: (*ModerationStatus)(&e.Moderation), ModerationCount: &e.Flags, Type: (*EntryType)(&e.Type),
		CreatedAt: At(e.CreatedAt), UpdatedAt: At(e.UpdatedAt), Rank: &e.Rank, TotalRank: &e.TotalRank, Votes: &e.Votes,
		GroupID: some(&e.GroupID), PartnerData: some(&d.PartnerData), DownloadURL: new(DownloadURL(e, v.Base)), SearchText: new(searchText(e)),
		LicenseType: new(licenseType(d.License)), Version: &e.Version, ThumbnailURL: new(ThumbnailURL(e, v.Base)),
		AccessControlID: profile(e.AccessControl, v.AccessControl), ConversionProfileID: profile(e.ConversionProfile, v.Profile),
		StartDate: At(e.StartAt), EndDate: At(e.EndAt), ReferenceID: some(&e.ReferenceID), ReplacingEntryID: id(&e.Replacing),
		ReplacedEntryID: id(&e.Replaced), ReplacementStatus: new(ReplacementStatus(strconv.Itoa(int(e.Replacement)))),
		PartnerSortValue: &e.SortValue, RedirectEntryID: id(&e.Redirect), RootEntryID: (*string)(rootOf(e)), ParentEntryID: id(&e.Parent),
		EntitledUsersEdit: new(strings.Join(e.Editors, ",")), EntitledUsersPublish: new(strings.Join(e.Publishers, ",")),
		EntitledUsersView: new(strings.Join(e.Viewers, ",")), Capabilities: &d.Capabilities, TemplateEntryID: id(&d.Template),
		DisplayInSearch: (*DisplayInSearch)(&e.Display), Application: (*EntryApplication)(some(&d.Application)),
		ApplicationVersion: some(&d.ApplicationVersion), BlockAutoTranscript: &d.NoTranscript, DefaultLanguage: some(&d.DefaultLanguage),
		MultiLingualName: languages(d.Texts["name"]), MultiLingualDescription: languages(d.Texts["description"]),
		MultiLingualTags: languages(d.Texts["tags"]),
	}
	for _, clip := range d.Clips {
		out.OperationAttributes = append(out.OperationAttributes, &ClipAttributes{
			Offset: new(clip.Offset), Duration: new(clip.Duration), GlobalOffsetInDestination: new(clip.At),
		})
	}
	if v.Admin {
		out.AdminTags = new(strings.Join(e.AdminTags, ","))
	}
	return out
}

// MediaEntryOf is an entry of the catalog as a MediaEntry.
func MediaEntryOf(e catalog.Entry, v EntryView) *MediaEntry { return mediaEntry(&e, v) }

func mediaEntry(e *catalog.Entry, v EntryView) *MediaEntry {
	d := &e.Details
	out := &MediaEntry{
		PlayableEntry: PlayableEntry{
			BaseEntry: baseEntry(e, v), Plays: &e.Plays, Views: &e.Views, LastPlayedAt: At(e.LastPlayedAt), Width: &e.Width,
			Height: &e.Height, Duration: new(seconds(e.DurationMS)), MsDuration: &e.DurationMS,
			DurationType: new(DurationType(catalog.DurationType(e.DurationMS))),
		},
		MediaType: Opt(MediaType(e.MediaType)), SourceType: Opt(SourceType(e.SourceType)), CreditUserName: some(&d.CreditUser),
		CreditURL: some(&d.CreditURL), SearchProviderID: some(&d.SearchProviderID), ConversionQuality: some(&d.ConversionQuality),
		DataURL: new(DataURL(e, v.Base)), FlavorParamsIDs: new(numbers(v.Params)),
	}
	if d.SearchProvider != nil {
		out.SearchProviderType = new(SearchProviderType(*d.SearchProvider))
	}
	if d.TrimDisabled != nil {
		out.IsTrimDisabled = Bool(*d.TrimDisabled)
	}
	for _, s := range d.Streams {
		out.Streams = append(out.Streams, &StreamContainer{
			ID: Opt(s.ID), Type: Opt(s.Type), TrackIndex: s.TrackIndex, Language: Opt(s.Language), ChannelIndex: s.ChannelIndex,
			Label: Opt(s.Label), ChannelLayout: Opt(s.ChannelLayout),
		})
	}
	return out
}

// Path is the beginning of an account's delivery URLs: /p/<id>/sp/<id>00.
func Path(account catalog.AccountID) string {
	n := strconv.FormatInt(int64(account), 10)
	return "/p/" + n + "/sp/" + n + "00"
}

// DownloadURL is where an entry is downloaded: the original of a video or a sound, or the file itself.
func DownloadURL(e *catalog.Entry, base string) string {
	if e.MediaType == catalog.MediaVideo || e.MediaType == catalog.MediaAudio {
		return base + Path(e.Account) + "/playManifest/entryId/" + string(e.ID) + "/format/download/protocol/" + protocol(base) + "/flavorParamIds/0"
	}
	return base + Path(e.Account) + "/raw/entry_id/" + string(e.ID) + "/version/" + strconv.Itoa(e.Version)
}

// DataURL is where an entry is played as one file.
func DataURL(e *catalog.Entry, base string) string {
	if e.MediaType == catalog.MediaImage {
		return DownloadURL(e, base)
	}
	return base + Path(e.Account) + "/playManifest/entryId/" + string(e.ID) + "/format/url/protocol/" + protocol(base)
}

// ThumbnailURL is an entry's picture, to which a client adds size and moment.
func ThumbnailURL(e *catalog.Entry, base string) string {
	return base + Path(e.Account) + "/thumbnail/entry_id/" + string(e.ID) + "/version/" + strconv.Itoa(e.Version)
}

func protocol(base string) string {
	scheme, _, _ := strings.Cut(base, "://")
	return scheme
}

// seconds is a duration in whole seconds.
func seconds(ms int64) int64 { return (ms + 500) / 1000 }

func id(e *catalog.EntryID) *string { return some((*string)(e)) }

// rootOf is what an entry was cut from in the end: itself unless it is a part.
func rootOf(e *catalog.Entry) *catalog.EntryID {
	if e.Root != "" {
		return &e.Root
	}
	return &e.ID
}

// profile is the id of a profile: the entry's, or the account's default.
func profile(own, byDefault int64) *int64 {
	if own != 0 {
		return &own
	}
	return Opt(byDefault)
}

func licenseType(l *int) LicenseType {
	if l == nil {
		return -1
	}
	return LicenseType(*l)
}

func searchText(e *catalog.Entry) string {
	return strings.Join(slices.DeleteFunc([]string{"_" + strconv.FormatInt(int64(e.Account), 10), e.Name, strings.Join(e.Tags, ", "), e.Description},
		func(s string) bool { return s == "" }), " ")
}

func numbers(ids []int64) string {
	parts := make([]string, len(ids))
	for i, n := range ids {
		parts[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(parts, ",")
}

func languages(texts map[string]string) []*MultiLingualString {
	out := make([]*MultiLingualString, 0, len(texts))
	if len(texts) == 0 {
		return out
	}
	for _, language := range slices.Sorted(maps.Keys(texts)) {
		out = append(out, &MultiLingualString{Language: new(language), Value: new(texts[language])})
	}
	return out
}
