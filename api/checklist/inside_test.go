package checklist

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// refers are the properties of objects that name other objects, by the kind that they name; a class before the name says
// where it is otherwise than elsewhere. Suffixes of filters are left off.
var refers = map[string]string{
	"entryId": "entry", "templateEntryId": "entry", "parentEntryId": "entry", "redirectEntryId": "entry", "rootEntryId": "entry", "defaultEntryId": "entry",
	"flaggedEntryId": "entry", "replacedEntryId": "entry", "replacingEntryId": "entry",
	"conversionProfileId": "conversionProfile", "conversionQuality": "conversionProfile", "accessControlId": "accessControlProfile",
	"flavorParamsId": "flavorParams", "flavorParamsIds": "flavorParams", "assetParamsId": "flavorParams", "sourceAssetParamsIds": "flavorParams",
	"sourceParamsId": "flavorAsset", "flavorAssetId": "flavorAsset", "assetId": "flavorAsset", "token": "uploadToken",
	"KalturaThumbCuePoint.assetId": "thumbAsset", "cuePointId": "cuePoint", "KalturaAnnotation.parentId": "cuePoint", "KalturaAnnotationFilter.parentId": "cuePoint",
	"KalturaCaptionAsset.parentId": "captionAsset", "associatedTranscriptIds": "attachmentAsset", "associatedCaptionId": "captionAsset",
	"sourceWidgetId": "widget", "rootWidgetId": "widget", "responseProfileId": "responseProfile", "KalturaEventNotificationScope.objectId": "entry",
	"templateId": "eventNotificationTemplate", "categoriesIds": "category", "categoryId": "category", "KalturaCategory.parentId": "category",
	"metadataProfileId": "metadataProfile", "KalturaMetadataFilter.objectId": "entry", "redirectFromEntryId": "entry", "roleIds": "userRole",
	"categoryAncestorId": "category", "dropFolderId": "dropFolder",
}

// plain are properties that look like ids and name nothing of an account, by reason.
var plain = map[string]string{
	"partnerId": "the account itself", "userId": "users are named by anybody and made when they are named", "creatorId": "a user",
	"sessionUserId": "a user", "flaggedUserId": "a user", "adminUserId": "a user", "referenceId": "a text of the caller's", "externalId": "a text of the caller's",
	"searchProviderId": "an id of another system", "groupId": "a number of the caller's", "uiConfId": "players are not stored", "storageProfileId": "sluice has one storage",
	"sourceRemoteStorageProfileId": "sluice has one storage", "remoteStorageProfileIds": "sluice has one storage",
	"replacmenServerNodeId": "servers of a network", "dropFolderFileId": "such resources are refused",
	"deliveryProfileIds": "deliveries are the server's", "edgeServerIds": "servers of a network", "deliveryProfileId": "deliveries are the server's",
	"thumbParamsId": "a number of the caller's", "captionParamsId": "a number of the caller's", "intId": "found in the account only", "videoCodecId": "a codec",
	"audioCodecId": "a codec", "containerId": "a format", "actualSourceAssetParamsIds": "what was", "analyticsPersistentSessionId": "of no account",
	"loginId": "an address", "attachedObjectId": "what was", "s3UserId": "a key of another system", "parsedUserId": "a part of a file's name",
	"leadDropFolderFileId": "found in the account only", "deletedDropFolderFileId": "found in the account only", "parentId": "of no class here", "objectId": "of no class here",
	"fullIds": "compared with the account's own", "creatorUserId": "a user",
	"categoryFullIds": "compared with the account's own", "relatedGroupsByUserId": "a user",
}

// free are properties that are kept as they are sent, whatever they name, by reason: nothing is looked up by them.
var free = map[string]string{
	"KalturaThumbCuePoint.assetId": "players ask for the picture by the id, and get it when they may",
	"sourceAssetParamsIds":         "everything is made of the original", "sourceParamsId": "pictures are made of what there is",
	"widget.update.sourceWidgetId": "a widget keeps what it was made of",
	"associatedCaptionId":          "a note for vendors", "associatedTranscriptIds": "a note for vendors", "cuePointId": "players match pictures with cue points by it",
	"KalturaAccessControlLimitFlavorsAction.flavorParamsIds": "compared with those of the entry's flavors",
	"KalturaOperationResource.assetParamsId":                 "what is cut out is the original", "KalturaAssetParamsResourceContainer.assetParamsId": "an asset has its parameters",
}

// suffixes are those that a filter's properties may have.
var suffixes = regexp.MustCompile(`(Equal|NotEqual|In|NotIn|MatchOr|MatchAnd|NotContains|Empty|GreaterThanOrEqual|LessThanOrEqual|GreaterThanOrEqualOrNull|LessThanOrEqualOrNull|MultiLikeOr|MultiLikeAnd|Like|StartsWith)$`)

// inside is a property somewhere in a parameter.
type inside struct {
	path []step
	kind string
	of   string // "Class.property"
	not  bool   // a condition that another account's id leaves as true as any
}

// base is the property's name.
func (in inside) base() string { return in.of[strings.IndexByte(in.of, '.')+1:] }

// step is a property on the way to another, of an object of a class.
type step struct {
	class, name string
	array       bool
}

// inside finds the properties of a class, and of the objects in it, that name objects of a kind.
func (d *description) inside(t *testing.T, class string, path []step, kindOf func(class string) string) (out []inside) {
	for _, c := range d.classes(class) {
		if len(path) > 4 || slices.ContainsFunc(path, func(s step) bool { return s.class == c }) {
			continue
		}
		for _, p := range d.allProperties(c) {
			if p.ReadOnly == "1" {
				continue
			}
			here := append(slices.Clone(path), step{c, p.Name, p.Type == "array"})
			if stored[p.Name] != "" {
				continue
			}
			if next := strings.TrimPrefix(p.Type+p.ArrayType, "array"); strings.HasPrefix(next, "Kaltura") && p.Enum == "" {
				out = append(out, d.inside(t, next, here, kindOf)...)
				continue
			}
			base := p.Name
			filter := slices.Contains(d.bases(c), "KalturaFilter") || strings.HasSuffix(c, "Filter")
			if filter && strings.HasSuffix(p.Name, "Empty") {
				continue // true or false
			}
			if filter {
				base = suffixes.ReplaceAllString(base, "")
			}
			of, kind := c+"."+base, refers[base]
			for _, b := range d.bases(c) {
				if k, named := refers[b+"."+base]; named && kind == refers[base] {
					of, kind = b+"."+base, k
				}
			}
			if kind == "" && base == "id" && filter {
				kind = kindOf(c)
			}
			switch {
			case kind != "":
				out = append(out, inside{here, kind, of, filter && (strings.Contains(p.Name, "Not") || strings.Contains(p.Name, "OrNull") || strings.HasSuffix(p.Name, "Empty"))})
			case (idLike(base) || base == "token") && plain[base] == "" && !(base == "id" && !filter):
				t.Errorf("%s.%s may name an object: add it to refers or plain", c, p.Name)
			}
		}
	}
	return out
}

// classes are the classes that a request may give where one is declared.
func (d *description) classes(name string) (out []string) {
	for _, c := range d.Classes {
		if !c.Abstract && slices.Contains(d.bases(c.Name), name) {
			out = append(out, c.Name)
		}
	}
	return out
}

func (d *description) allProperties(name string) (out []property) {
	bases := d.bases(name)
	for _, c := range d.Classes {
		if slices.Contains(bases, c.Name) {
			out = append(out, c.Property...)
		}
	}
	return out
}

// stored are properties of what is kept and used later, as a call of its own account: what is in them names nothing now.
var stored = map[string]string{
	"relatedProfiles": "the lists of a response profile are those of the account that asks", "filter": "as above", "filters": "those of a playlist",
}

// bodies are what objects need besides, by their class or by the action that they are sent to, so that the action comes to
// look at the id.
var bodies = map[string]map[string]any{
	"KalturaAssetParamsResourceContainer": {"assetParamsId": 0, "resource": map[string]any{"objectType": "KalturaStringResource", "content": "x"}},
	"KalturaOperationResource":            {"resource": map[string]any{"objectType": "KalturaStringResource", "content": "x"}},
	"KalturaEntryResource":                {"entryId": "$entry"},
	"flavorasset.list":                    {"entryIdEqual": "$entry"},
	"thumbasset.list":                     {"entryIdEqual": "$entry"},
	"caption_captionasset.list":           {"entryIdEqual": "$entry"},
	"attachment_attachmentasset.list":     {"entryIdEqual": "$entry"},
	"cuepoint_cuepoint.add":               {"entryId": "$entry"},
	"annotation_annotation.add":           {"entryId": "$entry"},
	"KalturaAnnotationFilter":             {"entryIdEqual": "$entry"},
	"widget.add":                          {"sourceWidgetId": "$widget"},
	"widget.clone":                        {"sourceWidgetId": "$widget"},
	"conversionprofile.add":               {"name": "mine"},
	"category.add":                        {"name": "another"},
	"categoryentry.add":                   {"categoryId": "$category", "entryId": "$entry"},
	"categoryuser.add":                    {"categoryId": "$category", "userId": "member"},
	"flavorparams.add":                    {"name": "mine", "videoCodec": "h264", "videoBitrate": 400, "width": 320},
	"accesscontrolprofile.add":            {"name": "mine"},
	"eventnotification_eventnotificationtemplate.add": {
		"name": "mine", "url": "https://127.0.0.1:1/", "eventType": "3", "eventObjectType": "1",
	},
}

// alike are actions that are refused here before they look at the object, by the one that takes it as they do.
var alike = map[string]string{"media.addFromUploadedFile": "media.add", "baseentry.addFromUploadedFile": "baseentry.add"}

// refused are the codes of calls that are refused for what an object is, whatever is in it.
var refused = []string{"RESOURCE_TYPE_NOT_SUPPORTED", "PROPERTY_VALIDATION_NOT_UPDATABLE", "ENTRY_TYPE_NOT_SUPPORTED"}

// object is a parameter with an id in a place, around which is as little as may be.
func (in inside) object(body map[string]any, id string) map[string]any {
	var value any = id
	for i := len(in.path) - 1; i >= 0; i-- {
		s := in.path[i]
		if s.array {
			value = []any{value}
		}
		o := map[string]any{"objectType": s.class}
		for k, v := range bodies[s.class] {
			o[k] = v
		}
		if i == 0 {
			for k, v := range body {
				o[k] = v
			}
		}
		o[s.name] = value
		value = o
	}
	return value.(map[string]any)
}

// crossInside makes a call with another account's id in an object, and with one that nobody has.
func (d *description) crossInside(c *caller, service string, a action, p param, in inside, id string, own map[string]string) {
	params := map[string]any{}
	for _, q := range a.Params {
		switch {
		case own[q.Ref] != "":
			params[q.Name] = own[q.Ref]
		case !q.Optional:
			params[q.Name] = d.sample(q, own)
		}
	}
	body := bodies[service+"."+a.Name]
	nobody := unknown(id)
	params[p.Name] = filled(in.object(body, nobody), own)
	want := c.call(service, a.Name, params)
	params[p.Name] = filled(in.object(body, id), own)
	got := c.call(service, a.Name, params)
	sent, _ := json.Marshal(params[p.Name])
	wantCode, wantFailed := want.exception()
	gotCode, gotFailed := got.exception()
	list := got.list() && want.list()
	kept := free[in.of]+free[in.base()]+free[service+"."+a.Name+"."+in.base()] != ""
	switch {
	case wantFailed != gotFailed || wantCode != gotCode, (gotFailed || list) && strings.ReplaceAll(want.body, nobody, id) != got.body:
		c.t.Errorf("%s\nanother account's id %s\n%s\nan id of nobody %s\n%s", sent, id, got.body, nobody, want.body)
	case gotFailed && (kept || slices.Contains(refused, gotCode)):
	case gotFailed && !strings.Contains(got.body, id) && !regexp.MustCompile(`NOT_FOUND|INVALID_\w*ID|WIDGET|PARTNER|DOESNT_EXIST`).MatchString(gotCode):
		c.t.Errorf("%s\nthe call fails before the id is looked at: %s", sent, got.body+got.reason)
	case !gotFailed && list && !in.not && !got.nothing():
		c.t.Errorf("%s\nanother account's id finds %s", sent, got.body)
	case !gotFailed && !list && !kept:
		c.t.Errorf("%s\nan id of nobody is taken: %s", sent, got.body)
	}
}

// list says whether an answer is a list or a count.
func (a answer) list() bool {
	switch v := a.value.(type) {
	case []any, float64:
		return true
	case map[string]any:
		return v["totalCount"] != nil
	}
	return false
}

// crossInsides tries the ids in the objects of every action, and says how many there were.
func (d *description) crossInsides(t *testing.T, other *caller, theirs, own map[string]string) (tried int) {
	kindOf := func(service string) func(string) string {
		kind := ""
		for _, svc := range d.Services {
			for _, a := range svc.Actions {
				if svc.ID == service && a.Name == "get" && len(a.Params) > 0 {
					kind = a.Params[0].Ref
				}
			}
		}
		return func(string) string { return kind }
	}
	for _, svc := range d.Services {
		for _, a := range svc.Actions {
			for _, p := range a.Params {
				if !strings.HasPrefix(p.Type, "Kaltura") || p.Enum != "" || exempt[svc.ID+"."+a.Name] != "" || alike[svc.ID+"."+a.Name] != "" {
					continue
				}
				for _, in := range d.inside(t, p.Type, nil, kindOf(svc.ID)) {
					id := theirs[in.kind]
					if id == "" {
						continue
					}
					tried++
					var name []string
					for _, s := range in.path {
						name = append(name, s.class+"."+s.name)
					}
					t.Run(fmt.Sprintf("%s.%s.%s", svc.ID, a.Name, strings.Join(name, ".")), func(t *testing.T) {
						c := *other
						c.t = t
						d.crossInside(&c, svc.ID, a, p, in, id, own)
					})
				}
			}
		}
	}
	return tried
}
