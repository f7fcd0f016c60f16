package category

import (
	"cmp"
	"encoding/json"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

var (
	statuses      = rpc.NewEnum("KalturaCategoryStatus", "UPDATING=1 ACTIVE=2 DELETED=3 PURGED=4")
	privacies     = rpc.NewEnum("KalturaPrivacyType", "ALL=1 AUTHENTICATED_USERS=2 MEMBERS_ONLY=3")
	entryStatuses = rpc.NewEnum("KalturaCategoryEntryStatus", "PENDING=1 ACTIVE=2 DELETED=3 REJECTED=4")
	inheritances  = rpc.NewEnum("KalturaInheritanceType", "INHERIT=1 MANUAL=2")
	joinPolicies  = rpc.NewEnum("KalturaUserJoinPolicyType", "AUTO_JOIN=1 REQUEST_TO_JOIN=2 NOT_ALLOWED=3")
	contributions = rpc.NewEnum("KalturaContributionPolicyType", "ALL=1 MEMBERS_WITH_CONTRIBUTION_PERMISSION=2")
	appearances   = rpc.NewEnum("KalturaAppearInListType", "PARTNER_ONLY=1 CATEGORY_MEMBERS_ONLY=3")
)

// Enums of categories.
type (
	Status       int
	EntryStatus  int
	PrivacyType  int
	Inheritance  int
	JoinPolicy   int
	Contribution int
	Appearance   int
)

// Enum implements rpc.Enumerated, here and below.
func (Status) Enum() *rpc.Enum       { return statuses }
func (EntryStatus) Enum() *rpc.Enum  { return entryStatuses }
func (PrivacyType) Enum() *rpc.Enum  { return privacies }
func (Inheritance) Enum() *rpc.Enum  { return inheritances }
func (JoinPolicy) Enum() *rpc.Enum   { return joinPolicies }
func (Contribution) Enum() *rpc.Enum { return contributions }
func (Appearance) Enum() *rpc.Enum   { return appearances }

// Category is a category (§5.13 of the API contract).
type Category struct {
	rpc.Object
	ID                       *int64        `k:"id,ro" f:"eq,in,notin"`
	ParentID                 *int64        `k:"parentId,io" f:"eq,in"`
	Depth                    *int          `k:"depth,ro" f:"eq,order"`
	PartnerID                *int64        `k:"partnerId,ro"`
	Name                     *string       `k:"name,max=255" f:"order"`
	FullName                 *string       `k:"fullName,ro" f:"eq,in,likex,order"`
	FullIDs                  *string       `k:"fullIds,ro" f:"eq,likex"`
	EntriesCount             *int64        `k:"entriesCount,ro"`
	DirectEntriesCount       *int64        `k:"directEntriesCount,ro"`
	DirectSubCategoriesCount *int64        `k:"directSubCategoriesCount,ro"`
	CreatedAt                *rpc.Time     `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt                *rpc.Time     `k:"updatedAt,ro" f:"gte,lte,order"`
	Description              *string       `k:"description"`
	Tags                     *string       `k:"tags" f:"like,mlikeor,mlikeand"`
	AppearInList             *Appearance   `k:"appearInList"`
	Privacy                  *PrivacyType  `k:"privacy"`
	InheritanceType          *Inheritance  `k:"inheritanceType"`
	UserJoinPolicy           *JoinPolicy   `k:"userJoinPolicy"`
	DefaultPermissionLevel   *Level        `k:"defaultPermissionLevel"`
	Owner                    *string       `k:"owner"`
	ReferenceID              *string       `k:"referenceId,max=512" f:"eq,in"`
	ContributionPolicy       *Contribution `k:"contributionPolicy"`
	MembersCount             *int64        `k:"membersCount,ro"`
	PendingMembersCount      *int64        `k:"pendingMembersCount,ro"`
	PrivacyContext           *string       `k:"privacyContext"`
	PrivacyContexts          *string       `k:"privacyContexts,ro"`
	Status                   *Status       `k:"status,ro" f:"eq,in"`
	PartnerSortValue         *int64        `k:"partnerSortValue" f:"gte,lte,order"`
	PartnerData              *string       `k:"partnerData"`
	DefaultOrderBy           *string       `k:"defaultOrderBy"`
	Moderation               *int          `k:"moderation"`
	PendingEntriesCount      *int64        `k:"pendingEntriesCount,ro"`
	IsAggregationCategory    *bool         `k:"isAggregationCategory"`
	AggregationCategories    *string       `k:"aggregationCategories"`
	AdminTags                *string       `k:"adminTags"`
}

// more is what is kept of a category as it was sent.
type more struct {
	AppearInList           *Appearance   `json:"appearInList,omitempty"`
	Privacy                *PrivacyType  `json:"privacy,omitempty"`
	InheritanceType        *Inheritance  `json:"inheritanceType,omitempty"`
	UserJoinPolicy         *JoinPolicy   `json:"userJoinPolicy,omitempty"`
	DefaultPermissionLevel *Level        `json:"defaultPermissionLevel,omitempty"`
	ContributionPolicy     *Contribution `json:"contributionPolicy,omitempty"`
	PrivacyContext         *string       `json:"privacyContext,omitempty"`
	PartnerData            *string       `json:"partnerData,omitempty"`
	DefaultOrderBy         *string       `json:"defaultOrderBy,omitempty"`
	Moderation             *int          `json:"moderation,omitempty"`
	IsAggregation          *bool         `json:"isAggregationCategory,omitempty"`
	Aggregation            *string       `json:"aggregationCategories,omitempty"`
	AdminTags              *string       `json:"adminTags,omitempty"`
}

// of is a category on the wire.
func of(c catalog.Category, n catalog.CategoryCounts, admin bool) *Category {
	var m more
	if len(c.More) > 0 {
		_ = json.Unmarshal(c.More, &m) // written by into
	}
	out := &Category{
		ID: new(int64(c.ID)), ParentID: new(int64(c.Parent)), Depth: new(c.Depth), PartnerID: new(int64(c.Account)), Name: new(c.Name),
		FullName: new(c.FullName), FullIDs: new(c.FullIDs), EntriesCount: new(n.All), DirectEntriesCount: new(n.Direct),
		DirectSubCategoriesCount: new(n.Children), CreatedAt: kaltura.At(c.CreatedAt.Time()), UpdatedAt: kaltura.At(c.UpdatedAt.Time()),
		Description: kaltura.Opt(c.Description), Tags: kaltura.Opt(c.Tags), AppearInList: cmp.Or(m.AppearInList, new(Appearance(1))), Privacy: m.Privacy,
		InheritanceType: cmp.Or(m.InheritanceType, new(Inheritance(2))), UserJoinPolicy: cmp.Or(m.UserJoinPolicy, new(JoinPolicy(3))), DefaultPermissionLevel: cmp.Or(m.DefaultPermissionLevel, new(Level(3))),
		Owner: kaltura.Opt(c.Owner), ReferenceID: kaltura.Opt(c.ReferenceID), ContributionPolicy: cmp.Or(m.ContributionPolicy, new(Contribution(1))), MembersCount: new(n.Members),
		PendingMembersCount: new(n.Pending), PrivacyContext: m.PrivacyContext, PrivacyContexts: m.PrivacyContext, Status: new(Status(c.Status)),
		PartnerSortValue: new(c.SortValue), PartnerData: m.PartnerData, DefaultOrderBy: m.DefaultOrderBy, Moderation: cmp.Or(m.Moderation, new(0)),
		PendingEntriesCount: new(n.Waiting), IsAggregationCategory: m.IsAggregation, AggregationCategories: m.Aggregation,
	}
	if out.Privacy == nil {
		out.Privacy = new(PrivacyType(catalog.PrivacyAll))
	}
	if admin {
		out.AdminTags = m.AdminTags
	}
	return out
}

// into makes a category what a request says of it.
func (in *Category) into(c *catalog.Category) error {
	var m more
	if len(c.More) > 0 {
		if err := json.Unmarshal(c.More, &m); err != nil {
			return err
		}
	}
	text := func(dst *string, sent *string, name string) {
		if sent != nil {
			*dst = *sent
		} else if in.Cleared(name) {
			*dst = ""
		}
	}
	text(&c.Name, in.Name, "")
	text(&c.Description, in.Description, "description")
	text(&c.Tags, in.Tags, "tags")
	text(&c.Owner, in.Owner, "owner")
	text(&c.ReferenceID, in.ReferenceID, "referenceId")
	if in.PartnerSortValue != nil {
		c.SortValue = *in.PartnerSortValue
	}
	if in.Privacy != nil {
		m.Privacy = in.Privacy
	}
	m.AppearInList, m.InheritanceType = cmp.Or(in.AppearInList, m.AppearInList), cmp.Or(in.InheritanceType, m.InheritanceType)
	m.UserJoinPolicy, m.DefaultPermissionLevel = cmp.Or(in.UserJoinPolicy, m.UserJoinPolicy), cmp.Or(in.DefaultPermissionLevel, m.DefaultPermissionLevel)
	m.ContributionPolicy, m.Moderation = cmp.Or(in.ContributionPolicy, m.ContributionPolicy), cmp.Or(in.Moderation, m.Moderation)
	for _, f := range []struct {
		dst, sent **string
		name      string
	}{
		{&m.PrivacyContext, &in.PrivacyContext, "privacyContext"}, {&m.PartnerData, &in.PartnerData, "partnerData"},
		{&m.DefaultOrderBy, &in.DefaultOrderBy, "defaultOrderBy"}, {&m.Aggregation, &in.AggregationCategories, "aggregationCategories"},
		{&m.AdminTags, &in.AdminTags, "adminTags"},
	} {
		if *f.sent != nil || in.Cleared(f.name) {
			*f.dst = *f.sent
		}
	}
	if in.IsAggregationCategory != nil {
		m.IsAggregation = in.IsAggregationCategory
	}
	var err error
	c.More, err = json.Marshal(m)
	return err
}

// CategoryEntry says that an entry is in a category.
type CategoryEntry struct { //nolint:revive // named as on the wire
	rpc.Object
	CategoryID      *int64       `k:"categoryId,io" f:"eq,in"`
	EntryID         *string      `k:"entryId,io" f:"eq,in"`
	CreatedAt       *rpc.Time    `k:"createdAt,ro" f:"gte,lte,order"`
	CategoryFullIDs *string      `k:"categoryFullIds,ro"`
	Status          *EntryStatus `k:"status,ro" f:"eq,in"`
	CreatorUserID   *string      `k:"creatorUserId,ro" f:"eq,in"`
}
