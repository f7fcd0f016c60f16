package checklist

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTourOfTheDocumentation runs the blocks of docs/api.md as they stand.
func TestTourOfTheDocumentation(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what runs the real server; make test does not")
	}
	for _, tool := range []string{"curl", "jq", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	client(t)
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	script := "set -euo pipefail\n"
	blocks := 0
	for i, block := range strings.Split(string(doc), "```") {
		kind, text, _ := strings.Cut(block, "\n")
		switch {
		case i%2 == 0:
		case kind == "sh":
			blocks++
			script += text
		case kind == "js":
			name := strings.TrimSpace(strings.TrimPrefix(strings.SplitN(text, "\n", 2)[0], "//"))
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if blocks < 8 {
		t.Fatalf("only %d blocks in docs/api.md", blocks)
	}
	files := fixtures(t)
	s := start(t, account)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "URL="+s.base, "SECRET="+adminSecret, "CLIP="+filepath.Join(files, "clip.mp4"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"true", "<executionTime>", `"duration": 12`, "#EXTM3U", "image/jpeg", `"totalCount": 1`, "1 From Node", "ENTRY_ID_NOT_FOUND", `"name":"Second"`, `"objectType":"KalturaMediaEntry"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in the output:\n%s", want, out)
		}
	}
	for _, never := range []string{"Exception", "null,"} {
		if strings.Contains(string(out), never) {
			t.Errorf("%s is in the output:\n%s", never, out)
		}
	}
}
