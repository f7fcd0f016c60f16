package media_test

import (
	"net/url"
	"strings"
	"testing"

	"sluice/catalog"
)

func TestUsersGiveContentOfTheirOwnUploadsOnly(t *testing.T) {
	f := onSQLite(t)
	token := f.uploaded(joe, "a.mp4", film)
	pending := f.get(joe, "uploadToken.add", nil)["id"]
	mine := f.add(ann, obj{})["id"]
	clip := obj{"objectType": "KalturaOperationResource", "resource": tokenResource(token), "operationAttributes": []obj{{"objectType": "KalturaClipAttributes", "offset": 0, "duration": 1000}}}
	rendition := obj{"objectType": "KalturaAssetParamsResourceContainer", "assetParamsId": 0, "resource": tokenResource(token)}
	for name, resource := range map[string]obj{"complete": tokenResource(token), "pending": tokenResource(pending), "in a clip": clip, "as a rendition": rendition} {
		for _, action := range []string{"media.addContent", "media.updateContent", "baseEntry.addContent"} {
			if got := f.fails(ann, action, obj{"entryId": mine, "resource": resource}); got != "UPLOAD_TOKEN_NOT_FOUND" {
				f.Errorf("%s, %s: %s", action, name, got)
			}
		}
	}
	if got := f.fails(ann, "media.addFromUploadedFile", obj{"mediaEntry": obj{}, "uploadTokenId": token}); !strings.HasPrefix(got, "UPLOADED_FILE_NOT_FOUND_BY_TOKEN") {
		f.Errorf("media.addFromUploadedFile: %s", got)
	}
	if got := f.get(admin, "uploadToken.get", obj{"uploadTokenId": token}); got["status"] != 2.0 {
		f.Errorf("after the attempts the upload has status %v", got["status"])
	}
	his := f.add(joe, obj{})["id"]
	if got := f.get(joe, "media.addContent", obj{"entryId": his, "resource": tokenResource(token)}); got["status"] != 1.0 {
		f.Errorf("by who uploaded it: status %v", got["status"])
	}
	if got := f.get(admin, "media.addContent", obj{"entryId": mine, "resource": tokenResource(pending)}); got["status"] != 0.0 {
		f.Errorf("by an administrator: status %v", got["status"])
	}
}

func TestHostileIDsAreExceptions(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		id := f.ready(admin, obj{"name": "n"})
		for what, text := range map[string]string{
			"NUL": "0_abcd\x00efg", "NUL after": id + "\x00", "not UTF-8": "0_\xff\xfe", "a megabyte": strings.Repeat("0_ab", 1<<18), "quotes": `'"\';--`,
		} {
			for action, param := range map[string]string{
				"media.get": "entryId", "baseEntry.get": "entryId", "media.delete": "entryId", "baseEntry.getByIds": "entryIds", "uploadToken.get": "uploadTokenId",
				"baseEntry.listByReferenceId": "refId", "media.addFromEntry": "sourceEntryId", "media.addFromFlavorAsset": "sourceFlavorAssetId",
			} {
				form := url.Values{"ks": {admin}, "format": {"1"}, param: {text}}
				out := decode(f, f.post(action, "application/x-www-form-urlencoded", strings.NewReader(form.Encode())))
				code := ""
				if o, ok := out.(obj); ok {
					code, _ = o["code"].(string)
				}
				if strings.HasPrefix(code, "INTERNAL") {
					f.Errorf("%s with %s: %s", action, what, code)
				}
			}
			for _, field := range []string{"idEqual", "idIn", "nameLike", "tagsMultiLikeOr", "freeText", "referenceIdEqual", "userIdIn", "categoriesMatchOr"} {
				form := url.Values{"ks": {admin}, "format": {"1"}, "filter[" + field + "]": {text}}
				out, _ := decode(f, f.post("media.list", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))).(obj)
				if code, _ := out["code"].(string); strings.HasPrefix(code, "INTERNAL") {
					f.Errorf("media.list by %s with %s: %s", field, what, code)
				}
			}
		}
		if e, err := f.db.EntryByID(f.Context(), catalog.EntryID(id)); err != nil || e.Status != catalog.EntryReady {
			f.Errorf("after the attempts: %v, %v", e.Status, err)
		}
	})
}
