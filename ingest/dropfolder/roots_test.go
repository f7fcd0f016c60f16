package dropfolder

import (
	"errors"
	"testing"
)

func TestLocalFoldersAreBelowTheirAccountsRoots(t *testing.T) {
	roots := Roots{"/data/folders", "102=/mnt/nas"}
	for _, c := range []struct{ path, want string }{
		{"in", "/data/folders/101/in"}, {" in/deep ", "/data/folders/101/in/deep"}, {"/data/folders/101/x", "/data/folders/101/x"},
		{"/data/folders/101", "/data/folders/101"}, {"a/../b", "/data/folders/101/b"},
		{"", ""}, {"../102/x", ""}, {"/data/folders/102/x", ""}, {"/data/folders/1011", ""}, {"/mnt/nas/x", ""}, {"/etc", ""}, {"/", ""},
		{"..", ""}, {"a\x00b", ""},
	} {
		got, err := roots.Resolve(101, c.path)
		if got != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, ErrPath) {
			t.Errorf("%q: %q, %v", c.path, got, err)
		}
	}
	for path, want := range map[string]string{"/mnt/nas/x": "/mnt/nas/x", "x": "/data/folders/102/x"} {
		if got, err := roots.Resolve(102, path); got != want || err != nil {
			t.Errorf("%q of 102: %q, %v", path, got, err)
		}
	}
}
