package kaltura

import (
	"sluice/api/rpc"
	"sluice/catalog"
)

// Widget is where players get their sessions (§5.22 of the API contract).
type Widget struct {
	rpc.Object
	ID                 *string             `k:"id,ro" f:"eq,in"`
	SourceWidgetID     *string             `k:"sourceWidgetId" f:"eq"`
	RootWidgetID       *string             `k:"rootWidgetId,ro" f:"eq"`
	PartnerID          *int64              `k:"partnerId,ro" f:"eq"`
	EntryID            *string             `k:"entryId" f:"eq"`
	UIConfID           *int64              `k:"uiConfId" f:"eq"`
	SecurityType       *WidgetSecurityType `k:"securityType"`
	SecurityPolicy     *int                `k:"securityPolicy"`
	CreatedAt          *rpc.Time           `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt          *rpc.Time           `k:"updatedAt,ro" f:"gte,lte"`
	PartnerData        *string             `k:"partnerData,max=4096" f:"like"`
	WidgetHTML         *string             `k:"widgetHTML,ro"`
	EnforceEntitlement *bool               `k:"enforceEntitlement"`
	PrivacyContext     *string             `k:"privacyContext,max=1024"`
	AddEmbedHTML5      *bool               `k:"addEmbedHtml5Support"`
	Roles              *string             `k:"roles,max=1024"`
	Privileges         *string             `k:"privileges,max=1024"`
}

// WidgetOf is a widget on the wire.
func WidgetOf(w catalog.Widget) *Widget {
	d := w.Details
	return &Widget{
		ID: new(w.ID), SourceWidgetID: Opt(w.Source), RootWidgetID: Opt(w.Root), PartnerID: new(int64(w.Account)),
		EntryID: Opt(string(w.Entry)), UIConfID: Opt(w.UIConf), SecurityType: new(WidgetSecurityType(max(d.SecurityType, 1))),
		SecurityPolicy: new(d.SecurityPolicy), CreatedAt: At(w.CreatedAt.Time()), UpdatedAt: At(w.UpdatedAt.Time()),
		PartnerData: Opt(w.Data), WidgetHTML: new(""), EnforceEntitlement: new(d.Entitlement), PrivacyContext: Opt(d.PrivacyContext),
		AddEmbedHTML5: new(d.HTML5Support), Roles: Opt(d.Roles), Privileges: Opt(d.Privileges),
	}
}

// Apply writes what the client may choose; what it was made from is chosen once.
func (a *Widget) Apply(w *catalog.Widget) {
	w.Entry, w.UIConf, w.Data = catalog.EntryID(Value(a.EntryID)), Value(a.UIConfID), Value(a.PartnerData)
	w.Details = catalog.WidgetDetails{
		SecurityType: int(Value(a.SecurityType)), SecurityPolicy: Value(a.SecurityPolicy),
		Entitlement: a.EnforceEntitlement == nil || *a.EnforceEntitlement, PrivacyContext: Value(a.PrivacyContext),
		HTML5Support: Value(a.AddEmbedHTML5), Roles: Value(a.Roles), Privileges: Value(a.Privileges),
	}
}
