package ingest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"sluice/ingest"
)

func TestCopyHashesWhatItCopies(t *testing.T) {
	const mib = 1 << 20
	for _, size := range []int{0, 1, 4096, mib, mib + 1, 5*mib + 3, 20 * mib} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(rand.Uint32())
		}
		src, dst := openFor(t, want, os.O_RDONLY), openFor(t, nil, os.O_RDWR)
		sum, err := ingest.Copy(t.Context(), dst, src, nil)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		got, err := os.ReadFile(dst.Name())
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes came out as %d others, %v", size, len(got), err)
		}
		exact := sha256.Sum256(want)
		if sum != "" && sum != hex.EncodeToString(exact[:]) { // "" is that of a copy by reference
			t.Errorf("%d bytes: checksum %s", size, sum)
		}
	}
}

func TestCopyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src, dst := openFor(t, make([]byte, 8<<20), os.O_RDONLY), openFor(t, nil, os.O_RDWR)
	sum, err := ingest.Copy(ctx, dst, src, func(done, _ int64) {
		if done >= 2<<20 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) && sum != "" {
		t.Errorf("checksum %q, error %v", sum, err)
	}
	if st, statErr := dst.Stat(); statErr != nil || err != nil && st.Size() >= 8<<20 {
		t.Errorf("%d bytes were copied after the end: %v", st.Size(), statErr)
	}
}

func openFor(t *testing.T, content []byte, how int) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, how, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}
