package media_test

import (
	"bytes"
	"context"
	"encoding/json"
	"mime/multipart"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/api/media"
	"sluice/catalog"
)

// send calls an action with a file.
func (f *fixture) send(token, action string, params obj, name string, data []byte) any {
	f.Helper()
	body := obj{"ks": token, "format": 1}
	for k, v := range params {
		body[k] = v
	}
	head, _ := json.Marshal(body)
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("json", string(head))
	part, err := w.CreateFormFile("fileData", name)
	if err != nil {
		f.Fatal(err)
	}
	_, _ = part.Write(data)
	_ = w.Close()
	return decode(f, f.post(action, w.FormDataContentType(), &b))
}

func TestFlags(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		id := f.ready(admin, obj{"name": "n"})
		for _, comment := range []string{"one", "two"} {
			got := f.call(widget, "media.flag", obj{"moderationFlag": obj{"flaggedEntryId": id, "comments": comment, "flagType": 4}})
			if got != nil {
				f.Fatalf("flag answers %v", got)
			}
		}
		if got := f.get(admin, "media.get", obj{"entryId": id}); got["moderationStatus"] != 5.0 || got["moderationCount"] != 2.0 {
			f.Errorf("flagged: %v, %v times", got["moderationStatus"], got["moderationCount"])
		}
		list := f.get(admin, "baseEntry.listFlags", obj{"entryId": id})
		flag := list["objects"].([]any)[0].(obj)
		if list["totalCount"] != 2.0 || flag["comments"] != "two" || flag["flagType"] != 4.0 || flag["flaggedEntryId"] != id || flag["moderationObjectType"] != 2.0 {
			f.Errorf("flags %v", list)
		}
		f.call(admin, "media.approve", obj{"entryId": id})
		if got := f.get(admin, "media.get", obj{"entryId": id}); got["moderationStatus"] != 2.0 || got["moderationCount"] != 0.0 {
			f.Errorf("approved: %v", got)
		}
		if list := f.get(admin, "media.listFlags", obj{"entryId": id}); list["totalCount"] != 0.0 {
			f.Errorf("flags after approval: %v", list)
		}
		if got := f.fails(admin, "media.flag", obj{"moderationFlag": obj{}}); got != `PROPERTY_VALIDATION_CANNOT_BE_NULL{"PROP_NAME":"KalturaModerationFlag::flaggedEntryId"}` {
			f.Errorf("flag of nothing: %s", got)
		}
		foreign := f.ready(other, obj{})
		f.fails(admin, "media.flag", obj{"moderationFlag": obj{"flaggedEntryId": foreign}})
		f.fails(admin, "media.listFlags", obj{"entryId": foreign})
	})
}

func TestRanks(t *testing.T) {
	f := onSQLite(t)
	id := f.ready(admin, obj{})
	for _, rank := range []int{1, 4, 5} {
		f.call(widget, "media.anonymousRank", obj{"entryId": id, "rank": rank})
	}
	if got := f.get(admin, "media.get", obj{"entryId": id}); got["votes"] != 3.0 || got["totalRank"] != 10.0 || got["rank"].(float64) < 3.33 || got["rank"].(float64) > 3.34 {
		t.Errorf("rank %v of %v votes", got["rank"], got["votes"])
	}
	if got := f.fails(admin, "media.anonymousRank", obj{"entryId": id, "rank": 6}); got != `INVALID_RANK_VALUE{"RANK":"6"}` {
		t.Errorf("six points: %s", got)
	}
}

func TestClones(t *testing.T) {
	f := onSQLite(t)
	id := f.playing("n")
	f.get(admin, "media.update", obj{"entryId": id, "mediaEntry": obj{"tags": "t", "categories": "c", "userId": "ann", "entitledUsersEdit": "e"}})
	whole := f.get(admin, "baseEntry.clone", obj{"entryId": id})
	if whole["id"] == id || whole["name"] != "n" || whole["tags"] != "t" || whole["categories"] != "c" || whole["userId"] != "ann" || whole["status"] == 7.0 {
		t.Errorf("copy %v", whole)
	}
	without := func(item string) obj {
		return obj{"objectType": "KalturaBaseEntryCloneOptionComponent", "itemType": item, "rule": 1}
	}
	part := f.get(admin, "baseEntry.clone", obj{"entryId": id, "cloneOptions": []any{without("1"), without("2"), without("6")}})
	if part["userId"] != "root" || part["categories"] != nil || part["entitledUsersEdit"] != "" || part["status"] != 7.0 || part["tags"] != "t" {
		t.Errorf("copy of parts %v", part)
	}
	list := f.get(admin, "baseEntry.add", obj{"entry": obj{"objectType": "KalturaPlaylist", "name": "list", "playlistContent": id, "playlistType": 3}})
	if got := f.get(admin, "baseEntry.clone", obj{"entryId": list["id"]}); got["objectType"] != "KalturaPlaylist" || got["playlistContent"] != id || got["status"] != 2.0 {
		t.Errorf("copy of a playlist %v", got)
	}
	filters := []any{obj{"objectType": "KalturaMediaEntryFilterForPlaylist", "limit": 5.0, "tagsLike": "a"}}
	list = f.get(admin, "baseEntry.add", obj{"entry": obj{"objectType": "KalturaPlaylist", "name": "dynamic", "playlistType": 10, "totalResults": 7, "filters": filters}})
	got := f.get(admin, "baseEntry.get", obj{"entryId": list["id"]})
	if diff := cmp.Diff([]any{7.0, any(filters)}, []any{got["totalResults"], got["filters"]}); diff != "" {
		t.Errorf("dynamic playlist: %s", diff)
	}
}

func TestLegacyUploads(t *testing.T) {
	f := onSQLite(t)
	token, ok := f.send(admin, "media.upload", nil, "a.mp4", film).(string)
	if !ok {
		t.Fatal("no token")
	}
	got := f.get(admin, "media.addFromUploadedFile", obj{"mediaEntry": obj{"name": "n"}, "uploadTokenId": token})
	if got["status"] != 1.0 {
		t.Errorf("entry %v", got)
	}
}

// still makes the same picture of every entry.
type still struct{ data []byte }

func (s still) Picture(_ context.Context, _ catalog.Entry, keys map[string]string) ([]byte, string, error) {
	if keys["vid_sec"] != "3" {
		return nil, "", catalog.ErrInvalid
	}
	return s.data, "image/png", nil
}

var _ media.Pictures = still{}

func TestThumbnailsAreChosen(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		id := f.playing("n")
		chosen := func() catalog.Asset {
			f.Helper()
			thumbs, err := f.db.Assets(f.Context(), catalog.EntryID(id), catalog.AssetThumb)
			if err != nil {
				f.Fatal(err)
			}
			var out []catalog.Asset
			for _, a := range thumbs {
				if a.Default {
					out = append(out, a)
				}
			}
			if len(out) != 1 || out[0].Status != catalog.AssetReady {
				f.Fatalf("%d thumbnails are the default: %+v", len(out), out)
			}
			return out[0]
		}
		if got := f.send(admin, "media.updateThumbnailJpeg", obj{"entryId": id}, "a.png", picture(f)).(obj); got["id"] != id {
			f.Fatalf("thumbnail from a file: %v", got)
		}
		first := chosen()
		f.get(admin, "baseEntry.updateThumbnailFromSourceEntry", obj{"entryId": id, "sourceEntryId": id, "timeOffset": 3})
		if second := chosen(); second.ID == first.ID {
			f.Error("the default did not change")
		}
	})
}

func TestConversionBeginsAnew(t *testing.T) {
	f := onSQLite(t)
	id := f.playing("n")
	f.set(id, func(e *catalog.Entry) { e.Status = catalog.EntryReady })
	job, ok := f.call(admin, "media.convert", obj{"entryId": id}).(float64)
	if got := f.get(admin, "media.get", obj{"entryId": id}); !ok || job == 0 || got["version"] != 2.0 || got["status"] == 2.0 {
		t.Errorf("job %v, entry %v", job, got)
	}
	if got := f.fails(admin, "media.convert", obj{"entryId": f.add(admin, obj{})["id"]}); got != "INVALID_ENTRY_STATUS" {
		t.Errorf("without content: %s", got)
	}
}

func TestClipsKnowTheirSource(t *testing.T) {
	f := onSQLite(t)
	id := f.playing("n")
	clip := obj{"objectType": "KalturaClipAttributes", "offset": 1000, "duration": 2000}
	entry := f.add(admin, obj{"name": "clip"})["id"]
	resource := obj{"objectType": "KalturaOperationResource", "resource": obj{"objectType": "KalturaEntryResource", "entryId": id}, "operationAttributes": []any{clip}}
	got := f.get(admin, "media.addContent", obj{"entryId": entry, "resource": resource})
	attributes, _ := got["operationAttributes"].([]any)
	if got["rootEntryId"] != id || got["sourceType"] != 35.0 || len(attributes) != 1 || attributes[0].(obj)["offset"] != 1000.0 {
		t.Errorf("clip %v", got)
	}
	got = f.get(admin, "media.addFromEntry", obj{"sourceEntryId": id, "mediaEntry": obj{"name": "other", "operationAttributes": []any{clip}}})
	if got["rootEntryId"] != id || got["name"] != "other" || got["sourceType"] != 35.0 {
		t.Errorf("clip by addFromEntry %v", got)
	}
	got = f.get(admin, "media.addFromEntry", obj{"sourceEntryId": id})
	if got["rootEntryId"] != got["id"] || got["name"] != "n" || got["sourceType"] != 1.0 {
		t.Errorf("copy by addFromEntry %v", got)
	}
	// Trimming: the entry's own content, cut.
	trimmed := f.get(admin, "media.updateContent", obj{"entryId": id, "resource": resource})
	if trimmed["replacingEntryId"] == nil || trimmed["status"] != 2.0 {
		t.Errorf("trimmed %v", trimmed)
	}
}
