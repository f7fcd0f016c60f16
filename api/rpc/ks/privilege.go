package ks

import "strings"

// ParsePrivileges reads a list of privileges as sessions are started with: name or name:value, separated by commas.
func ParsePrivileges(text string) []Privilege {
	var out []Privilege
	for item := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), ":")
		if name != "" {
			out = append(out, Privilege{name, value})
		}
	}
	return out
}

// FormatPrivileges is the reverse of ParsePrivileges; all:* reads as *.
func FormatPrivileges(list []Privilege) string {
	items := make([]string, len(list))
	for i, p := range list {
		items[i] = p.String()
	}
	return strings.Join(items, ",")
}

func (p Privilege) String() string {
	switch {
	case p.all():
		return "*"
	case p.Value == "":
		return p.Name
	}
	return p.Name + ":" + p.Value
}

func (p Privilege) all() bool { return p.Name == "*" || p.Name == "all" && p.Value == "*" }

// reserved are the names that mean something to the server.
var reserved = map[string]bool{
	"*": true, "all": true, "edit": true, "sview": true, "view": true, "list": true, "download": true, "downloadasset": true,
	"editplaylist": true, "sviewplaylist": true, "setrole": true, "restrictingrole": true, "limitentry": true,
	"privacycontext": true, "enableentitlement": true, "disableentitlement": true, "disableentitlementforentry": true,
	"disableentitlementforplaylist": true, "enablecategorymoderation": true, "enablecaptionmoderation": true,
	"actionslimit": true, "iprestrict": true, "urirestrict": true, "sessionid": true, "apptoken": true, "preview": true,
	"reftime": true, "sessionkey": true, "searchcontext": true, "virtualeventid": true, "jobtype": true, "edituser": true,
	"editadmintags": true, "enablechangeaccount": true, "restrictexplicitliveview": true, "disablesessiontypecheck": true,
	"editcuepoint": true, "caption": true, "widget": true,
}

// Reserved says whether the name means something to the server, so that whoever starts a session from a lesser one may
// not choose it.
func (p Privilege) Reserved() bool { return reserved[p.Name] || strings.HasPrefix(p.Name, "_") }

// merge joins the values of privileges of the same name, because version 2 of the token holds a name once.
func merge(list []Privilege) []Privilege {
	at := map[string]int{}
	var out []Privilege
	for _, p := range list {
		i, seen := at[p.Name]
		switch {
		case !seen:
			at[p.Name] = len(out)
			out = append(out, p)
		case out[i].Value == "":
			out[i].Value = p.Value
		case p.Value != "":
			separator := "/"
			if p.Name == "urirestrict" {
				separator = "|"
			}
			out[i].Value += separator + p.Value
		}
	}
	return out
}
