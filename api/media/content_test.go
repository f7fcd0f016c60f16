package media_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/media"
	"sluice/catalog"
)

// film is bytes that look like a film's; nothing decodes them here.
var film = append([]byte("\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"), bytes.Repeat([]byte{7}, 4000)...)

func picture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 20, 10))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tokenResource(id any) obj {
	return obj{"objectType": "KalturaUploadedFileTokenResource", "token": id}
}

func TestContentComesFromATokenBeforeOrAfterItsBytes(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		after := f.add(admin, obj{"name": "after"})["id"]
		got := f.get(admin, "media.addContent", obj{"entryId": after, "resource": tokenResource(f.uploaded(admin, "a.mp4", film))})
		if got["status"] != 1.0 {
			f.Errorf("with the bytes: status %v", got["status"])
		}
		before := f.add(admin, obj{"name": "before"})["id"]
		token := f.get(admin, "uploadToken.add", nil)["id"].(string)
		got = f.get(admin, "baseEntry.addContent", obj{"entryId": before, "resource": tokenResource(token)})
		if got["status"] != 0.0 {
			f.Errorf("before the bytes: status %v", got["status"])
		}
		f.upload(admin, token, "b.mp4", film)
		if got = f.get(admin, "media.get", obj{"entryId": before}); got["status"] != 1.0 {
			f.Errorf("after the bytes: status %v", got["status"])
		}
		if got := f.fails(admin, "media.addContent", obj{"entryId": before, "resource": tokenResource(token)}); got != "ENTRY_ALREADY_WITH_CONTENT" {
			f.Errorf("again: %s", got)
		}
	})
}

func TestRefusedContentLeavesTheEntryEmpty(t *testing.T) {
	f := onSQLite(t)
	id := f.add(admin, obj{})["id"]
	used := f.uploaded(admin, "a.mp4", film)
	f.get(admin, "media.addContent", obj{"entryId": f.add(admin, obj{})["id"], "resource": tokenResource(used)})
	tests := []struct {
		name     string
		resource obj
		want     string
	}{
		{"no class", obj{"token": "x"}, `OBJECT_TYPE_ABSTRACT{"OBJ_TYPE":"KalturaResource"}`},
		{"unknown token", tokenResource("0_00000000000000000000000000000000"), "UPLOAD_TOKEN_NOT_FOUND"},
		{"used token", tokenResource(used), "UPLOAD_TOKEN_INVALID_STATUS_FOR_ADD_ENTRY"},
		{"no url", obj{"objectType": "KalturaUrlResource"}, `PROPERTY_VALIDATION_CANNOT_BE_NULL{"PROP_NAME":"KalturaUrlResource::url"}`},
		{"unknown asset", obj{"objectType": "KalturaAssetResource", "assetId": "0_zzzzzzzz"}, `FLAVOR_ASSET_ID_NOT_FOUND{"ID":"0_zzzzzzzz"}`},
		{"text", obj{"objectType": "KalturaStringResource", "content": "x"}, `RESOURCE_TYPE_NOT_SUPPORTED{"RES_TYPE":"KalturaStringResource"}`},
		{"a file of a storage profile", obj{"objectType": "KalturaRemoteStorageResource", "url": "a/b.mp4", "storageProfileId": 1}, `RESOURCE_TYPE_NOT_SUPPORTED{"RES_TYPE":"KalturaRemoteStorageResource"}`},
		{"files of storage profiles", obj{"objectType": "KalturaRemoteStorageResources"}, `RESOURCE_TYPE_NOT_SUPPORTED{"RES_TYPE":"KalturaRemoteStorageResources"}`},
		{"a file of a drop folder", obj{"objectType": "KalturaDropFolderFileResource", "dropFolderFileId": 1}, `RESOURCE_TYPE_NOT_SUPPORTED{"RES_TYPE":"KalturaDropFolderFileResource"}`},
		{"parts of several", obj{"objectType": "KalturaOperationResources", "resources": []any{obj{}}}, `RESOURCE_TYPE_NOT_SUPPORTED{"RES_TYPE":"KalturaOperationResources"}`},
		{"no class", obj{"token": "x"}, `OBJECT_TYPE_ABSTRACT{"OBJ_TYPE":"KalturaResource"}`},
	}
	for _, tt := range tests {
		if got := f.fails(admin, "media.addContent", obj{"entryId": id, "resource": tt.resource}); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := f.get(admin, "media.get", obj{"entryId": id}); got["status"] != 7.0 {
		t.Errorf("status %v", got["status"])
	}
}

func TestPicturesAreReadyAtOnce(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		id := f.add(admin, obj{"mediaType": 2})["id"]
		got := f.get(admin, "media.addContent", obj{"entryId": id, "resource": tokenResource(f.uploaded(admin, "a.png", picture(f)))})
		if got["status"] != 2.0 || got["width"] != 20.0 || got["downloadUrl"] != "http://media.test/p/101/sp/10100/raw/entry_id/"+id.(string)+"/version/1" {
			f.Errorf("picture %v", got)
		}
		got = f.get(admin, "media.updateContent", obj{"entryId": id, "resource": tokenResource(f.uploaded(admin, "b.png", picture(f)))})
		if got["status"] != 2.0 || got["version"] != 2.0 || got["replacingEntryId"] != nil {
			f.Errorf("other picture %v", got)
		}
	})
}

func TestOldWaysToAdd(t *testing.T) {
	f := onSQLite(t)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(film) }))
	defer origin.Close()
	got := f.get(admin, "media.addFromUrl", obj{"mediaEntry": obj{"name": "by url", "mediaType": 1}, "url": origin.URL + "/a.mp4"})
	if got["status"] != 0.0 || got["sourceType"] != 5.0 || got["name"] != "by url" {
		t.Errorf("by URL: %v", got)
	}
	got = f.get(admin, "media.addFromUploadedFile", obj{"mediaEntry": obj{"name": "by token"}, "uploadTokenId": f.uploaded(admin, "a.mp4", film)})
	if got["status"] != 1.0 || got["name"] != "by token" {
		t.Errorf("by token: %v", got)
	}
	got = f.get(admin, "baseEntry.addFromUploadedFile", obj{"entry": obj{"name": "n"}, "uploadTokenId": f.uploaded(admin, "a.mp4", film), "type": 1})
	if got["status"] != 1.0 || got["objectType"] != "KalturaMediaEntry" {
		t.Errorf("by token: %v", got)
	}
	empty := f.get(admin, "uploadToken.add", nil)["id"]
	for token, want := range map[any]string{empty: "UPLOAD_TOKEN_INVALID_STATUS_FOR_ADD_ENTRY", "0_x": "UPLOADED_FILE_NOT_FOUND_BY_TOKEN"} {
		if got := f.fails(admin, "media.addFromUploadedFile", obj{"mediaEntry": obj{"name": "kept?"}, "uploadTokenId": token}); got != want {
			t.Errorf("token %v: %s, want %s", token, got, want)
		}
	}
	if got := f.fails(admin, "media.addFromUrl", obj{"mediaEntry": obj{"name": "kept?"}, "url": "gopher://x/"}); got == "" {
		t.Error("a strange URL is taken")
	}
	if got := f.names(admin, "media.list", obj{"filter": obj{"nameEqual": "kept?", "statusIn": "0,1,2,7"}}); got != "" {
		t.Errorf("refused entries are kept: %s", got)
	}
}

// complete makes an entry ready as the pipeline does, with renditions.
func (f *fixture) complete(id any, names ...string) {
	f.Helper()
	entry := catalog.EntryID(id.(string))
	assets, err := f.db.Assets(f.Context(), entry)
	if err != nil {
		f.Fatal(err)
	}
	for _, a := range assets {
		if err := f.db.UpdateAsset(f.Context(), a.ID, func(a *catalog.Asset) error {
			a.Status, a.Key = catalog.AssetReady, fmt.Sprintf("101/%s/%d/%s/source.mp4", entry, a.Version, a.ID)
			return nil
		}); err != nil {
			f.Fatal(err)
		}
	}
	var made []catalog.Asset
	for _, name := range names {
		made = append(made, catalog.Asset{Type: catalog.AssetFlavor, Name: name, Kind: "video", Status: catalog.AssetReady, ParamsID: 7, Key: string(entry) + "/" + name})
	}
	if _, err := f.db.AddAssets(f.Context(), entry, made); err != nil {
		f.Fatal(err)
	}
	f.set(id, func(e *catalog.Entry) {
		e.Status, e.MediaType, e.DurationMS, e.Width, e.Height = catalog.EntryReady, catalog.MediaVideo, 5000, 640, 360
	})
}

// catchUp lets the replacer handle the events that are there.
func (f *fixture) catchUp() {
	f.Helper()
	r := media.Replacer{Catalog: f.db, Log: slog.New(slog.DiscardHandler)}
	if err := r.Catchup(context.Background()); err != nil {
		f.Fatal(err)
	}
}

// playing is an entry that is ready, made of a film.
func (f *fixture) playing(name string) string {
	f.Helper()
	id := f.add(admin, obj{"name": name})["id"]
	f.get(admin, "media.addContent", obj{"entryId": id, "resource": tokenResource(f.uploaded(admin, "a.mp4", film))})
	f.complete(id, "360p", "720p")
	return id.(string)
}

func TestNewContentTakesThePlaceOfTheOldWhenItIsReady(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		id := f.playing("n")
		caption, err := f.db.AddAssets(f.Context(), catalog.EntryID(id), []catalog.Asset{
			{Type: catalog.AssetCaption, Name: "mine", Status: catalog.AssetReady, Revision: 1},
			{Type: catalog.AssetCaption, Name: "360p-text", Status: catalog.AssetReady},
		})
		if err != nil {
			f.Fatal(err)
		}
		got := f.get(admin, "media.updateContent", obj{"entryId": id, "resource": tokenResource(f.uploaded(admin, "b.mp4", film))})
		hidden := got["replacingEntryId"]
		if got["status"] != 2.0 || got["replacementStatus"] != 1.0 || hidden == nil {
			f.Fatalf("replacement %v", got)
		}
		twin := f.get(admin, "media.get", obj{"entryId": hidden})
		if twin["replacedEntryId"] != id || twin["displayInSearch"] != -1.0 || twin["status"] != 1.0 {
			f.Errorf("hidden entry %v", twin)
		}
		if got := f.names(admin, "media.list", obj{"filter": obj{"statusIn": "0,1,2,7"}}); got != "n" {
			f.Errorf("listed: %s", got)
		}
		if got := f.fails(admin, "media.updateContent", obj{"entryId": id, "resource": tokenResource(f.uploaded(admin, "c.mp4", film))}); got != "ENTRY_REPLACEMENT_ALREADY_EXISTS" {
			f.Errorf("again: %s", got)
		}
		f.catchUp() // not ready: nothing happens
		f.complete(hidden, "1080p")
		f.catchUp()
		f.catchUp()
		got = f.get(admin, "media.get", obj{"entryId": id})
		if got["version"] != 2.0 || got["replacementStatus"] != 0.0 || got["replacingEntryId"] != nil || got["flavorParamsIds"] != "0,7" {
			f.Errorf("replaced: %v", got)
		}
		f.fails(admin, "media.get", obj{"entryId": hidden})
		assets, err := f.db.Assets(f.Context(), catalog.EntryID(id))
		if err != nil {
			f.Fatal(err)
		}
		var names []string
		for _, a := range assets {
			if a.Version != 2 {
				f.Errorf("asset %s is of version %d", a.Name, a.Version)
			}
			names = append(names, a.Name)
		}
		if diff := cmp.Diff([]string{"mine", "source", "1080p"}, names); diff != "" {
			f.Error(diff)
		}
		folders, err := f.db.PurgeableAssets(f.Context(), time.Now().Add(time.Minute), 100)
		if err != nil || len(folders) != 4 {
			f.Errorf("%d assets to purge, %v", len(folders), err)
		}
		if a, err := f.db.Asset(f.Context(), caption[1].ID); err != nil || a.Status != catalog.AssetDeleted {
			f.Errorf("caption of the old content: %v, %v", a.Status, err)
		}
	})
}

func TestReplacementsWaitForApprovalAndEnd(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		id := f.playing("n")
		update := func() any {
			return f.get(admin, "media.updateContent", obj{"entryId": id, "resource": tokenResource(f.uploaded(admin, "b.mp4", film))})["replacingEntryId"]
		}
		status := func() any { return f.get(admin, "media.get", obj{"entryId": id})["replacementStatus"] }
		hidden := update()
		f.set(id, func(e *catalog.Entry) { e.Replacement = catalog.ReplacementNeither })
		f.complete(hidden, "1080p")
		f.catchUp()
		if got := status(); got != 2.0 {
			f.Errorf("ready, not approved: %v", got)
		}
		got := f.get(admin, "media.approveReplace", obj{"entryId": id})
		if got["version"] != 2.0 || got["replacementStatus"] != 0.0 {
			f.Errorf("approved: %v", got)
		}

		hidden = update()
		f.set(hidden, func(e *catalog.Entry) { e.Status = catalog.EntryErrorConverting })
		f.catchUp()
		if got := status(); got != 4.0 {
			f.Errorf("failed: %v", got)
		}
		if got := f.get(admin, "baseEntry.cancelReplace", obj{"entryId": id}); got["version"] != 2.0 || got["replacementStatus"] != 0.0 || got["replacingEntryId"] != nil {
			f.Errorf("cancelled: %v", got)
		}
		f.fails(admin, "media.get", obj{"entryId": hidden})

		hidden = update()
		f.call(admin, "media.delete", obj{"entryId": id})
		f.fails(admin, "media.get", obj{"entryId": hidden}) // goes with its entry
		f.catchUp()
	})
}

func TestARefusedReplacementLeavesNoTrace(t *testing.T) {
	f := onSQLite(t)
	id := f.playing("n")
	if got := f.fails(admin, "media.updateContent", obj{"entryId": id, "resource": tokenResource("0_00000000000000000000000000000000")}); got != "UPLOAD_TOKEN_NOT_FOUND" {
		t.Errorf("refusal: %s", got)
	}
	if got := f.get(admin, "media.get", obj{"entryId": id}); got["replacingEntryId"] != nil || got["replacementStatus"] != 0.0 {
		t.Errorf("left: %v", got)
	}
}

// TestReplacementsSurviveACrash stops at each step of a replacement and goes on with a fresh replacer.
func TestReplacementsSurviveACrash(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		id := f.playing("n")
		// Between the hidden entry and its content.
		lost, err := f.db.StartReplacement(f.Context(), catalog.EntryID(id), catalog.Replacement{Status: catalog.ReplacementApprovedNotReady})
		if err != nil {
			f.Fatal(err)
		}
		hidden := f.get(admin, "media.updateContent", obj{"entryId": id, "resource": tokenResource(f.uploaded(admin, "b.mp4", film))})["replacingEntryId"]
		if hidden == string(lost.ID) {
			f.Error("the empty hidden entry is still there")
		}
		f.complete(hidden, "1080p")
		// Events that were handled but not recorded come again, to several replacers at once.
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				r := media.Replacer{Catalog: f.db, Log: slog.New(slog.DiscardHandler)}
				if err := r.Catchup(context.Background()); err != nil {
					f.Error(err)
				}
			})
		}
		wg.Wait()
		if got := f.get(admin, "media.get", obj{"entryId": id}); got["version"] != 2.0 {
			f.Errorf("version %v", got["version"])
		}
	})
}

func TestUpdatesDoNotLoseEachOther(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		id := f.add(admin, obj{})["id"]
		fields := []string{"name", "description", "tags", "partnerData", "referenceId", "creditUrl", "adminTags", "creditUserName"}
		var wg sync.WaitGroup
		for _, field := range fields {
			wg.Go(func() { f.get(admin, "media.update", obj{"entryId": id, "mediaEntry": obj{field: "set"}}) })
		}
		wg.Wait()
		got := f.get(admin, "media.get", obj{"entryId": id})
		for _, field := range fields {
			if got[field] != "set" {
				f.Errorf("%s is %v", field, got[field])
			}
		}
	})
}
