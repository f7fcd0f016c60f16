package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md")

func load(t *testing.T, args ...string) (*Config, error) {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(fs)
}

func TestFlagsBeatEnvironmentBeatsFileBeatsDefaults(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "sluice.yaml", "http:\n  listen: 127.0.0.1:1\ninbox:\n  settle: 1s\nworker:\n  tokens: 7\nplay:\n  cors_origins: [https://a.test, https://b.test]\n")
	t.Setenv("SLUICE_INBOX_SETTLE", "2s")
	t.Setenv("SLUICE_WORKER_TOKENS", "8")
	t.Setenv("SLUICE_STORAGE_CACHE_BYTES", "1G")
	c, err := load(t, "--worker-tokens=9")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Text("http.listen"); got != "127.0.0.1:1" {
		t.Errorf("http.listen = %q, want the file's", got)
	}
	if got := c.Duration("inbox.settle"); got != 2*time.Second {
		t.Errorf("inbox.settle = %v, want the environment's", got)
	}
	if got := c.Int("worker.tokens"); got != 9 {
		t.Errorf("worker.tokens = %v, want the flag's", got)
	}
	if got := c.Int("storage.cache_bytes"); got != 1<<30 {
		t.Errorf("storage.cache_bytes = %v, want 1 GiB", got)
	}
	if diff := cmp.Diff([]string{"https://a.test", "https://b.test"}, c.List("play.cors_origins")); diff != "" {
		t.Error(diff)
	}
	if got := c.Text("log.level"); got != "info" {
		t.Errorf("log.level = %q, want the default", got)
	}
}

func TestWrongValuesAreRefusedByName(t *testing.T) {
	for _, tc := range []struct{ flag, want string }{
		{"--http-listen=nonsense", "http.listen (from --http-listen): want host:port"},
		{"--inbox-marker=done", "inbox.marker (from --inbox-marker): want a dot"},
		{"--http-listen=127.0.0.1:99999", "http.listen (from --http-listen): port"},
		{"--worker-tokens=many", `worker.tokens (from --worker-tokens): "many" is not a whole number`},
		{"--worker-roles=api,cook", `worker.roles (from --worker-roles): "cook" is not one of`},
		{"--inbox-settle=5", `inbox.settle (from --inbox-settle): "5" is not a duration`},
		{"--inbox-enabled=perhaps", "inbox.enabled (from --inbox-enabled)"},
		{"--database-url=mysql://x", "database.url (from --database-url): want a URL that starts with postgres://"},
		{"--engine-preset=turbo", `engine.preset (from --engine-preset): "turbo" is not one of`},
		{"--data-dir=", "data.dir (from --data-dir): must not be empty"},
	} {
		t.Run(tc.flag, func(t *testing.T) {
			t.Chdir(t.TempDir())
			_, err := load(t, tc.flag)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestUnknownKeysAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "sluice.yaml", "http:\n  listne: 127.0.0.1:1\n")
	t.Setenv("SLUICE_HTTP_PROT", "1")
	_, err := load(t)
	for _, want := range []string{"http.listne (from sluice.yaml): no such option", "http.prot (from environment): no such option"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

func TestANamedFileMustExist(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := load(t, "--config=absent.yaml"); err == nil || !strings.Contains(err.Error(), "absent.yaml") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

func TestDocumentationListsEveryOption(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	want := Markdown()
	if *update {
		write(t, path, want)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/configuration.md is out of date; run: go test ./internal/config -update\n%s", diff)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
