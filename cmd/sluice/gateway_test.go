package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"sluice/internal/s3test"
)

// addFolder adds a drop folder whose files become entries of their own, and returns its id.
func (c *client) addFolder(class string, fields map[string]any) int64 {
	c.t.Helper()
	folder := map[string]any{
		"objectType": class, "name": "in", "dc": 0, "status": 1, "fileHandlerType": "1", "fileDeletePolicy": 1, "fileSizeCheckInterval": 1,
		"fileHandlerConfig": map[string]any{"objectType": "KalturaDropFolderContentFileHandlerConfig", "contentMatchPolicy": 1},
	}
	for k, v := range fields {
		folder[k] = v
	}
	var made struct{ ID int64 }
	c.call(&made, "dropfolder_dropfolder", "add", map[string]any{"dropFolder": folder}, nil)
	return made.ID
}

// explain logs a folder and its files.
func (c *client) explain(folder int64) {
	var f, files any
	err := c.try(&f, "dropfolder_dropfolder", "get", map[string]any{"dropFolderId": folder}, nil)
	c.t.Log(f, err)
	filter := map[string]any{"objectType": "KalturaDropFolderFileFilter", "dropFolderIdEqual": folder}
	err = c.try(&files, "dropfolder_dropfolderfile", "list", map[string]any{"filter": filter}, nil)
	c.t.Log(files, err)
}

// waitNamed waits until an entry of that name is ready.
func (c *client) waitNamed(name string) {
	c.t.Helper()
	var list struct{ Objects []apiEntry }
	c.eventually(3*time.Minute, "an entry "+name+" that is ready", func() bool {
		err := c.try(&list, "media", "list", map[string]any{"filter": map[string]any{"objectType": "KalturaMediaEntryFilter", "nameEqual": name, "statusIn": "2"}}, nil)
		return err == nil && len(list.Objects) == 1
	})
}

// TestFilesComeByEveryRoad brings a film to a local folder by SFTP, and finds one in a bucket.
func TestFilesComeByEveryRoad(t *testing.T) {
	film, err := os.ReadFile(clip(t, "gate.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25", "-t", "1", "-c:v", "libx264", "-preset", "ultrafast"))
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddress(t)
	s := startServer(t, "--inbox-enabled=false", "--gateway-sftp-listen", addr, "--fetch-allow", "127.0.0.1", "--dropfolder-sweep", "1s")
	c := s.client()
	local := c.addFolder("KalturaDropFolder", map[string]any{"path": filepath.Join(s.data, "folders", "101", "in")})

	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, ssh.MarshalAuthorizedKey(key), 0o600); err != nil {
		t.Fatal(err)
	}
	var made gatewayUserView
	s.decode(&made, "account", "gateway", "add", "Anna", "--key", keys, "--folder", fmt.Sprint(local))
	if made.Name != "anna" || len(made.Keys) != 1 || len(made.Folders) != 1 || made.Password {
		t.Errorf("made is %+v", made)
	}
	login := &ssh.ClientConfig{User: "anna", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()} //nolint:gosec // our own server
	var conn *ssh.Client
	s.eventually(time.Minute, "the SFTP server to answer", func() bool { // it makes its host keys first
		conn, err = ssh.Dial("tcp", addr, login)
		return err == nil
	})
	defer conn.Close()
	files, err := sftp.NewClient(conn)
	if err != nil {
		t.Fatal(err)
	}
	f, err := files.Create("by-sftp.mp4")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(film); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	c.waitNamed("by-sftp")

	bucket := s3test.Start(t)
	u, err := url.Parse(bucket.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bucket.Dir, "by-s3.mp4"), film, 0o644); err != nil {
		t.Fatal(err)
	}
	secret, _ := u.User.Password()
	remote := c.addFolder("KalturaS3DropFolder", map[string]any{
		"path": path.Base(u.Path), "s3Host": "http://" + u.Host, "s3Region": "us-east-1", "s3UserId": u.User.Username(), "s3Password": secret,
	})
	t.Cleanup(func() {
		if t.Failed() {
			c.explain(remote)
		}
	})
	c.waitNamed("by-s3")
	if log := s.procs["all"].log.String(); strings.Contains(log, secret) {
		t.Error("the log tells the bucket's secret")
	}
}

func TestGatewayUsersAreManaged(t *testing.T) {
	s := newServer(t)
	if out, err := s.run("account", "gateway", "add", "anna"); err == nil {
		t.Errorf("a user without password and key is made: %s", out)
	}
	add := func(password string, args ...string) error {
		_, err := s.runWith(password+"\n", append([]string{"account", "gateway"}, args...)...)
		return err
	}
	if err := add("open sesame", "add", "anna", "--password-stdin", "--rights", "read,write"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"the name again": add("open sesame", "add", "anna", "--password-stdin"), "a short password": add("short", "add", "b", "--password-stdin"),
		"no such right": add("open sesame", "add", "b", "--password-stdin", "--rights", "all"), "no such folder": add("open sesame", "add", "b", "--password-stdin", "--folder", "99"),
		"a bad name": add("open sesame", "add", "a b", "--password-stdin"), "nobody": add("open sesame", "set", "nobody", "--password-stdin"),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := s.run("account", "gateway", "set", "anna", "--blocked", "--rate", "1000"); err != nil {
		t.Fatal(err)
	}
	var list []gatewayUserView
	s.decode(&list, "account", "gateway", "list")
	if len(list) != 1 || !list[0].Blocked || list[0].Rate != 1000 || !list[0].Password || len(list[0].Rights) != 2 {
		t.Errorf("listed is %+v", list)
	}
	if _, err := s.run("account", "gateway", "delete", "anna"); err != nil {
		t.Fatal(err)
	}
	s.decode(&list, "account", "gateway", "list")
	if len(list) != 0 {
		t.Errorf("after it was deleted: %+v", list)
	}
}
