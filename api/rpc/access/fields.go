package access

import (
	"time"

	"sluice/catalog"
)

// owners are the users who may change an entry without a privilege.
func owners(e catalog.Entry) []string {
	if e.Owner == "" {
		return e.Editors
	}
	return append(e.Editors[:len(e.Editors):len(e.Editors)], e.Owner)
}

// Scheduled says whether a moment lies in the entry's window.
func Scheduled(e catalog.Entry, at time.Time) bool {
	return (e.StartAt.IsZero() || !at.Before(e.StartAt)) && (e.EndAt.IsZero() || at.Before(e.EndAt))
}

// Moderated says whether viewers may not have the entry because it waits for a moderator or was refused by one.
func Moderated(e catalog.Entry) bool {
	switch e.Moderation {
	case catalog.ModerationPending, catalog.ModerationRejected, catalog.ModerationDeleted:
		return true
	}
	return e.Status == catalog.EntryModerate || e.Status == catalog.EntryBlocked
}
