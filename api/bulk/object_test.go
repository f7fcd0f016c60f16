package bulk_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/catalog"
)

func TestDocumentsAboutOtherThingsThanEntries(t *testing.T) {
	h := newHouse(t)
	if _, err := h.db.AddCategory(t.Context(), account, catalog.Category{Name: "there"}); err != nil {
		t.Fatal(err)
	}
	e := catalog.BlankEntry(account)
	e.Name = "e"
	e, err := h.db.AddEntry(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		action, data, document string
		kind                   int
		class, want            string // of the first result, and some of it
	}{
		{"category", "KalturaBulkUploadCategoryData", "*name,relativePath,privacy,moderation,contributionPolicy\nnew,there,3,true,2\n", 2, "KalturaBulkUploadResultCategory",
			"name=new relativePath=there privacy=3 moderation=true contributionPolicy=2 objectId=2 action=1"},
		{"categoryUser", "KalturaBulkUploadCategoryUserData", "*categoryId,userId,permissionLevel,status\n1,ann,contributor,2\n", 4, "KalturaBulkUploadResultCategoryUser",
			"categoryId=1 userId=ann permissionLevel=2 requiredObjectStatus=2 objectId=1:ann objectStatus=2"},
		{"categoryEntry", "KalturaBulkUploadCategoryEntryData", "*categoryId,entryId\n1," + string(e.ID) + "\n", 5, "KalturaBulkUploadResultCategoryEntry",
			"categoryId=1 entryId=" + string(e.ID) + " objectStatus=2"},
		{"user", "KalturaBulkUploadUserData", "*userId,firstName,gender\nbob,Bob,1\n", 3, "KalturaBulkUploadResultUser", "userId=bob firstName=Bob gender=1 objectId=bob"},
	} {
		of := strings.ToUpper(c.action[:1]) + c.action[1:]
		params := map[string]any{
			"bulkUploadData": map[string]any{"objectType": "KalturaBulkUploadCsvJobData", "fileName": "list"}, "bulkUpload" + of + "Data": map[string]any{"objectType": c.data},
		}
		if got := h.object("user:ann", c.action+".addFromBulkUpload", params, "fileData", "x", c.document); got["code"] != "SERVICE_FORBIDDEN" {
			t.Errorf("%s by a user: %v", c.action, got)
		}
		made := h.object("admin:root", c.action+".addFromBulkUpload", params, "fileData", "x", c.document)
		j := h.ended("admin:root", made["id"])
		results, _ := j["results"].([]any)
		if j["status"] != 5.0 || j["bulkUploadObjectType"] != float64(c.kind) || j["fileName"] != "list" || len(results) != 1 {
			t.Errorf("%s: %v", c.action, j)
			continue
		}
		row, _ := results[0].(map[string]any)
		if row["objectType"] != c.class || row["bulkUploadResultObjectType"] != float64(c.kind) {
			t.Errorf("%s: %v", c.action, row)
		}
		for _, pair := range strings.Fields(c.want) {
			name, want, _ := strings.Cut(pair, "=")
			if got := fmt.Sprint(row[name]); got != want {
				t.Errorf("%s: %s is %s, want %s", c.action, name, got, want)
			}
		}
	}
	for name, params := range map[string]map[string]any{
		"XML":    {"bulkUploadData": map[string]any{"objectType": "KalturaBulkUploadXmlJobData"}},
		"strict": {"validation": "none"},
	} {
		got := h.object("admin:root", "user.addFromBulkUpload", params, "fileData", "x", "userId\nx\n")
		if got["code"] != "INVALID_PARAMETER_VALUE" && got["code"] != "INVALID_ENUM_VALUE" {
			t.Errorf("%s: %v", name, got)
		}
	}
	made := h.object("admin:root", "user.addFromBulkUpload", map[string]any{"dryRun": true}, "fileData", "x", "userId\ncid\n")
	if j := h.ended("admin:root", made["id"]); j["dryRun"] != true || j["status"] != 5.0 {
		t.Error(j)
	}
	if _, n, err := h.db.Users(t.Context(), account, catalog.Query{}); n != 2 || err != nil { // ann and bob
		t.Errorf("%d users, %v", n, err)
	}
}
