package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"
	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"sluice/catalog"
	"sluice/codec"
	hsuclient "sluice/ingest/hsu/client"
	"sluice/internal/clamdtest"
	"sluice/pipeline/stage"
)

// send makes a request with the client's session and returns the answer's headers and body.
func (c *client) send(method, path string, body io.Reader, headers ...string) (http.Header, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, "http://"+c.addr+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "KS "+c.ks)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		c.t.Fatalf("%s %s: %d %s, %v", method, path, resp.StatusCode, b, err)
	}
	return resp.Header, string(b)
}

// TestAVirusIsStoppedWhateverBroughtIt sends the EICAR file by every way in to a server with a scanner.
func TestAVirusIsStoppedWhateverBroughtIt(t *testing.T) {
	gate, ftps, hsu := freeAddress(t), freeAddress(t), freeAddress(t)
	s := startServer(t, "--scan-clamd=unix:"+clamdtest.Daemon{}.Start(t), "--fetch-allow=127.0.0.1", "--inbox-settle=100ms", "--inbox-sweep=100ms",
		"--gateway-sftp-listen", gate, "--gateway-ftps-listen", ftps, "--hsu-listen", hsu)
	c := s.client()
	in := c.addFolder("KalturaDropFolder", map[string]any{"path": filepath.Join(s.data, "folders", "101", "in")})
	const password = "open sesame"
	if _, err := s.runWith(password+"\n", "account", "gateway", "add", "anna", "--password-stdin", "--folder", fmt.Sprint(in)); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{gate, ftps} { // keys and certificates are made first
		eventually(t, addr+" accepts connections", func() bool {
			conn, err := net.DialTimeout("tcp", addr, time.Second)
			return err == nil && conn.Close() == nil
		})
	}
	eventually(t, "the folder is there", func() bool { _, err := os.Stat(filepath.Join(s.data, "folders", "101", "in")); return err == nil })
	number := 0
	// Each way brings other bytes: the same would be refused by their hash.
	virus := func() []byte {
		number++
		return fmt.Appendf(nil, "%d %s", number, clamdtest.EICAR)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(virus()) }))
	defer srv.Close()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(s.data, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, bring := range map[string]func(t *testing.T) string{
		"tus": func(*testing.T) string {
			b := virus()
			h, _ := c.send(http.MethodPost, "/v1/ingest/tus/", bytes.NewReader(b), "Tus-Resumable", "1.0.0", "Upload-Length", fmt.Sprint(len(b)),
				"Content-Type", "application/offset+octet-stream")
			return h.Get("Sluice-Entry-Id")
		},
		"the console's page": func(*testing.T) string {
			b := virus()
			h, _ := c.send(http.MethodPost, "/v1/uploads/tus/", bytes.NewReader(b), "Tus-Resumable", "1.0.0", "Upload-Length", fmt.Sprint(len(b)),
				"Content-Type", "application/offset+octet-stream", "Authorization", "")
			return h.Get("Sluice-Entry-Id")
		},
		"a form": func(t *testing.T) string {
			var buf bytes.Buffer
			w := multipart.NewWriter(&buf)
			part, err := w.CreateFormFile("file", "a.mp4")
			if err == nil {
				_, err = part.Write(virus())
			}
			if err != nil || w.Close() != nil {
				t.Fatal(err)
			}
			var got struct{ Entry string }
			_, text := c.send(http.MethodPost, "/v1/ingest/files", &buf, "Content-Type", w.FormDataContentType())
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatal(err)
			}
			return got.Entry
		},
		"an upload token": func(*testing.T) string {
			id := c.addEntry()
			var tok struct{ ID string }
			c.call(&tok, "uploadToken", "add", nil, nil)
			c.call(&tok, "uploadToken", "upload", map[string]any{"uploadTokenId": tok.ID}, virus())
			c.addContent(id, map[string]any{"objectType": "KalturaUploadedFileTokenResource", "token": tok.ID})
			return id
		},
		"a URL": func(*testing.T) string {
			id := c.addEntry()
			c.addContent(id, map[string]any{"objectType": "KalturaUrlResource", "url": srv.URL + "/a.mp4"})
			return id
		},
		"the inbox": func(t *testing.T) string {
			return s.arrives(t, db, "inbox.mp4", func() error {
				return os.WriteFile(filepath.Join(s.data, "inbox", "inbox.mp4"), virus(), 0o600)
			})
		},
		"a drop folder": func(t *testing.T) string {
			return s.arrives(t, db, "dropped", func() error {
				return os.WriteFile(filepath.Join(s.data, "folders", "101", "in", "dropped.mp4"), virus(), 0o600)
			})
		},
		"a drop folder by PUT": func(t *testing.T) string {
			return s.arrives(t, db, "put", func() error {
				c.send(http.MethodPut, fmt.Sprintf("/ingest/%d/put.mp4", in), bytes.NewReader(virus()))
				return nil
			})
		},
		"SFTP": func(t *testing.T) string {
			return s.arrives(t, db, "sent", func() error {
				conn, err := ssh.Dial("tcp", gate, &ssh.ClientConfig{
					User: "anna", Auth: []ssh.AuthMethod{ssh.Password(password)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // our own server
				})
				if err != nil {
					return err
				}
				defer conn.Close()
				files, err := sftp.NewClient(conn)
				if err != nil {
					return err
				}
				f, err := files.Create("sent.mp4")
				if err != nil {
					return err
				}
				_, err = f.Write(virus())
				return errors.Join(err, f.Close())
			})
		},
		"FTPS": func(t *testing.T) string {
			return s.arrives(t, db, "stored", func() error {
				conn, err := ftp.Dial(ftps, ftp.DialWithExplicitTLS(&tls.Config{InsecureSkipVerify: true})) //nolint:gosec // our own server
				if err != nil {
					return err
				}
				return errors.Join(conn.Login("anna", password), conn.Stor("stored.mp4", bytes.NewReader(virus())), conn.Quit())
			})
		},
		"high-speed upload": func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "fast.mp4")
			if err := os.WriteFile(file, virus(), 0o600); err != nil {
				t.Fatal(err)
			}
			log := s.procs["all"].log
			eventually(t, "the server tells its fingerprint", func() bool { return fingerprintLine.MatchString(log.String()) })
			up := send(t, []string{
				"SLUICE_SERVER=https://" + hsu, "SLUICE_FINGERPRINT=" + fingerprintLine.FindStringSubmatch(log.String())[1], "SLUICE_SESSION=" + c.ks,
				"XDG_CACHE_HOME=" + t.TempDir(),
			}, file)
			_, entry := up.until(t, func(hsuclient.Progress) bool { return false })
			if err := up.cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			return entry
		},
	} {
		t.Run(name, func(t *testing.T) {
			id := catalog.EntryID(bring(t))
			var e catalog.Entry
			eventually(t, "the entry fails", func() bool {
				e, err = db.EntryByID(t.Context(), id)
				return err == nil && e.ErrorCode != ""
			})
			if e.ErrorCode != string(codec.VirusFound) || e.Status == catalog.EntryReady || !strings.Contains(e.ErrorText, clamdtest.Virus) {
				t.Errorf("entry %d %q %q", e.Status, e.ErrorCode, e.ErrorText)
			}
			assets, err := db.Assets(t.Context(), id, catalog.AssetFlavor)
			if err != nil || len(assets) != 1 || assets[0].Status != catalog.AssetError || !strings.HasPrefix(assets[0].Key, stage.QuarantineFolder) {
				t.Fatalf("assets %+v, %v", assets, err)
			}
			if !e.PlayableAt.IsZero() {
				t.Error("the entry was playable")
			}
			if resp, err := http.Get("http://" + c.addr + "/raw/" + string(id)); err != nil || resp.StatusCode != http.StatusNotFound {
				t.Errorf("its original: %+v, %v", resp, err)
			} else {
				resp.Body.Close()
			}
			if b, err := os.ReadFile(filepath.Join(s.data, "objects", assets[0].Key)); err != nil || !strings.Contains(string(b), clamdtest.EICAR) {
				t.Errorf("what was put aside: %q, %v", b, err)
			}
		})
	}
}

// eventually waits for what must become so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not happen that %s", what)
		}
	}
}

// arrives brings a file and returns the entry that is made of it.
func (s *server) arrives(t *testing.T, db *catalog.DB, name string, bring func() error) (id string) {
	t.Helper()
	if err := bring(); err != nil {
		t.Fatal(err)
	}
	eventually(t, name+" becomes an entry", func() bool {
		entries, _, err := db.ListEntries(t.Context(), catalog.EntryFilter{Account: 101, Limit: 50})
		for _, e := range entries {
			if e.Name == name {
				id = string(e.ID)
			}
		}
		return err == nil && id != ""
	})
	return id
}
