package kaltura

import (
	"maps"

	"sluice/catalog"
)

// Into changes an entry of the catalog to what a request says of it. What the request does not name stays.
func Into(dst *catalog.Entry, e Entry) {
	e.Common().into(dst)
	switch e := e.(type) {
	case *MediaEntry:
		e.into(dst)
	case *LiveStreamEntry:
		e.MediaEntry.into(dst)
	case *DataEntry:
		set(&dst.Details.Content, e.DataContent, e.Cleared("dataContent"))
	case *Playlist:
		set(&dst.Details.Content, e.PlaylistContent, e.Cleared("playlistContent"))
		set(&dst.Details.PlaylistType, (*int)(e.PlaylistType), false)
		set(&dst.Details.PlaylistResults, e.TotalResults, e.Cleared("totalResults"))
		if e.Sent("filters") {
			dst.Details.Filters = nil
			for _, f := range e.Filters {
				dst.Details.Filters = append(dst.Details.Filters, f)
			}
		}
	}
}

func (e *BaseEntry) into(dst *catalog.Entry) {
	d := &dst.Details
	set(&dst.Name, e.Name, e.Cleared("name"))
	set(&dst.Description, e.Description, e.Cleared("description"))
	set(&dst.Owner, e.UserID, e.Cleared("userId"))
	set(&dst.Creator, e.CreatorID, false)
	setList(&dst.Tags, e.Tags, e.Cleared("tags"))
	setList(&dst.AdminTags, e.AdminTags, e.Cleared("adminTags"))
	setList(&dst.Categories, e.Categories, e.Cleared("categories"))
	setList(&dst.CategoryIDs, e.CategoriesIDs, e.Cleared("categoriesIds"))
	set(&dst.GroupID, e.GroupID, e.Cleared("groupId"))
	set(&d.PartnerData, e.PartnerData, e.Cleared("partnerData"))
	set(&dst.AccessControl, e.AccessControlID, e.Cleared("accessControlId"))
	set(&dst.ConversionProfile, e.ConversionProfileID, e.Cleared("conversionProfileId"))
	if e.StartDate != nil || e.Cleared("startDate") {
		dst.StartAt = Moment(e.StartDate)
	}
	if e.EndDate != nil || e.Cleared("endDate") {
		dst.EndAt = Moment(e.EndDate)
	}
	set(&dst.ReferenceID, e.ReferenceID, e.Cleared("referenceId"))
	set(&dst.SortValue, e.PartnerSortValue, e.Cleared("partnerSortValue"))
	set(&dst.Redirect, (*catalog.EntryID)(e.RedirectEntryID), e.Cleared("redirectEntryId"))
	set(&dst.Parent, (*catalog.EntryID)(e.ParentEntryID), e.Cleared("parentEntryId"))
	setList(&dst.Editors, e.EntitledUsersEdit, e.Cleared("entitledUsersEdit"))
	setList(&dst.Publishers, e.EntitledUsersPublish, e.Cleared("entitledUsersPublish"))
	setList(&dst.Viewers, e.EntitledUsersView, e.Cleared("entitledUsersView"))
	set(&dst.Display, (*catalog.DisplayInSearch)(e.DisplayInSearch), false)
	set(&d.Template, (*catalog.EntryID)(e.TemplateEntryID), false)
	set(&d.Application, (*string)(e.Application), false)
	set(&d.ApplicationVersion, e.ApplicationVersion, false)
	set(&d.NoTranscript, e.BlockAutoTranscript, e.Cleared("blockAutoTranscript"))
	if e.LicenseType != nil || e.Cleared("licenseType") {
		d.License = (*int)(e.LicenseType)
		if d.License != nil && *d.License < 0 {
			d.License = nil
		}
	}
	if e.Sent("operationAttributes") {
		d.Clips = nil
		for _, o := range e.OperationAttributes {
			if clip, ok := o.(*ClipAttributes); ok {
				at := Value(clip.GlobalOffsetInDestination)
				d.Clips = append(d.Clips, catalog.EntryClip{Offset: Value(clip.Offset), Duration: Value(clip.Duration), At: at})
			}
		}
	}
	texts := maps.Clone(d.Texts) // the one before belongs to the state before
	for field, sent := range map[string][]*MultiLingualString{
		"name": e.MultiLingualName, "description": e.MultiLingualDescription, "tags": e.MultiLingualTags,
	} {
		if sent != nil {
			texts = withTexts(texts, field, sent)
		}
	}
	d.Texts = texts
}

func (e *MediaEntry) into(dst *catalog.Entry) {
	d := &dst.Details
	set(&dst.MediaType, (*catalog.MediaType)(e.MediaType), false)
	set(&dst.SourceType, (*catalog.SourceType)(e.SourceType), false)
	set(&d.ConversionQuality, e.ConversionQuality, false)
	set(&d.SearchProviderID, e.SearchProviderID, false)
	set(&d.CreditUser, e.CreditUserName, e.Cleared("creditUserName"))
	set(&d.CreditURL, e.CreditURL, e.Cleared("creditUrl"))
	set(&dst.DurationMS, e.MsDuration, false)
	if e.SearchProviderType != nil {
		d.SearchProvider = (*int)(e.SearchProviderType)
	}
	if e.Sent("streams") {
		d.Streams = nil
		for _, s := range e.Streams {
			d.Streams = append(d.Streams, catalog.EntryStream{
				ID: Value(s.ID), Type: Value(s.Type), TrackIndex: s.TrackIndex, Language: Value(s.Language), ChannelIndex: s.ChannelIndex,
				Label: Value(s.Label), ChannelLayout: Value(s.ChannelLayout),
			})
		}
	}
}

// setList changes dst to the members of a comma list, if one was sent.
func setList(dst *[]string, sent *string, cleared bool) {
	if sent != nil {
		*dst = List(*sent)
	} else if cleared {
		*dst = nil
	}
}

// withTexts sets a field's texts; none removes the field.
func withTexts(texts map[string]map[string]string, field string, sent []*MultiLingualString) map[string]map[string]string {
	byLanguage := map[string]string{}
	for _, s := range sent {
		if s != nil && Value(s.Language) != "" {
			byLanguage[*s.Language] = Value(s.Value)
		}
	}
	if len(byLanguage) == 0 {
		delete(texts, field)
		return texts
	}
	if texts == nil {
		texts = map[string]map[string]string{}
	}
	texts[field] = byLanguage
	return texts
}
