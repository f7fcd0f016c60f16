package catalog_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

func TestTransfersKeepTheirFilesAndTokens(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		if _, _, err := db.EnsureAccount(ctx, 101, "a"); err != nil {
			t.Fatal(err)
		}
		made, err := db.AddTransfer(ctx, catalog.Transfer{Account: 101, User: "anna", Secret: "s", Spec: json.RawMessage(`{"a":1}`)}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.AddTransfer(ctx, catalog.Transfer{Account: 101}, 1); !errors.Is(err, catalog.ErrQuota) {
			t.Errorf("a second open transfer: %v, want ErrQuota", err)
		}
		if _, err := db.AddTransfer(ctx, catalog.Transfer{Account: 999}, 0); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("of an unknown account: %v, want ErrNotFound", err)
		}
		tok, err := db.AddUploadToken(ctx, catalog.UploadToken{Account: 101}, 0)
		if err != nil {
			t.Fatal(err)
		}
		files := []catalog.TransferFile{
			{Number: 0, Path: "a.mp4", Size: 10, Modified: 7, Token: tok.ID},
			{Number: 1, Path: "b/c.mp4", Size: -1, Extents: catalog.Extents{{From: 0, To: 5}}},
		}
		if err := db.SaveTransferFiles(ctx, made, files, nil); err != nil {
			t.Fatal(err)
		}
		files[1].Size, files[1].Status, files[1].Digest, files[1].Extents = 5, catalog.FileDone, "ab", nil
		more := map[catalog.UploadTokenID]catalog.Extents{tok.ID: {{From: 0, To: 4}, {From: 8, To: 10}}}
		if err := db.SaveTransferFiles(ctx, made, files[1:], more); err != nil {
			t.Fatal(err)
		}
		got, err := db.TransferFiles(ctx, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(files, got); diff != "" {
			t.Error(diff)
		}
		if tok, err = db.UploadToken(ctx, 101, tok.ID); err != nil || tok.Extents.Total() != 6 || tok.Status != catalog.UploadPartial {
			t.Errorf("token %+v, %v", tok, err)
		}
		if err := db.EndTransfer(ctx, made.ID, catalog.TransferClosed); err != nil {
			t.Fatal(err)
		}
		if err := db.EndTransfer(ctx, made.ID, catalog.TransferDropped); err != nil {
			t.Fatal(err)
		}
		idle, err := db.IdleTransfers(ctx, time.Now().Add(time.Hour), 10, catalog.TransferClosed)
		if err != nil || len(idle) != 1 || idle[0].ID != made.ID || idle[0].User != "anna" || string(idle[0].Spec) != `{"a":1}` {
			t.Errorf("idle transfers %+v, %v", idle, err)
		}
		if err := db.ForgetTransfer(ctx, made.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Transfer(ctx, made.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("a forgotten transfer: %v", err)
		}
		if n, err := db.StoredBytes(ctx, 101); err != nil || n != 0 {
			t.Errorf("stored bytes %d, %v", n, err)
		}
	})
}
