package catalog

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

type entryRow struct {
	bun.BaseModel `bun:"table:entries"`

	Num         int64             `bun:"num,pk,autoincrement"`
	ID          EntryID           `bun:"id"`
	Account     AccountID         `bun:"account"`
	Type        EntryType         `bun:"type"`
	Status      EntryStatus       `bun:"status"`
	MediaType   MediaType         `bun:"media_type"`
	Name        string            `bun:"name"`
	Description string            `bun:"description"`
	ReferenceID string            `bun:"reference_id"`
	Tags        string            `bun:"tags"`
	AdminTags   string            `bun:"admin_tags"`
	Owner       string            `bun:"owner"`
	Creator     string            `bun:"creator"`
	Editors     string            `bun:"editors"`
	Publishers  string            `bun:"publishers"`
	Viewers     string            `bun:"viewers"`
	Categories  string            `bun:"categories"`
	CategoryIDs string            `bun:"category_ids"`
	SourceType  SourceType        `bun:"source_type"`
	SourceKey   string            `bun:"source_key"`
	DedupKey    string            `bun:"dedup_key,nullzero"`
	Version     int               `bun:"version"`
	DurationMS  int64             `bun:"duration_ms"`
	Width       int               `bun:"width"`
	Height      int               `bun:"height"`
	ErrorCode   string            `bun:"error_code"`
	ErrorText   string            `bun:"error_text"`
	Moderation  ModerationStatus  `bun:"moderation_status"`
	Flags       int               `bun:"moderation_count"`
	Display     DisplayInSearch   `bun:"display"`
	GroupID     int64             `bun:"group_id"`
	SortValue   int64             `bun:"sort_value"`
	Access      int64             `bun:"access_control"`
	Profile     int64             `bun:"conversion_profile"`
	StartAt     Stamp             `bun:"start_at"`
	EndAt       Stamp             `bun:"end_at"`
	Replacing   EntryID           `bun:"replacing"`
	Replaced    EntryID           `bun:"replaced"`
	Replacement ReplacementStatus `bun:"replacement_status"`
	Redirect    EntryID           `bun:"redirect"`
	Root        EntryID           `bun:"root"`
	Parent      EntryID           `bun:"parent"`
	Plays       int64             `bun:"plays"`
	Views       int64             `bun:"views"`
	LastPlayed  Stamp             `bun:"last_played_at"`
	Rank        float64           `bun:"rank"`
	TotalRank   int64             `bun:"total_rank"`
	Votes       int64             `bun:"votes"`
	Details     string            `bun:"details"`
	PlayableAt  int64             `bun:"playable_at"`
	ReadyAt     int64             `bun:"ready_at"`
	DeletedAt   int64             `bun:"deleted_at"`
	CreatedAt   int64             `bun:"created_at"`
	UpdatedAt   int64             `bun:"updated_at"`
	Revision    int64             `bun:"revision"`
	SearchWords string            `bun:"search_words"`
}

func (r *entryRow) entry() Entry {
	var details EntryDetails
	if r.Details != "" {
		_ = json.Unmarshal([]byte(r.Details), &details) // written by fill
	}
	return Entry{
		ID: r.ID, Account: r.Account, Type: r.Type, Status: r.Status, MediaType: r.MediaType, Name: r.Name, Description: r.Description,
		ReferenceID: r.ReferenceID, Tags: tokens(r.Tags), AdminTags: tokens(r.AdminTags), Owner: r.Owner, Creator: r.Creator,
		Editors: tokens(r.Editors), Publishers: tokens(r.Publishers), Viewers: tokens(r.Viewers), Categories: tokens(r.Categories),
		CategoryIDs: tokens(r.CategoryIDs), SourceType: r.SourceType, SourceKey: r.SourceKey, DedupKey: r.DedupKey,
		Version: r.Version, DurationMS: r.DurationMS, Width: r.Width, Height: r.Height, ErrorCode: r.ErrorCode, ErrorText: r.ErrorText,
		Moderation: r.Moderation, Flags: r.Flags, Display: r.Display, GroupID: r.GroupID, SortValue: r.SortValue,
		AccessControl: r.Access, ConversionProfile: r.Profile, StartAt: r.StartAt.Time(), EndAt: r.EndAt.Time(),
		Replacing: r.Replacing, Replaced: r.Replaced, Replacement: r.Replacement, Redirect: r.Redirect, Root: r.Root, Parent: r.Parent,
		Plays: r.Plays, Views: r.Views, LastPlayedAt: r.LastPlayed.Time(), Rank: r.Rank, TotalRank: r.TotalRank, Votes: r.Votes,
		Details: details, PlayableAt: fromMicros(r.PlayableAt), ReadyAt: fromMicros(r.ReadyAt), DeletedAt: fromMicros(r.DeletedAt),
		CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt), Revision: r.Revision,
	}
}

// fill sets the row from e, or says what about e cannot be stored.
func (r *entryRow) fill(e Entry) error {
	details := ""
	if !reflect.ValueOf(e.Details).IsZero() {
		var err error
		if details, err = encode(e.Details); err != nil {
			return fmt.Errorf("details: %w", err)
		}
	}
	*r = entryRow{
		Num: r.Num, ID: e.ID, Account: e.Account, Type: e.Type, Status: e.Status, MediaType: e.MediaType, Name: e.Name,
		Description: e.Description, ReferenceID: e.ReferenceID, Tags: tokenList(e.Tags), AdminTags: tokenList(e.AdminTags), Owner: e.Owner,
		Creator: e.Creator, Editors: tokenList(e.Editors), Publishers: tokenList(e.Publishers), Viewers: tokenList(e.Viewers),
		Categories: tokenList(e.Categories), CategoryIDs: tokenList(e.CategoryIDs), SourceType: e.SourceType, SourceKey: e.SourceKey,
		DedupKey: e.DedupKey, Version: e.Version, DurationMS: e.DurationMS, Width: e.Width, Height: e.Height, ErrorCode: e.ErrorCode,
		ErrorText: reason(e.ErrorText), Moderation: e.Moderation, Flags: e.Flags, Display: e.Display, GroupID: e.GroupID,
		SortValue: e.SortValue, Access: e.AccessControl, Profile: e.ConversionProfile, StartAt: StampOf(e.StartAt),
		EndAt: StampOf(e.EndAt), Replacing: e.Replacing, Replaced: e.Replaced, Replacement: e.Replacement, Redirect: e.Redirect,
		Root: e.Root, Parent: e.Parent, Plays: e.Plays, Views: e.Views, LastPlayed: StampOf(e.LastPlayedAt), Rank: e.Rank,
		TotalRank: e.TotalRank, Votes: e.Votes, Details: details, PlayableAt: micros(e.PlayableAt), ReadyAt: micros(e.ReadyAt),
		DeletedAt: micros(e.DeletedAt), CreatedAt: micros(e.CreatedAt), UpdatedAt: micros(e.UpdatedAt), Revision: e.Revision,
		SearchWords: strings.Join(words(slices.Concat([]string{e.Name, string(e.ID), e.ReferenceID, e.Description}, e.Tags)...), " "),
	}
	return r.check()
}

// check says which text does not fit its column.
func (r *entryRow) check() error {
	for _, t := range []struct {
		what, text string
		limit      int
	}{
		{"name", r.Name, maxNameBytes}, {"reference id", r.ReferenceID, maxKeyBytes}, {"description", r.Description, maxTextBytes},
		{"tags", r.Tags, maxTextBytes}, {"admin tags", r.AdminTags, maxTextBytes}, {"source key", r.SourceKey, maxTextBytes},
		{"dedup key", r.DedupKey, maxKeyBytes}, {"owner", r.Owner, maxKeyBytes}, {"creator", r.Creator, maxKeyBytes},
		{"editors", r.Editors, maxTextBytes}, {"publishers", r.Publishers, maxTextBytes}, {"viewers", r.Viewers, maxTextBytes},
		{"categories", r.Categories, maxTextBytes}, {"category ids", r.CategoryIDs, maxTextBytes}, {"details", r.Details, maxDetailsBytes},
		{"type", string(r.Type), maxKeyBytes}, {"source type", string(r.SourceType), maxKeyBytes},
		{"redirect", string(r.Redirect), maxKeyBytes}, {"parent", string(r.Parent), maxKeyBytes}, {"root", string(r.Root), maxKeyBytes},
	} {
		if err := checkText(t.what, t.text, t.limit); err != nil {
			return err
		}
	}
	return nil
}

// Comma lists are stored as they are compared: members without space around them, none empty, none twice.

func tokenList(members []string) string {
	var out []string
	for _, m := range members {
		for part := range strings.SplitSeq(m, ",") {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
				out = append(out, part)
			}
		}
	}
	return strings.Join(out, ",")
}

func tokens(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
