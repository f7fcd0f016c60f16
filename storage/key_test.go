package storage_test

import (
	"errors"
	"strings"
	"testing"

	"sluice/storage"
)

func TestKeysAreValidated(t *testing.T) {
	long := strings.Repeat("n", storage.MaxKeyPart)
	for key, ok := range map[string]bool{
		"100/0_abcdefgh/1/0_ijklmnop/source.mp4": true,
		"a":                                      true,
		".hidden":                                true,
		"a/..b":                                  true,
		"a b/+?&\"'\\%2e":                        true,
		"日本語/видео.mp4":                          true,
		long:                                     true,
		"":                                       false,
		"/a":                                     false,
		"a/":                                     false,
		"a//b":                                   false,
		".":                                      false,
		"..":                                     false,
		"a/../b":                                 false,
		"a/./b":                                  false,
		"a\x00b":                                 false,
		"a\nb":                                   false,
		"a\x7fb":                                 false,
		"a\u0085b":                               false,
		"a\xffb":                                 false,
		long + "n":                               false,
		".sluice-tmp/x":                          false,
		strings.Repeat("a/", 600):                false,
	} {
		err := storage.ValidateKey(key)
		if (err == nil) != ok {
			t.Errorf("ValidateKey(%.40q) = %v, want ok %v", key, err, ok)
		}
		if err != nil && !errors.Is(err, storage.ErrBadKey) {
			t.Errorf("ValidateKey(%.40q) = %v, not an ErrBadKey", key, err)
		}
	}
}

func TestPrefixesAreValidated(t *testing.T) {
	for prefix, ok := range map[string]bool{
		"": true, "a": true, "a/": true, "a/b": true, "a/.": true, "a/..": true, "..": true,
		"/": false, "../": false, "a/../": false, "a//": false, "a\x00": false,
	} {
		if err := storage.ValidatePrefix(prefix); (err == nil) != ok {
			t.Errorf("ValidatePrefix(%q) = %v, want ok %v", prefix, err, ok)
		}
	}
}

// FuzzValidateKey holds that no accepted key leaves its root.
func FuzzValidateKey(f *testing.F) {
	for _, s := range []string{"a/b", "../a", "a/..", "/", "a\x00", "\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if storage.ValidateKey(key) != nil {
			return
		}
		for part := range strings.SplitSeq(key, "/") {
			if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) {
				t.Fatalf("accepted %q", key)
			}
		}
	})
}
