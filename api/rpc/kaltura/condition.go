package kaltura

import (
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/catalog"
)

// Conditional is any condition of a rule.
type Conditional interface {
	rpc.Class
	condition() (catalog.AccessCondition, error)
}

// Condition is the base of all conditions.
type Condition struct {
	rpc.Object
	Type        *ConditionType `k:"type,ro"`
	Description *string        `k:"description"`
	Not         *bool          `k:"not"`
}

func (*Condition) condition() (catalog.AccessCondition, error) {
	return catalog.AccessCondition{}, rpc.E("OBJECT_TYPE_ABSTRACT", "OBJ_TYPE", "KalturaCondition")
}

func (c *Condition) of(kind string) catalog.AccessCondition {
	return catalog.AccessCondition{Type: kind, Not: Value(c.Not), Description: Value(c.Description)}
}

// MatchCondition is the base of those that compare with values.
type MatchCondition struct {
	Condition
	Values []*StringValue `k:"values"`
}

// matching is a condition of a kind, whose values each pass a check.
func (c *MatchCondition) matching(kind, class, format string, check func(string) error) (catalog.AccessCondition, error) {
	out := c.of(kind)
	out.Values = plainValues(c.Values)
	for _, v := range out.Values {
		if err := check(v); err != nil {
			return out, rpc.E("PROPERTY_VALIDATION_WRONG_FORMAT", "PROP_NAME", class+"::values", "FORMAT", format).Because(err)
		}
	}
	return out, nil
}

// The conditions.
type (
	IpAddressCondition struct {
		MatchCondition
		AcceptInternalIPs *bool   `k:"acceptInternalIps"`
		HTTPHeader        *string `k:"httpHeader"`
	}
	CountryCondition struct {
		MatchCondition
		GeoCoderType *GeoCoderType `k:"geoCoderType"`
	}
	GeoDistanceCondition struct {
		MatchCondition
		GeoCoderType *GeoCoderType `k:"geoCoderType"`
	}
	AnonymousIPCondition struct {
		MatchCondition
		GeoCoderType *GeoCoderType `k:"geoCoderType"`
	}
	SiteCondition       struct{ MatchCondition }
	UserAgentCondition  struct{ MatchCondition }
	HttpHeaderCondition struct {
		MatchCondition
		HeaderName *string `k:"headerName"`
	}
	AuthenticatedCondition struct {
		Condition
		Privileges []*StringValue `k:"privileges"`
	}
	OrCondition struct {
		Condition
		Conditions []Conditional `k:"conditions"`
	}
	SessionTypeCondition struct {
		Condition
		SessionType *SessionType `k:"sessionType"`
	}
)

func (c *IpAddressCondition) condition() (catalog.AccessCondition, error) {
	out, err := c.matching(access.IPAddress, "KalturaIpAddressCondition", "address, range or block", access.CheckRange)
	out.Header, out.Internal = Value(c.HTTPHeader), Value(c.AcceptInternalIPs)
	return out, err
}

func (c *CountryCondition) condition() (catalog.AccessCondition, error) {
	out := c.of(access.Country)
	out.Values, out.GeoCoder = plainValues(c.Values), string(Value(c.GeoCoderType))
	return out, nil
}

func (c *GeoDistanceCondition) condition() (catalog.AccessCondition, error) {
	out, err := c.matching(access.GeoDistance, "KalturaGeoDistanceCondition", "latitude,longitude,kilometres", access.CheckCircle)
	out.GeoCoder = string(Value(c.GeoCoderType))
	return out, err
}

func (c *AnonymousIPCondition) condition() (catalog.AccessCondition, error) {
	out := c.of(access.AnonymousIP)
	out.Values, out.GeoCoder = plainValues(c.Values), string(Value(c.GeoCoderType))
	return out, nil
}

func (c *SiteCondition) condition() (catalog.AccessCondition, error) {
	out := c.of(access.Site)
	out.Values = plainValues(c.Values)
	return out, nil
}

func (c *UserAgentCondition) condition() (catalog.AccessCondition, error) {
	return c.matching(access.UserAgent, "KalturaUserAgentCondition", "regular expression", access.CheckPattern)
}

func (c *HttpHeaderCondition) condition() (catalog.AccessCondition, error) {
	out, err := c.matching(access.HTTPHeader, "KalturaHttpHeaderCondition", "regular expression", access.CheckPattern)
	if out.Header = Value(c.HeaderName); out.Header == "" && err == nil {
		err = rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaHttpHeaderCondition::headerName")
	}
	return out, err
}

func (c *AuthenticatedCondition) condition() (catalog.AccessCondition, error) {
	out := c.of(access.Authenticated)
	out.Values = plainValues(c.Privileges)
	return out, nil
}

func (c *OrCondition) condition() (catalog.AccessCondition, error) {
	out := c.of(access.AnyOf)
	for _, one := range c.Conditions {
		if _, nested := one.(*OrCondition); nested {
			return out, rpc.E("PROPERTY_VALIDATION_UNTIL_NOT_VALID", "PROP_NAME", "KalturaOrCondition::conditions")
		}
		condition, err := one.condition()
		if err != nil {
			return out, err
		}
		out.Conditions = append(out.Conditions, condition)
	}
	return out, nil
}

func (c *SessionTypeCondition) condition() (catalog.AccessCondition, error) {
	out := c.of(access.SessionType)
	if c.SessionType == nil {
		return out, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaSessionTypeCondition::sessionType")
	}
	out.Values = []string{strconv.Itoa(int(*c.SessionType))}
	return out, nil
}

// conditionsOf are conditions on the wire, each of its own class.
func conditionsOf(list []catalog.AccessCondition) []Conditional {
	out := []Conditional{}
	for _, c := range list {
		if one := conditionOf(c); one != nil {
			out = append(out, one)
		}
	}
	return out
}

func conditionOf(c catalog.AccessCondition) Conditional {
	base := Condition{Type: new(ConditionType(c.Type)), Description: Opt(c.Description), Not: new(c.Not)}
	match := MatchCondition{base, stringValues(c.Values)}
	geo := Opt(GeoCoderType(c.GeoCoder))
	switch c.Type {
	case access.IPAddress:
		return &IpAddressCondition{match, new(c.Internal), Opt(c.Header)}
	case access.Country:
		return &CountryCondition{match, geo}
	case access.GeoDistance:
		return &GeoDistanceCondition{match, geo}
	case access.AnonymousIP:
		return &AnonymousIPCondition{match, geo}
	case access.Site:
		return &SiteCondition{match}
	case access.UserAgent:
		return &UserAgentCondition{match}
	case access.HTTPHeader:
		return &HttpHeaderCondition{match, Opt(c.Header)}
	case access.Authenticated:
		return &AuthenticatedCondition{base, stringValues(c.Values)}
	case access.AnyOf:
		return &OrCondition{base, conditionsOf(c.Conditions)}
	case access.SessionType:
		out := &SessionTypeCondition{Condition: base}
		if len(c.Values) > 0 {
			if n, err := strconv.Atoi(c.Values[0]); err == nil {
				out.SessionType = new(SessionType(n))
			}
		}
		return out
	}
	return nil
}
