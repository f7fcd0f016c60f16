package metadata

import (
	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

var (
	objectTypes     = rpc.NewEnum("KalturaMetadataObjectType", "ENTRY=1 CATEGORY=2 USER=3 PARTNER=4 DYNAMIC_OBJECT=5 USER_ENTRY=6")
	statuses        = rpc.NewEnum("KalturaMetadataStatus", "VALID=1 INVALID=2 DELETED=3")
	profileStatuses = rpc.NewEnum("KalturaMetadataProfileStatus", "ACTIVE=1 DEPRECATED=2 TRANSFORMING=3")
	createModes     = rpc.NewEnum("KalturaMetadataProfileCreateMode", "API=1 KMC=2 APP=3")
)

// Enums of custom metadata.
type (
	ObjectType    string
	Status        int
	ProfileStatus int
	CreateMode    int
)

// Enum implements rpc.Enumerated, here and below.
func (ObjectType) Enum() *rpc.Enum    { return objectTypes }
func (Status) Enum() *rpc.Enum        { return statuses }
func (ProfileStatus) Enum() *rpc.Enum { return profileStatuses }
func (CreateMode) Enum() *rpc.Enum    { return createModes }

// Metadata is the values of an object (§5.12 of the API contract).
type Metadata struct {
	rpc.Object
	ID             *int64      `k:"id,ro"`
	PartnerID      *int64      `k:"partnerId,ro"`
	ProfileID      *int64      `k:"metadataProfileId,ro" f:"eq,in"`
	ProfileVersion *int        `k:"metadataProfileVersion,ro" f:"eq,gte,lte,order"`
	ObjectType     *ObjectType `k:"metadataObjectType,ro" f:"eq"`
	ObjectID       *string     `k:"objectId,ro" f:"eq,in"`
	Version        *int        `k:"version,ro" f:"eq,gte,lte,order"`
	CreatedAt      *rpc.Time   `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt      *rpc.Time   `k:"updatedAt,ro" f:"gte,lte,order"`
	Status         *Status     `k:"status,ro" f:"eq,in"`
	XML            *string     `k:"xml,ro"`
}

func of(m catalog.Metadata) *Metadata {
	return &Metadata{
		ID: new(m.ID), PartnerID: new(int64(m.Account)), ProfileID: new(m.Profile), ProfileVersion: new(m.ProfileVersion),
		ObjectType: new(ObjectType(m.ObjectType)), ObjectID: new(m.Object), Version: new(m.Version), CreatedAt: kaltura.At(m.CreatedAt.Time()),
		UpdatedAt: kaltura.At(m.UpdatedAt.Time()), Status: new(Status(m.Status)), XML: new(m.XML),
	}
}

// MetadataProfile is a schema.
type MetadataProfile struct { //nolint:revive // named as on the wire
	rpc.Object
	ID             *int64         `k:"id,ro" f:"eq,in"`
	PartnerID      *int64         `k:"partnerId,ro" f:"eq"`
	ObjectType     *ObjectType    `k:"metadataObjectType,io" f:"eq,in"`
	Version        *int           `k:"version,ro" f:"eq"`
	Name           *string        `k:"name,max=255" f:"eq"`
	SystemName     *string        `k:"systemName,max=120" f:"eq,in"`
	Description    *string        `k:"description"`
	CreatedAt      *rpc.Time      `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt      *rpc.Time      `k:"updatedAt,ro" f:"gte,lte,order"`
	Status         *ProfileStatus `k:"status,ro" f:"eq,in"`
	XSD            *string        `k:"xsd,ro"`
	Views          *string        `k:"views,ro"`
	XSLT           *string        `k:"xslt,ro"`
	CreateMode     *CreateMode    `k:"createMode" f:"eq,not,in,notin"`
	DisableReIndex *bool          `k:"disableReIndexing"`
}

func profileOf(p catalog.MetadataProfile) *MetadataProfile {
	return &MetadataProfile{
		ID: new(p.ID), PartnerID: new(int64(p.Account)), ObjectType: new(ObjectType(p.ObjectType)), Version: new(p.Version), Name: new(p.Name),
		SystemName: kaltura.Opt(p.SystemName), Description: kaltura.Opt(p.Description), CreatedAt: kaltura.At(p.CreatedAt.Time()),
		UpdatedAt: kaltura.At(p.UpdatedAt.Time()), Status: new(ProfileStatus(p.Status)), XSD: new(p.XSD), Views: kaltura.Opt(p.Views),
		CreateMode: kaltura.Opt(CreateMode(p.CreateMode)), DisableReIndex: new(false),
	}
}

func (in *MetadataProfile) into(p *catalog.MetadataProfile) {
	if in.Name != nil {
		p.Name = *in.Name
	}
	if in.SystemName != nil || in.Cleared("systemName") {
		p.SystemName = kaltura.Value(in.SystemName)
	}
	if in.Description != nil || in.Cleared("description") {
		p.Description = kaltura.Value(in.Description)
	}
	if in.CreateMode != nil {
		p.CreateMode = int(*in.CreateMode)
	}
}

// MetadataProfileField is a field of a schema.
type MetadataProfileField struct { //nolint:revive // named as on the wire
	rpc.Object
	ID    *int    `k:"id,ro"`
	XPath *string `k:"xPath,ro"`
	Key   *string `k:"key,ro"`
	Label *string `k:"label,ro"`
}
