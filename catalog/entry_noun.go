package catalog

import "time"

// EntryType says what an entry is; the values are the wire's.
type EntryType string

// Types of entries.
const (
	EntryMedia      EntryType = "1"
	EntryPlaylist   EntryType = "5"
	EntryData       EntryType = "6"
	EntryLiveStream EntryType = "7"
	EntryDocument   EntryType = "10"
)

// SourceType says how an entry came to be; the values are the wire's.
type SourceType string

// Sources of entries.
const (
	SourceFile SourceType = "1"
	SourceURL  SourceType = "5"
	SourceClip SourceType = "35"
)

// ModerationStatus is what a moderator thinks of an entry; the values are the wire's.
type ModerationStatus int

// Moderation states.
const (
	ModerationPending      ModerationStatus = 1
	ModerationApproved     ModerationStatus = 2
	ModerationRejected     ModerationStatus = 3
	ModerationDeleted      ModerationStatus = 4
	ModerationFlagged      ModerationStatus = 5
	ModerationAutoApproved ModerationStatus = 6
)

// DisplayInSearch says who finds an entry in lists; the values are the wire's.
type DisplayInSearch int

// Values of DisplayInSearch. System entries are hidden: an entry that is about to replace another one.
const (
	DisplayRecycled DisplayInSearch = -2
	DisplaySystem   DisplayInSearch = -1
	DisplayNone     DisplayInSearch = 0
	DisplayPartner  DisplayInSearch = 1
	DisplayNetwork  DisplayInSearch = 2
)

// ReplacementStatus says how far the replacement of an entry's content is; the values are the wire's.
type ReplacementStatus int

// Replacement states.
const (
	ReplacementNone             ReplacementStatus = 0
	ReplacementApprovedNotReady ReplacementStatus = 1
	ReplacementReadyNotApproved ReplacementStatus = 2
	ReplacementNeither          ReplacementStatus = 3
	ReplacementFailed           ReplacementStatus = 4
)

// Entry is one title.
type Entry struct {
	ID      EntryID
	Account AccountID
	Type    EntryType
	Status  EntryStatus
	// MediaType is 0 until it is known.
	MediaType   MediaType
	Name        string
	Description string
	ReferenceID string
	// Tags and AdminTags have no commas. Only administrators see AdminTags.
	Tags      []string
	AdminTags []string
	// Owner is the user whose entry it is, Creator the one who made it.
	Owner   string
	Creator string
	// Editors may change the entry as its owner may; Publishers and Viewers are kept for entitlement.
	Editors    []string
	Publishers []string
	Viewers    []string
	// Categories are full names (parents and name with > between them), CategoryIDs the ids of the same.
	Categories  []string
	CategoryIDs []string
	SourceType  SourceType
	// SourceKey says where the original came from, in the words of the door that took it.
	SourceKey string
	// DedupKey, when set, is unique in the account: the same arrival never makes two entries.
	DedupKey string
	// Version counts content versions from 1; it is part of object keys.
	Version    int
	DurationMS int64
	Width      int
	Height     int
	// ErrorCode and ErrorText say why Status is an error: a codec.Code and a sentence for people.
	ErrorCode string
	ErrorText string

	Moderation ModerationStatus
	// Flags counts how often the entry was flagged for review.
	Flags   int
	Display DisplayInSearch
	GroupID int64
	// SortValue is the account's own number to order by.
	SortValue int64
	// AccessControl and ConversionProfile are ids of profiles; 0 is the account's default, -1 none.
	AccessControl     int64
	ConversionProfile int64
	// StartAt and EndAt bound when the entry may be played; zero is unbounded.
	StartAt time.Time
	EndAt   time.Time
	// Replacing is the hidden entry whose content is to become this one's; Replaced is the reverse.
	Replacing   EntryID
	Replaced    EntryID
	Replacement ReplacementStatus
	// Redirect is the entry to be played instead; Root the one that this was cut from; Parent the one that it belongs to.
	Redirect EntryID
	Root     EntryID
	Parent   EntryID

	Plays        int64
	Views        int64
	LastPlayedAt time.Time
	Rank         float64
	TotalRank    int64
	Votes        int64

	// Details are the fields that no query looks at.
	Details EntryDetails

	// PlayableAt is when the entry first had something to play; zero before.
	PlayableAt time.Time
	ReadyAt    time.Time
	DeletedAt  time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
	// Revision increases with every change; events and ETags use it.
	Revision int64
}

// EntryDetails are the fields of an entry that are kept for its users as they are.
type EntryDetails struct {
	PartnerData string `json:"partner_data,omitempty"`
	// License is the wire's license type; nil is unknown.
	License            *int    `json:"license,omitempty"`
	Capabilities       string  `json:"capabilities,omitempty"`
	Template           EntryID `json:"template,omitempty"`
	Application        string  `json:"application,omitempty"`
	ApplicationVersion string  `json:"application_version,omitempty"`
	NoTranscript       bool    `json:"no_transcript,omitempty"`
	DefaultLanguage    string  `json:"default_language,omitempty"`
	ConversionQuality  string  `json:"conversion_quality,omitempty"`
	SearchProvider     *int    `json:"search_provider,omitempty"`
	SearchProviderID   string  `json:"search_provider_id,omitempty"`
	CreditUser         string  `json:"credit_user,omitempty"`
	CreditURL          string  `json:"credit_url,omitempty"`
	TrimDisabled       *bool   `json:"trim_disabled,omitempty"`
	// Texts are the fields name, description and tags in further languages: field, then language, then value.
	Texts map[string]map[string]string `json:"texts,omitempty"`
	// Clips are the parts of the source that the content is made of; none means all of it.
	Clips   []EntryClip   `json:"clips,omitempty"`
	Streams []EntryStream `json:"streams,omitempty"`
	// Content is that of data entries and of playlists (entry ids with commas between them).
	Content      string `json:"content,omitempty"`
	PlaylistType int    `json:"playlist_type,omitempty"`
	// PlaylistResults and Filters of a dynamic playlist, as on the wire.
	PlaylistResults int              `json:"playlist_results,omitempty"`
	Filters         []map[string]any `json:"filters,omitempty"`
	// KeepThumbs of a hidden entry says that the thumbnails that were added by hand to the one it replaces stay.
	KeepThumbs bool `json:"keep_thumbs,omitempty"`
	// Priority puts the entry's work before (below 0) or behind that of the account's others, whose is 0.
	Priority int `json:"priority,omitempty"`
}

// EntryClip is a part of a source, in milliseconds.
type EntryClip struct {
	Offset   int64 `json:"offset"`
	Duration int64 `json:"duration"`
	// At is where the part begins in the content.
	At int64 `json:"at,omitempty"`
}

// EntryStream is what a client says of one stream of the source.
type EntryStream struct {
	ID            string `json:"id,omitempty"`
	Type          string `json:"type,omitempty"`
	TrackIndex    *int   `json:"track_index,omitempty"`
	Language      string `json:"language,omitempty"`
	ChannelIndex  *int   `json:"channel_index,omitempty"`
	Label         string `json:"label,omitempty"`
	ChannelLayout string `json:"channel_layout,omitempty"`
}

// BlankEntry is a media entry of the account without content, with the defaults of everything that has one.
func BlankEntry(account AccountID) Entry {
	return Entry{
		Account: account, Type: EntryMedia, Status: EntryNoContent, SourceType: SourceFile, Version: 1,
		Moderation: ModerationAutoApproved, Display: DisplayPartner,
	}
}
