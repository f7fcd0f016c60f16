package checklist

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// later are the items that wait for services that sluice does not have yet.
var later = map[int]string{
	53: "entryVendorTask.getJobs", 54: "entryVendorTask.get with a stored response profile",
	55: "entryVendorTask.updateJob of a finished task", 56: "media.update with the access key of another entry's task",
}

const lastItem = 60

// client installs the npm package once, next to its lock file.
func client(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat(filepath.Join("node_modules", "kaltura-client", "package.json")); err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
}

// TestChecklist runs every item with the official client, and again as forms with answers in XML.
func TestChecklist(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what runs the real server; make test does not")
	}
	client(t)
	files := fixtures(t)
	s := start(t, account)
	from := origin(t, files)
	for format, name := range []string{1: "JSON", 2: "XML"} {
		if name == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "node", "--no-deprecation", filepath.Join("run", "main.mjs"))
			cmd.Env = append(os.Environ(), "BASE="+s.base, fmt.Sprint("FORMAT=", format), "SECRET="+adminSecret, "USER_SECRET="+userSecret, "ORIGIN="+from,
				"CLIP="+filepath.Join(files, "clip.mp4"), "AUDIO="+filepath.Join(files, "audio.m4a"), fmt.Sprint("SECONDS=", clipSeconds))
			errs := &output{}
			cmd.Stderr = errs
			pipe, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ran := report(t, bufio.NewScanner(pipe))
			if err := cmd.Wait(); err != nil {
				t.Errorf("node: %v\n%s", err, errs.tail(2000))
			}
			for item := 1; item <= lastItem; item++ {
				switch what, waits := later[item]; {
				case waits:
					t.Logf("%d %s: not yet", item, what)
				case !ran[item]:
					t.Errorf("item %d did not run", item)
				}
			}
		})
	}
}

// report makes a subtest of every line, and returns the items that ran.
func report(t *testing.T, lines *bufio.Scanner) map[int]bool {
	t.Helper()
	ran := map[int]bool{}
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Item  int
			Name  string
			Error string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Errorf("%v: %s", err, lines.Text())
			continue
		}
		ran[line.Item] = true
		t.Run(fmt.Sprintf("%02d %s", line.Item, line.Name), func(t *testing.T) {
			if line.Error != "" {
				t.Error(line.Error)
			}
		})
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
	return ran
}
