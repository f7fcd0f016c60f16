package kaltura

import (
	"slices"
	"strings"

	"sluice/api/rpc"
	"sluice/catalog"
)

// AccessControlProfile is a profile of rules about who may have the entries that name it.
type AccessControlProfile struct {
	rpc.Object
	ID          *int64        `k:"id,ro" f:"eq,in"`
	PartnerID   *int64        `k:"partnerId,ro"`
	Name        *string       `k:"name,min=1,max=128"`
	SystemName  *string       `k:"systemName,max=128" f:"eq,in"`
	Description *string       `k:"description,max=1024"`
	CreatedAt   *rpc.Time     `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt   *rpc.Time     `k:"updatedAt,ro" f:"gte,lte,order"`
	IsDefault   *rpc.NullBool `k:"isDefault"`
	Rules       []*Rule       `k:"rules"`
}

// Rule applies its actions when all its conditions hold.
type Rule struct {
	rpc.Object
	Description          *string              `k:"description"`
	RuleData             *string              `k:"ruleData"`
	Message              *string              `k:"message"`
	Code                 *string              `k:"code"`
	Actions              []RuleActor          `k:"actions"`
	Conditions           []Conditional        `k:"conditions"`
	Contexts             []*ContextTypeHolder `k:"contexts"`
	StopProcessing       *bool                `k:"stopProcessing"`
	ForceAdminValidation *rpc.NullBool        `k:"forceAdminValidation"`
}

// ContextTypeHolder names a context; AccessControlContextTypeHolder is the same for access control.
type (
	ContextTypeHolder struct {
		rpc.Object
		Type *ContextType `k:"type"`
	}
	AccessControlContextTypeHolder struct{ ContextTypeHolder }
)

// StringValue is a value of a condition.
type StringValue struct {
	rpc.Object
	Value       *string `k:"value"`
	Description *string `k:"description"`
}

// AccessControlProfileOf is a profile on the wire.
func AccessControlProfileOf(p catalog.AccessControl) *AccessControlProfile {
	out := &AccessControlProfile{
		ID: new(p.ID), PartnerID: new(int64(p.Account)), Name: new(p.Name), SystemName: Opt(p.SystemName), Description: Opt(p.Description),
		CreatedAt: At(p.CreatedAt.Time()), UpdatedAt: At(p.UpdatedAt.Time()), IsDefault: Bool(p.Default), Rules: []*Rule{},
	}
	for _, r := range p.Rules {
		out.Rules = append(out.Rules, ruleOf(r))
	}
	return out
}

// Update sets what a request says of a profile.
func (a *AccessControlProfile) Update(p *catalog.AccessControl) error {
	set(&p.Name, a.Name, false)
	set(&p.SystemName, a.SystemName, a.Cleared("systemName"))
	set(&p.Description, a.Description, a.Cleared("description"))
	if a.IsDefault != nil && *a.IsDefault == rpc.True {
		p.Default = true
	}
	if a.Rules == nil {
		return nil
	}
	rules := []catalog.AccessRule{}
	for _, r := range a.Rules {
		rule, err := r.rule()
		if err != nil {
			return err
		}
		rules = append(rules, rule)
	}
	p.Rules = rules
	return nil
}

func ruleOf(r catalog.AccessRule) *Rule {
	out := &Rule{
		Description: Opt(r.Description), RuleData: Opt(r.Data), Message: Opt(r.Message), Code: Opt(r.Code), StopProcessing: new(r.Stop),
		ForceAdminValidation: Bool(r.Admins), Actions: RuleActions(r.Actions), Conditions: conditionsOf(r.Conditions), Contexts: []*ContextTypeHolder{},
	}
	for _, c := range r.Contexts {
		out.Contexts = append(out.Contexts, &ContextTypeHolder{Type: new(ContextType(c))})
	}
	return out
}

func (r *Rule) rule() (catalog.AccessRule, error) {
	out := catalog.AccessRule{
		Description: Value(r.Description), Data: Value(r.RuleData), Message: Value(r.Message), Code: Value(r.Code), Stop: Value(r.StopProcessing),
		Admins: Value(r.ForceAdminValidation) == rpc.True,
	}
	for _, a := range r.Actions {
		action, err := a.action()
		if err != nil {
			return out, err
		}
		out.Actions = append(out.Actions, action)
	}
	for _, c := range r.Conditions {
		condition, err := c.condition()
		if err != nil {
			return out, err
		}
		out.Conditions = append(out.Conditions, condition)
	}
	for _, c := range r.Contexts {
		if c.Type == nil {
			return out, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaContextTypeHolder::type")
		}
		if !slices.Contains(out.Contexts, string(*c.Type)) {
			out.Contexts = append(out.Contexts, string(*c.Type))
		}
	}
	return out, nil
}

// stringValues are values on the wire.
func stringValues(values []string) []*StringValue {
	out := []*StringValue{}
	for _, v := range values {
		out = append(out, &StringValue{Value: new(v)})
	}
	return out
}

// plainValues is the reverse of stringValues.
func plainValues(values []*StringValue) []string {
	var out []string
	for _, v := range values {
		if s := strings.TrimSpace(Value(v.Value)); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// AddAccessControl adds the classes that requests choose by name.
func AddAccessControl(r *rpc.Registry) {
	r.Abstract(&RuleAction{}, &Condition{})
	rpc.Base[RuleActor](r, &RuleAction{})
	rpc.Base[Conditional](r, &Condition{})
	r.Classes(
		&AccessControlBlockAction{}, &AccessControlPreviewAction{}, &AccessControlLimitFlavorsAction{}, &AccessControlLimitDeliveryProfilesAction{},
		&AccessControlServeRemoteEdgeServerAction{}, &AccessControlModifyRequestHostRegexAction{}, &AccessControlLimitThumbnailCaptureAction{},
		&IpAddressCondition{}, &CountryCondition{}, &GeoDistanceCondition{}, &AnonymousIPCondition{}, &SiteCondition{}, &UserAgentCondition{},
		&HttpHeaderCondition{}, &AuthenticatedCondition{}, &OrCondition{}, &SessionTypeCondition{},
		&ContextTypeHolder{}, &AccessControlContextTypeHolder{}, &StringValue{},
	)
}
