package upload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest/upload"
)

const account catalog.AccountID = 101

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(runChild(dir))
	}
	os.Exit(m.Run())
}

// newEngine returns an engine with a catalog and folder of its own.
func newEngine(t testing.TB) *upload.Engine {
	t.Helper()
	return openEngine(t, t.TempDir())
}

// openEngine returns an engine on a directory that others may have.
func openEngine(t testing.TB, dir string) *upload.Engine {
	t.Helper()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(dir, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, _, err := db.EnsureAccount(t.Context(), account, "test"); err != nil {
		t.Fatal(err)
	}
	return &upload.Engine{Catalog: db, Dir: filepath.Join(dir, "uploads"), Wait: 20 * time.Millisecond}
}

func add(t testing.TB, e *upload.Engine, tok catalog.UploadToken) catalog.UploadToken {
	t.Helper()
	tok.Account = account
	tok, err := e.Add(t.Context(), tok)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// chunk is a chunk of data: "first", "whole" or at an offset, final or not.
func chunk(data []byte, resume, final bool, at int64) upload.Chunk {
	return upload.Chunk{
		Resume: resume, Final: final, At: at, Name: "film.mp4", Size: int64(len(data)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

func send(t testing.TB, e *upload.Engine, id catalog.UploadTokenID, c upload.Chunk) catalog.UploadToken {
	t.Helper()
	tok, err := e.Upload(t.Context(), account, id, c)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// bytesOf returns n bytes that differ from those of another seed, and do not look like a program.
func bytesOf(n int, seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + rnd.UintN(26))
	}
	return b
}

// wantFile checks the file of a token.
func wantFile(t testing.TB, e *upload.Engine, tok catalog.UploadToken, want []byte) {
	t.Helper()
	got, err := os.ReadFile(e.Path(tok))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the file has %d bytes with sum %s, want %d with %s", len(got), sum(got), len(want), sum(want))
	}
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:6])
}

func wantStatus(t testing.TB, tok catalog.UploadToken, want catalog.UploadStatus, contiguous int64) {
	t.Helper()
	if tok.Status != want || tok.Extents.Contiguous() != contiguous {
		t.Errorf("status %d with %d bytes, want %d with %d (%v)", tok.Status, tok.Extents.Contiguous(), want, contiguous, tok.Extents)
	}
}

// The test binary becomes a process that uploads chunks in turn when childDir is set, and prints the offset of each when
// it is recorded, until it is killed.
const childDir = "SLUICE_TEST_UPLOAD_DIR"

func runChild(dir string) int {
	ctx := context.Background()
	db, err := catalog.Open(ctx, "sqlite://"+filepath.Join(dir, "catalog.db"))
	if err != nil {
		fmt.Println(err)
		return 3
	}
	e := &upload.Engine{Catalog: db, Dir: filepath.Join(dir, "uploads"), Wait: time.Millisecond}
	id := catalog.UploadTokenID(os.Getenv("SLUICE_TEST_UPLOAD_TOKEN"))
	data := bytesOf(childBytes, 1)
	tok, err := db.UploadToken(ctx, account, id)
	if err != nil {
		fmt.Println(err)
		return 3
	}
	if tok.Generation == 0 {
		if _, err := e.Upload(ctx, account, id, chunk(nil, false, false, 0)); err != nil {
			fmt.Println(err)
			return 3
		}
	}
	for _, gap := range tok.Extents.Missing(childBytes) {
		for at := gap.From; at < gap.To; at += childChunk {
			end := min(at+childChunk, gap.To)
			if _, err := e.Upload(ctx, account, id, chunk(data[at:end], true, false, at)); err != nil {
				fmt.Println(err)
				return 3
			}
			fmt.Println(end)
		}
	}
	return 0
}

const (
	childBytes = 2 << 20
	childChunk = 37_001
)
