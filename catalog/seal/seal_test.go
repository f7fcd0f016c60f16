package seal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sluice/catalog/seal"
)

const (
	oldKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	newKey = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"
)

func ring(t *testing.T, keys ...string) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealedSecretsOpenInTheirPlaceOnly(t *testing.T) {
	r := ring(t, oldKey)
	for _, secret := range []string{"", "ab!", strings.Repeat("secret ", 1000)} {
		sealed := r.Seal(secret, "account 1")
		if len(secret) > 1 && strings.Contains(sealed, secret) {
			t.Errorf("%q shows in %q", secret, sealed)
		}
		if sealed == r.Seal(secret, "account 1") {
			t.Error("sealed twice, a secret gives the same text")
		}
		if got, err := r.Open(sealed, "account 1"); err != nil || got != secret {
			t.Errorf("opened as %q, %v", got, err)
		}
		if _, err := r.Open(sealed, "account 2"); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("in another place: %v", err)
		}
	}
}

func TestKeysAreReplacedOneAtATime(t *testing.T) {
	old := ring(t, oldKey).Seal("secret", "x")
	both := ring(t, newKey, oldKey)
	if got, err := both.Open(old, "x"); err != nil || got != "secret" {
		t.Errorf("old text opens as %q, %v", got, err)
	}
	fresh := both.Seal("secret", "x")
	if both.Current(old) || !both.Current(fresh) {
		t.Error("the newest key does not seal")
	}
	if _, err := ring(t, oldKey).Open(fresh, "x"); !errors.Is(err, seal.ErrKey) {
		t.Errorf("under an unknown key: %v", err)
	}
}

func TestDamagedTextsAreRefused(t *testing.T) {
	r := ring(t, oldKey)
	sealed := r.Seal("secret", "x")
	last := sealed[:len(sealed)-1]
	for _, text := range []string{"", "secret", "s1", "s1.", "s2" + sealed[2:], sealed[:20], last, sealed + "A", sealed + "!"} {
		if got, err := r.Open(text, "x"); err == nil {
			t.Errorf("%q opens as %q", text, got)
		}
	}
}

func TestBadKeysAreRefused(t *testing.T) {
	for _, keys := range [][]string{{}, {""}, {"00"}, {oldKey + "00"}, {strings.Repeat("x", 64)}, {oldKey, "short"}} {
		if _, err := seal.NewRing(keys...); err == nil {
			t.Errorf("%q make a ring", keys)
		}
	}
}

func TestKeyFileIsMadeOnceForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "account.key")
	var wg sync.WaitGroup
	got := make([]string, 8)
	for i := range got {
		wg.Go(func() {
			keys, err := seal.LoadOrCreate(path)
			if err != nil || len(keys) != 1 {
				t.Errorf("keys %v, %v", keys, err)
				return
			}
			got[i] = keys[0]
		})
	}
	wg.Wait()
	ring(t, got[0])
	for _, k := range got {
		if k != got[0] {
			t.Fatal("two processes hold different keys")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file has mode %v, %v", info.Mode(), err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("directory holds %v, %v", files, err)
	}
}

func TestKeyFilesThatCannotBeReadAreNamed(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, dir, filepath.Join(empty, "below")} {
		if _, err := seal.LoadOrCreate(path); err == nil || !strings.Contains(err.Error(), "key file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
