package main

import (
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// decode runs a command with --json and decodes what it prints on standard output.
func (s *server) decode(out any, args ...string) {
	s.t.Helper()
	text, err := s.run(append(args, "--json")...)
	if err != nil {
		s.t.Fatalf("%v: %v\n%s", args, err, text)
	}
	if err := json.Unmarshal([]byte(text[strings.IndexAny(text, "{["):]), out); err != nil {
		s.t.Fatalf("%v: %v\n%s", args, err, text)
	}
}

// answers makes a call of the API and says whether it succeeded.
func (s *server) answers(call string, query url.Values) bool {
	s.t.Helper()
	query.Set("format", "1")
	_, body, err := s.tryGet("/api_v3/service/" + strings.Replace(call, ".", "/action/", 1) + "?" + query.Encode())
	if err != nil {
		s.t.Fatal(err)
	}
	return !strings.Contains(string(body), "KalturaAPIException")
}

func TestSecretsAreShownOnceAndNeverLogged(t *testing.T) {
	s := startServer(t, "--inbox-enabled=false", "--log-level", "debug")
	log := s.procs["all"].log.String()
	shown := regexp.MustCompile(`admin secret +([0-9a-f]{32})\s+user secret +([0-9a-f]{32})`).FindStringSubmatch(log)
	if shown == nil || strings.Count(log, shown[1]) != 1 {
		t.Fatalf("the first start does not show the secrets once:\n%s", log)
	}
	var a accountView
	s.decode(&a, "account", "show")
	if a.Admin != shown[1] || a.User != shown[2] || a.ID != 101 {
		t.Errorf("account show tells %+v, the server said %v", a, shown[1:])
	}
	if !s.answers("session.start", url.Values{"secret": {a.Admin}, "type": {"2"}, "partnerId": {"101"}}) {
		t.Error("the secret starts no session")
	}
	var session sessionView
	s.decode(&session, "session", "--admin", "--user", "me", "--expiry", "1000h", "--privileges", "edit:*,list:*")
	if session.Type != 2 || session.User != "me" || session.Privileges != "edit:*,list:*" {
		t.Errorf("session %+v", session)
	}
	if !s.answers("user.list", url.Values{"ks": {session.Token}}) {
		t.Error("the token of the command does not work")
	}
	s.answers("user.list", url.Values{"ks": {session.Token + "x"}})
	first := s.procs["all"].log
	s.startAgain()
	if !s.answers("user.list", url.Values{"ks": {session.Token}}) {
		t.Error("the token does not outlive the process")
	}
	if log := s.procs["all"].log.String(); strings.Contains(log, "admin secret") {
		t.Errorf("the second start shows secrets:\n%s", log)
	}
	log = strings.Replace(first.String(), shown[0], "", 1) + s.procs["all"].log.String()
	for _, secret := range []string{a.Admin, a.User, session.Token} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %s:\n%s", secret, log)
		}
	}
	info, err := os.Stat(filepath.Join(s.data, "keys", "account.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", info, err)
	}
}

func exitOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// startAgain stops the server and starts it again.
func (s *server) startAgain() {
	s.t.Helper()
	s.stopAll()
	s.start("all", "serve", "--inbox-enabled=false")
	s.waitReady()
}

func TestAccountsAreManagedByCommand(t *testing.T) {
	s := newServer(t)
	var made, shown, rotated accountView
	s.decode(&made, "account", "create", "Newsroom", "--id", "102")
	s.decode(&shown, "account", "show", "102")
	if made.ID != 102 || made.Name != "Newsroom" || made.Status != "active" || made.Admin != shown.Admin || len(made.Admin) != 32 {
		t.Errorf("made %+v, shown %+v", made, shown)
	}
	s.decode(&rotated, "account", "rotate", "102", "--grace", "1h")
	if rotated.Admin == made.Admin || rotated.User == made.User || rotated.OldSecrets != 2 {
		t.Errorf("rotated to %+v", rotated)
	}
	var ended accountView
	s.decode(&ended, "account", "rotate", "102", "--grace", "0s")
	if ended.OldSecrets != 0 || ended.Admin == rotated.Admin {
		t.Errorf("old secrets outlive a rotation without grace: %+v", ended)
	}
	s.decode(&shown, "account", "block", "102")
	if shown.Status != "blocked" {
		t.Errorf("blocked: %+v", shown)
	}
	s.decode(&shown, "account", "unblock", "102")
	s.decode(&shown, "account", "allow", "102", "--for", "101")
	if shown.Status != "active" || len(shown.ActsFor) != 1 || shown.ActsFor[0] != 101 {
		t.Errorf("unblocked and allowed: %+v", shown)
	}
	s.decode(&shown, "account", "require-https", "102")
	if !shown.HTTPSOnly {
		t.Errorf("plain HTTP is not refused: %+v", shown)
	}
	var open accountView
	s.decode(&open, "account", "require-https", "102", "--off")
	if open.HTTPSOnly {
		t.Errorf("plain HTTP is refused: %+v", open)
	}
	var list []accountView
	s.decode(&list, "account", "list")
	if len(list) != 2 || list[1].Name != "Newsroom" || list[1].SecretPair != nil {
		t.Errorf("accounts %+v", list)
	}
	for _, args := range [][]string{
		{"account", "create", "again", "--id", "102"}, {"account", "show", "x"}, {"account", "block"}, {"account", "rotate", "102", "--grace", "-1s"},
		{"session", "--type", "root"}, {"session", "--expiry", "0s"}, {"session", "--privileges", "setrole:NOBODY"}, {"account", "allow", "102"},
	} {
		if out, err := s.run(args...); exitOf(err) != exitUsage {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	for _, args := range [][]string{{"account", "show", "999"}, {"account", "rotate", "999"}, {"session", "--account", "999"}} {
		if out, err := s.run(args...); exitOf(err) != exitNotFound {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}
