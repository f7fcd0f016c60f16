package kaltura

import (
	"sluice/api/rpc"
	"sluice/catalog"
)

// ModerationFlag is a viewer's complaint about an entry.
type ModerationFlag struct {
	rpc.Object
	ID                   *int64                `k:"id,ro"`
	PartnerID            *int64                `k:"partnerId,ro"`
	UserID               *string               `k:"userId,ro"`
	ModerationObjectType *ModerationObjectType `k:"moderationObjectType,ro"`
	FlaggedEntryID       *string               `k:"flaggedEntryId" ref:"entry"`
	FlaggedUserID        *string               `k:"flaggedUserId"`
	Status               *ModerationFlagStatus `k:"status,ro"`
	Comments             *string               `k:"comments,max=4096"`
	FlagType             *ModerationFlagType   `k:"flagType"`
	CreatedAt            *rpc.Time             `k:"createdAt,ro"`
	UpdatedAt            *rpc.Time             `k:"updatedAt,ro"`
}

// ModerationFlagOf is a complaint on the wire.
func ModerationFlagOf(f catalog.ModerationFlag) *ModerationFlag {
	return &ModerationFlag{
		ID: new(f.ID), PartnerID: new(int64(f.Account)), UserID: Opt(f.By), ModerationObjectType: new(ModerationObjectType("2")),
		FlaggedEntryID: new(string(f.Entry)), Status: new(ModerationFlagStatus(f.Status)), Comments: Opt(f.Comments),
		FlagType: Opt(ModerationFlagType(f.Kind)), CreatedAt: At(f.CreatedAt.Time()), UpdatedAt: At(f.UpdatedAt.Time()),
	}
}

// BaseEntryCloneOptionItem is what options of a copy derive from; no request may name it.
type BaseEntryCloneOptionItem struct{ rpc.Object }

// CloneOptionItem is an option of a copy.
type CloneOptionItem interface {
	rpc.Class
	cloneOption()
}

func (*BaseEntryCloneOptionItem) cloneOption() {}

// BaseEntryCloneOptionComponent says whether one part of an entry is copied.
type BaseEntryCloneOptionComponent struct {
	BaseEntryCloneOptionItem
	ItemType *CloneOption   `k:"itemType"`
	Rule     *CloneSelector `k:"rule"`
}
