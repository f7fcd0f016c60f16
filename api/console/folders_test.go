package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"sluice/catalog"
	"sluice/ingest/dropfolder"
)

// folderRig is a console over a catalog with a drop folder that has a file in each of some states.
func folderRig(t *testing.T) (*Console, catalog.DropFolder, map[string]catalog.DropFolderFile) {
	t.Helper()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, _, err := db.EnsureAccount(t.Context(), 101, "test"); err != nil {
		t.Fatal(err)
	}
	folder, err := db.AddDropFolder(t.Context(), 101, catalog.DropFolder{
		Name: "news", Type: catalog.DropFolderLocal, Path: "/drop", Status: catalog.DropFolderEnabled, Handler: catalog.HandleContent, DeletePolicy: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]catalog.DropFolderFile{}
	err = db.InTx(t.Context(), func(tx *catalog.Tx) error {
		for name, status := range map[string]catalog.DropFolderFileStatus{
			"arrives.mp4": catalog.FileUploading, "failed.mp4": catalog.FileErrorHandling, "done.mp4": catalog.FileHandled,
		} {
			made, _, err := tx.AddDropFolderFiles(t.Context(), catalog.Fence{}, []catalog.DropFolderFile{{
				Record: catalog.Record{Account: 101}, Folder: folder.ID, Path: name, PathKey: catalog.PathKey(name), FoldKey: "x", Status: status, Size: 7,
			}})
			if err != nil {
				return err
			}
			rows[name] = made[0]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Catalog: db, Folders: dropfolder.Operator{Catalog: db}})
	if err != nil {
		t.Fatal(err)
	}
	return c, folder, rows
}

func askFolders(t *testing.T, c *Console, method, path string, want int, into any) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:8080"+path, nil)
	c.ServeHTTP(w, r)
	if w.Code != want {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFoldersAndTheirFilesAreListed(t *testing.T) {
	c, folder, _ := folderRig(t)
	var folders struct{ Folders []folderView }
	askFolders(t, c, "GET", "/v1/drop-folders", http.StatusOK, &folders)
	if len(folders.Folders) != 1 || folders.Folders[0].Counts["handled"] != 1 || folders.Folders[0].State != "enabled" || folders.Folders[0].Type != "local" {
		t.Errorf("%+v", folders)
	}
	for query, want := range map[string]int{
		"": 3, fmt.Sprintf("folder=%d", folder.ID): 3, "folder=999": 0, "state=uploading,error_handling": 2, "state=purged": 0, "search=FAIL": 1, "limit=1": 1,
	} {
		var page struct {
			Files []folderFileView
			Total int
		}
		askFolders(t, c, "GET", "/v1/drop-folders/files?"+query, http.StatusOK, &page)
		if len(page.Files) != want {
			t.Errorf("%q: %d files", query, len(page.Files))
		}
		for _, f := range page.Files {
			if f.State == "uploading" && f.Reason == "" {
				t.Errorf("%s does not say what it waits for", f.Path)
			}
		}
	}
	for _, bad := range []string{"state=nonsense", "folder=x", "folder=0", "limit=-1", "unknown=1"} {
		askFolders(t, c, "GET", "/v1/drop-folders/files?"+bad, http.StatusBadRequest, nil)
	}
}

func TestOperatorsChangeFiles(t *testing.T) {
	c, _, rows := folderRig(t)
	at := func(name string) string { return fmt.Sprintf("/v1/drop-folders/files/%d", rows[name].ID) }
	var f folderFileView
	askFolders(t, c, "POST", at("failed.mp4")+"/retry", http.StatusOK, &f)
	if f.State != "pending" {
		t.Errorf("after retry: %s", f.State)
	}
	askFolders(t, c, "POST", at("done.mp4")+"/retry", http.StatusConflict, nil)
	askFolders(t, c, "POST", at("arrives.mp4")+"/ignore", http.StatusOK, &f)
	if f.State != "ignored" {
		t.Errorf("after ignore: %s", f.State)
	}
	askFolders(t, c, "DELETE", at("done.mp4"), http.StatusOK, &f)
	if f.State != "deleted" {
		t.Errorf("after delete: %s", f.State)
	}
	askFolders(t, c, "DELETE", "/v1/drop-folders/files/999", http.StatusNotFound, nil)
	askFolders(t, c, "DELETE", "/v1/drop-folders/files/x", http.StatusBadRequest, nil)
}
