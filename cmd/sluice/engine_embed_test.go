//go:build engine && !cgo

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestEmbeddedEngineRunsFromMemoryAndFromATemporaryFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for name, open := range map[string]func() (*os.File, error){"memory": memoryFile, "temporary": namelessFile} {
		f, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out, err := exec.CommandContext(t.Context(), fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()), "versions").CombinedOutput()
		f.Close()
		if err != nil || !strings.Contains(string(out), "libavcodec") {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if v := engineVersions(); v["libavformat"] == "" {
		t.Errorf("versions: %v", v)
	}
}
