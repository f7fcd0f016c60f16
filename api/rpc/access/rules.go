package access

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/catalog"
)

// Action types; the values are RuleActionType of the wire.
const (
	Block                 = "1"
	Preview               = "2"
	LimitFlavors          = "3"
	LimitDeliveryProfiles = "5"
	ServeFromRemote       = "6"
	RequestHostRegex      = "7"
	LimitThumbnailCapture = "8"
)

// Messages that say which kind of condition restricts a request.
const (
	CountryRestricted   = "COUNTRY_RESTRICTED"
	IPRestricted        = "IP_RESTRICTED"
	SessionRestricted   = "SESSION_RESTRICTED"
	UserAgentRestricted = "USER_AGENT_RESTRICTED"
	SiteRestricted      = "SITE_RESTRICTED"
	ScheduledRestricted = "SCHEDULED_RESTRICTED"
)

// Message tells a viewer why.
type Message struct{ Code, Text string }

// Verdict is what the rules of a profile say of a request.
type Verdict struct {
	// Actions are those of all rules that apply, in their order.
	Actions  []catalog.AccessAction
	Messages []Message
	// Ruled says that the profile has rules for one of the request's contexts: the verdict may be another for the next
	// request, and must not be cached for it.
	Ruled bool
	// Restrictions are the types of the conditions under which the request is blocked.
	Restrictions []string
}

// Evaluate says which rules of a profile apply to a request. Administrators are subject to those rules only that say so.
func Evaluate(rules []catalog.AccessRule, r *Request) Verdict {
	var v Verdict
	exempt := r.exempt()
	for i := range rules {
		rule := &rules[i]
		if !r.concerns(rule) {
			continue
		}
		v.Ruled = true
		if exempt || r.admin() && !rule.Admins {
			continue
		}
		if slices.ContainsFunc(rule.Conditions, func(c catalog.AccessCondition) bool { return !r.holds(&c) }) {
			continue
		}
		v.apply(rule)
		if rule.Stop {
			break
		}
	}
	return v
}

// Concerns says whether any of the rules is about one of the contexts.
func Concerns(rules []catalog.AccessRule, contexts ...Context) bool {
	r := Request{Contexts: contexts}
	return slices.ContainsFunc(rules, func(rule catalog.AccessRule) bool { return r.concerns(&rule) })
}

func (r *Request) concerns(rule *catalog.AccessRule) bool {
	return len(rule.Contexts) == 0 || slices.ContainsFunc(rule.Contexts, func(c string) bool { return r.in(Context(c)) })
}

func (v *Verdict) apply(rule *catalog.AccessRule) {
	v.Actions = append(v.Actions, rule.Actions...)
	if rule.Message != "" || rule.Code != "" {
		v.Messages = append(v.Messages, Message{Code: rule.Code, Text: rule.Message})
	}
	if !slices.ContainsFunc(rule.Actions, func(a catalog.AccessAction) bool { return a.Type == Block }) {
		return
	}
	for _, c := range rule.Conditions {
		v.Restrictions = append(v.Restrictions, c.Type)
		code, ok := restrictions[c.Type]
		if ok && !slices.ContainsFunc(v.Messages, func(m Message) bool { return m.Code == code.Code }) {
			v.Messages = append(v.Messages, code)
		}
	}
}

// restrictions are the messages by the type of condition.
var restrictions = map[string]Message{
	Country:       {CountryRestricted, "Not available in this country"},
	GeoDistance:   {CountryRestricted, "Not available in this place"},
	IPAddress:     {IPRestricted, "Not available at this address"},
	AnonymousIP:   {IPRestricted, "Not available through an anonymous connection"},
	Authenticated: {SessionRestricted, "Not available without a session that may view it"},
	SessionType:   {SessionRestricted, "Not available to this kind of session"},
	UserAgent:     {UserAgentRestricted, "Not available to this player"},
	Site:          {SiteRestricted, "Not available on this site"},
}

// Blocked says whether the request is refused.
func (v *Verdict) Blocked() bool { return v.has(Block) }

// NoCapture says that no pictures may be taken from the video.
func (v *Verdict) NoCapture() bool { return v.has(LimitThumbnailCapture) }

func (v *Verdict) has(action string) bool {
	return slices.ContainsFunc(v.Actions, func(a catalog.AccessAction) bool { return a.Type == action })
}

// Preview is how much of the entry may be had, from its start; 0 is all of it.
func (v *Verdict) Preview() time.Duration {
	var least time.Duration
	for _, a := range v.Actions {
		d := time.Duration(a.Seconds) * time.Second
		if a.Type == Preview && d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}

// AllowsFlavor says whether flavors made with these parameters may be had.
func (v *Verdict) AllowsFlavor(paramsID string) bool { return v.allows(LimitFlavors, paramsID) }

// AllowsDeliveryProfile says whether a delivery profile may be used.
func (v *Verdict) AllowsDeliveryProfile(id string) bool { return v.allows(LimitDeliveryProfiles, id) }

func (v *Verdict) allows(action, id string) bool {
	for _, a := range v.Actions {
		if a.Type != action {
			continue
		}
		listed := slices.ContainsFunc(strings.Split(a.IDs, ","), func(s string) bool { return strings.TrimSpace(s) == id })
		if listed == a.Blocked {
			return false
		}
	}
	return true
}

// Host is the host by which media is to be had instead of the one that a request came to.
func (v *Verdict) Host(host string) string {
	for _, a := range v.Actions {
		if a.Type != RequestHostRegex {
			continue
		}
		if re, err := regexp.Compile(a.Pattern); err == nil {
			host = re.ReplaceAllString(host, a.Replacement)
		}
	}
	return host
}
