package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func TestEachWayOfCopyingHashesWhatItCopies(t *testing.T) {
	ways := map[string]func(context.Context, io.Writer, *os.File, *os.File, func(int64)) error{"tee": tee, "hand": hand}
	for _, size := range []int{0, 1, pumpBuffer, pumpBuffer + 1, behind + 3, 2*hashStride + 5} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(rand.Uint32())
		}
		name := filepath.Join(t.TempDir(), "film")
		if err := os.WriteFile(name, want, 0o600); err != nil {
			t.Fatal(err)
		}
		for way, copies := range ways {
			sum, reached := sha256.New(), int64(0)
			got := copied(t, name, func(dst, src *os.File) error {
				return copies(t.Context(), sum, dst, src, func(done int64) { reached = done })
			})
			if !bytes.Equal(got, want) || reached != int64(size) || !sameSum(sum, want) {
				t.Errorf("%s of %d bytes: %d came out, %d were told of, checksum %x", way, size, len(got), reached, sum.Sum(nil))
			}
		}
	}
}

func sameSum(h hash.Hash, of []byte) bool {
	want := sha256.Sum256(of)
	return bytes.Equal(h.Sum(nil), want[:])
}

func copied(t *testing.T, name string, do func(dst, src *os.File) error) []byte {
	t.Helper()
	src, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.Create(name + ".copy")
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close()
	if err := do(dst, src); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(dst.Name())
	if err != nil {
		t.Fatal(err)
	}
	return got
}
