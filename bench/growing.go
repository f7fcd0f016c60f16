package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// growingRate is the line that the file comes over, bytes a second: 100 Mbit/s.
const growingRate = 100_000_000 / 8

// runGrowing uploads a file with its index in front through the API over a line of 100 Mbit/s, and measures from the first byte to the
// first segment served. The peer is the same server, told of the upload when it is complete: upload, then process.
func runGrowing(ctx context.Context, e *Env, emit func(Result)) error {
	megabytes := e.Megabytes
	if megabytes == 0 {
		megabytes = e.rounds(250, 60)
	}
	src, err := e.reel(ctx, megabytes) // a second of it is about a megabyte
	if err != nil {
		return err
	}
	name := "growing"
	rounds := e.rounds(3, 1)
	var early, serial, ends []float64
	for i := range rounds {
		a, err := e.uploadAndPlay(ctx, src, true)
		if err != nil {
			return fmt.Errorf("while it arrives: %w", err)
		}
		b, err := e.uploadAndPlay(ctx, src, false)
		if err != nil {
			return fmt.Errorf("upload, then process: %w", err)
		}
		e.Log("round %d: upload ends at %.1f s; first segment at %.1f s, and at %.1f s when processing begins after the upload", i+1, a.uploaded, a.played, b.played)
		early, serial, ends = append(early, a.played), append(serial, b.played), append(ends, a.uploaded)
	}
	emit(lesser(name, "upload, then process", "s", early, serial))
	emit(lesser(name+"-upload", "the upload's end", "s", early, ends))
	return nil
}

// marks are when things happened, in seconds from the first byte of the upload.
type marks struct{ uploaded, played float64 }

// uploadAndPlay uploads src to a server of its own until the entry plays. The entry waits for the upload from the start, or is told of
// the complete file.
func (e *Env) uploadAndPlay(ctx context.Context, src string, early bool) (marks, error) {
	var m marks
	dir, err := os.MkdirTemp(e.Dir, "growing")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	s, err := e.startServer(ctx, dir)
	if err != nil {
		return m, err
	}
	defer s.stop()
	c, err := s.newAPIClient(ctx)
	if err != nil {
		return m, err
	}
	u, err := c.newUpload(ctx, filepath.Base(src))
	if err != nil {
		return m, err
	}
	if early {
		if err := u.attach(ctx); err != nil {
			return m, err
		}
	}
	began := time.Now()
	sent := make(chan error, 1)
	go func() {
		err := u.send(ctx, src)
		m.uploaded = time.Since(began).Seconds()
		if err == nil && !early {
			err = u.attach(ctx)
		}
		sent <- err
	}()
	waitCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	played := make(chan error, 1)
	go func() {
		err := s.playable(waitCtx, u.entry)
		m.played = time.Since(began).Seconds()
		played <- err
	}()
	if err := <-sent; err != nil {
		cancel()
		<-played
		return m, err
	}
	return m, <-played
}

// playable waits until players may have the entry, and its first segment is served.
func (s *station) playable(ctx context.Context, entry string) error {
	err := waitFor(ctx, 30*time.Minute, "the entry to play", func() bool {
		_, playable, err := s.entryStatus(ctx, entry)
		return err == nil && playable
	})
	if err != nil {
		return err
	}
	return s.firstSegment(ctx, entry)
}

// firstSegment waits until the first segment of the entry's first rendition is served.
func (s *station) firstSegment(ctx context.Context, entry string) error {
	return waitFor(ctx, 30*time.Minute, "the first segment", func() bool {
		lists, err := s.playlists(ctx, "/hls/"+entry+"/container/fmp4/master.m3u8")
		if err != nil {
			return false
		}
		segs, err := s.segments(ctx, lists[0])
		if err != nil {
			return false
		}
		a, err := s.get(ctx, segs[0], "")
		return err == nil && a.status == http.StatusOK
	})
}

// apiClient calls the API of a station.
type apiClient struct {
	*station
	session string
}

func (s *station) newAPIClient(ctx context.Context) (*apiClient, error) {
	out, err := exec.CommandContext(ctx, s.binary, append([]string{"session", "--admin"}, s.flags()...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return &apiClient{s, strings.TrimSpace(string(out))}, nil
}

// call posts an action's parameters, and a file of size bytes with them where there is one, and decodes the answer.
func (c *apiClient) call(ctx context.Context, out any, service, action string, params map[string]any, file io.Reader) error {
	params["ks"], params["format"] = c.session, 1
	text, err := json.Marshal(params)
	if err != nil {
		return err
	}
	body, contentType := io.Reader(bytes.NewReader(text)), "application/json"
	if file != nil {
		body, contentType = withFile(text, file)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.addr+"/api_v3/service/"+service+"/action/"+action, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	var failure struct{ Code, Message string }
	if json.Unmarshal(b, &failure) == nil && failure.Code != "" {
		return fmt.Errorf("%s.%s: %s: %s", service, action, failure.Code, failure.Message)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// withFile is a form with the parameters and a file, written while it is read.
func withFile(params []byte, file io.Reader) (body io.Reader, contentType string) {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		err := form.WriteField("json", string(params))
		var part io.Writer
		if err == nil {
			part, err = form.CreateFormFile("fileData", "source.mp4")
		}
		if err == nil {
			_, err = io.Copy(part, file)
		}
		if err == nil {
			err = form.Close()
		}
		w.CloseWithError(err)
	}()
	return r, form.FormDataContentType()
}

// tokenUpload is an entry and the token that its content comes with.
type tokenUpload struct {
	*apiClient
	entry, token string
}

func (c *apiClient) newUpload(ctx context.Context, name string) (*tokenUpload, error) {
	u := &tokenUpload{apiClient: c}
	var made struct{ ID string }
	err := c.call(ctx, &made, "media", "add", map[string]any{"entry": map[string]any{"objectType": "KalturaMediaEntry", "name": name, "mediaType": 1}}, nil)
	if err != nil {
		return nil, err
	}
	u.entry = made.ID
	err = c.call(ctx, &made, "uploadToken", "add", map[string]any{"uploadToken": map[string]any{"objectType": "KalturaUploadToken", "fileName": name}}, nil)
	u.token = made.ID
	return u, err
}

// attach makes the upload the entry's content.
func (u *tokenUpload) attach(ctx context.Context) error {
	return u.call(ctx, nil, "media", "addContent", map[string]any{
		"entryId": u.entry, "resource": map[string]any{"objectType": "KalturaUploadedFileTokenResource", "token": u.token},
	}, nil)
}

// uploadChunk is what one request carries.
const uploadChunk = 4 << 20

// send uploads a file in chunks over a line of growingRate.
func (u *tokenUpload) send(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	line := &slowLine{r: f, began: time.Now()}
	for at := int64(0); at < st.Size(); at += uploadChunk {
		n := min(uploadChunk, st.Size()-at)
		err := u.call(ctx, nil, "uploadToken", "upload", map[string]any{
			"uploadTokenId": u.token, "resume": at > 0, "finalChunk": at+n == st.Size(), "resumeAt": at,
		}, io.LimitReader(line, n))
		if err != nil {
			return err
		}
	}
	return nil
}

// slowLine gives bytes out at growingRate.
type slowLine struct {
	r     io.Reader
	began time.Time
	sent  int64
}

// Read implements io.Reader.
func (l *slowLine) Read(p []byte) (int, error) {
	n, err := l.r.Read(p[:min(len(p), 64<<10)])
	l.sent += int64(n)
	due := time.Duration(float64(l.sent) / growingRate * float64(time.Second))
	time.Sleep(time.Until(l.began.Add(due)))
	return n, err
}
