// Package corpus finds the optional folder of real and hostile media that tests sweep when it is there.
package corpus

import (
	"os"
	"path/filepath"
)

// Dir returns the corpus folder: SLUICE_MEDIA, else "shared/media" in the working directory or any folder above it.
func Dir() (string, bool) {
	if d := os.Getenv("SLUICE_MEDIA"); d != "" {
		return d, isDir(d)
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if c := filepath.Join(dir, "shared", "media"); isDir(c) {
			return c, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

func isDir(p string) bool {
	st, err := os.Stat(p)
	return err == nil && st.IsDir()
}
