package kaltura

import (
	"sluice/api/rpc"
	"sluice/catalog"
)

// Partner is an account (§5.1 of the API contract).
type Partner struct {
	rpc.Object
	ID                    *int64         `k:"id,ro" f:"eq,in"`
	Name                  *string        `k:"name" f:"like,eq,order"`
	Website               *string        `k:"website"`
	CreatedAt             *rpc.Time      `k:"createdAt,ro" f:"order"`
	AdminName             *string        `k:"adminName"`
	AdminEmail            *string        `k:"adminEmail"`
	Description           *string        `k:"description"`
	Type                  *PartnerType   `k:"type,io"`
	Status                *PartnerStatus `k:"status,ro" f:"eq,in"`
	PartnerPackage        *int           `k:"partnerPackage,ro"`
	Secret                *string        `k:"secret,ro"`
	AdminSecret           *string        `k:"adminSecret,ro"`
	PublishersQuota       *int           `k:"publishersQuota,ro"`
	AdminUserID           *string        `k:"adminUserId"`
	FirstName             *string        `k:"firstName"`
	LastName              *string        `k:"lastName"`
	Country               *string        `k:"country"`
	DefaultDeliveryType   *string        `k:"defaultDeliveryType,ro"`
	TemplatePartnerID     *int64         `k:"templatePartnerId,ro"`
	Host                  *string        `k:"host,ro"`
	CDNHost               *string        `k:"cdnHost,ro"`
	TimeAlignedRenditions *bool          `k:"timeAlignedRenditions,ro"`
}

// PartnerOf is an account on the wire, without its secrets; base is where the platform is reached.
func PartnerOf(a catalog.Account, base string) *Partner {
	d := a.Details
	return &Partner{
		ID: new(int64(a.ID)), Name: new(a.Name), Website: new(d.Website), CreatedAt: At(a.CreatedAt), AdminName: new(d.AdminName),
		AdminEmail: new(d.AdminEmail), Description: new(d.Description), Type: new(PartnerType(1)), Status: new(PartnerStatus(a.Status)),
		PartnerPackage: new(1), PublishersQuota: new(0), AdminUserID: new(d.AdminEmail), FirstName: new(d.AdminName),
		LastName: new(""), Country: new(""), DefaultDeliveryType: new("auto"), TemplatePartnerID: new(int64(0)), Host: new(base),
		CDNHost: new(base), TimeAlignedRenditions: new(true),
	}
}

// PartnerPublicInfo is what anyone may know of an account.
type PartnerPublicInfo struct {
	rpc.Object
	AnalyticsURL                 *string `k:"analyticsUrl"`
	OTTEnvironmentURL            *string `k:"ottEnvironmentUrl"`
	AnalyticsPersistentSessionID *bool   `k:"analyticsPersistentSessionId"`
}
