package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// growingFilm is a minute of film in some megabytes, more than any rendition takes as it is; or, light, longer and with less. In an MP4
// the index is in front.
func growingFilm(t *testing.T, name string, light bool, format ...string) []byte {
	t.Helper()
	rate, seconds := "1700k", "60"
	if light {
		rate, seconds = "340k", "110"
	}
	args := []string{"-f", "lavfi", "-i", "testsrc2=s=320x180:r=5,noise=alls=24:allf=t", "-f", "lavfi", "-i", "sine=sample_rate=48000",
		"-t", seconds, "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-bf", "2", "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-profile:v", "main",
		"-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", "-ac", "2"}
	if len(format) == 0 {
		format = []string{"-movflags", "+faststart"}
	}
	b, err := os.ReadFile(clip(t, name, append(args, format...)...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// growingFlags make a server cut small: spans of ten seconds. A stream is planned again when a quarter more is there, so that of four fifths
// of the film at least 38 seconds are planned, and 25 made.
var growingFlags = []string{"--engine-span=10s", "--engine-preset=ultrafast", "--worker-lease=2s"}

// trickle is an upload that an entry waits for.
type trickle struct {
	*client
	film  []byte
	entry string
	token string
	at    int
}

func (c *client) trickle(film []byte) *trickle {
	c.t.Helper()
	u := &trickle{client: c, film: film, entry: c.addEntry()}
	var tok apiToken
	c.call(&tok, "uploadToken", "add", map[string]any{"uploadToken": map[string]any{"objectType": "KalturaUploadToken", "fileName": "film.mp4"}}, nil)
	u.token = tok.ID
	c.addContent(u.entry, map[string]any{"objectType": "KalturaUploadedFileTokenResource", "token": tok.ID})
	return u
}

// send uploads up to a byte, in pieces.
func (u *trickle) send(to int) {
	u.t.Helper()
	const piece = 1 << 20
	for u.at < to {
		n := min(piece, to-u.at)
		u.call(&apiToken{}, "uploadToken", "upload", map[string]any{
			"uploadTokenId": u.token, "resume": u.at > 0, "finalChunk": u.at+n == len(u.film), "resumeAt": u.at,
		}, u.film[u.at:u.at+n])
		u.at += n
	}
}

func (u *trickle) id() catalog.EntryID { return catalog.EntryID(u.entry) }

var segmentLine = regexp.MustCompile(`(?m)^[^#\n].*$`)

// waitPlaying waits until a player can have the entry, and returns its first media playlist.
func (u *trickle) waitPlaying() (path, playlist string) {
	u.t.Helper()
	db := u.catalog()
	u.eventually(3*time.Minute, "the entry to play while it is uploaded", func() bool {
		if e, err := db.EntryByID(u.t.Context(), u.id()); err != nil || e.PlayableAt.IsZero() {
			return false
		}
		status, master, err := u.tryGet("/hls/" + u.entry + "/master.m3u8")
		if err != nil || status != 200 {
			return false
		}
		line := segmentLine.FindString(string(master))
		path = line
		if !strings.HasPrefix(line, "/") {
			path = "/hls/" + u.entry + "/" + line
		}
		status, b, err := u.tryGet(path)
		playlist = string(b)
		return err == nil && status == 200 && len(segmentLine.FindAllString(playlist, -1)) >= 3
	})
	return path, playlist
}

// tasks are the tasks of the entry's version, by state, of one stage.
func (u *trickle) tasksOf(db *catalog.DB, stage catalog.Stage) []catalog.Task {
	u.t.Helper()
	all, err := db.Tasks(u.t.Context(), u.id())
	if err != nil {
		u.t.Fatal(err)
	}
	var out []catalog.Task
	for _, t := range all {
		if t.Stage == stage && t.Version > 0 {
			out = append(out, t)
		}
	}
	return out
}

// undisturbed takes the film in the ordinary way and returns the fingerprint of what came out.
func (c *client) undisturbed(film []byte) map[string][]string {
	c.t.Helper()
	id := c.addEntry()
	var tok apiToken
	c.call(&tok, "uploadToken", "add", map[string]any{"uploadToken": map[string]any{"objectType": "KalturaUploadToken", "fileName": "film.mp4"}}, nil)
	c.call(&tok, "uploadToken", "upload", map[string]any{"uploadTokenId": tok.ID, "resume": false, "finalChunk": true}, film)
	c.addContent(id, map[string]any{"objectType": "KalturaUploadedFileTokenResource", "token": tok.ID})
	c.waitEntry(id, 2)
	return fingerprint(c.t, c.server, catalog.EntryID(id))
}

// TestAnEntryPlaysWhileItIsUploaded is about the order of things: played, then complete, and nothing made twice.
func TestAnEntryPlaysWhileItIsUploaded(t *testing.T) {
	s := startServer(t, growingFlags...)
	c := s.client()
	for name, film := range map[string][]byte{
		"mp4":            growingFilm(t, "film.mp4", false),
		"mp4 copied":     growingFilm(t, "film.mp4", true),
		"fragmented mp4": growingFilm(t, "film.mp4", false, "-movflags", "+frag_keyframe+empty_moov+default_base_moof"),
		"matroska":       growingFilm(t, "film.mkv", false, "-f", "matroska"),
		"mpeg-ts":        growingFilm(t, "film.ts", false, "-f", "mpegts"),
	} {
		t.Run(name, func(t *testing.T) {
			c.playWhileUploaded(t, film)
		})
	}
	s.checkNothingLeft(t, s.catalog())
}

func (c *client) playWhileUploaded(t *testing.T, film []byte) {
	u := c.trickle(film)
	u.send(len(film) * 4 / 5)
	path, playlist := u.waitPlaying()
	if strings.Contains(playlist, "#EXT-X-ENDLIST") || !strings.Contains(playlist, "#EXT-X-PLAYLIST-TYPE:EVENT") {
		t.Errorf("the playlist of an entry that is uploaded:\n%s", playlist)
	}
	ffmpeg(t, "-live_start_index", "0", "-t", "12", "-i", "http://"+c.addr+path, "-f", "null", "-")
	var tok apiToken
	c.call(&tok, "uploadToken", "get", map[string]any{"uploadTokenId": u.token}, nil)
	if tok.Status != 1 {
		t.Errorf("when the entry plays, the token has status %d", tok.Status)
	}
	u.send(len(film))
	c.waitEntry(u.entry, 2)
	c.wantOriginal(u.entry, film)
	checkAdopted(t, u, c.catalog())
	if diff := cmp.Diff(c.undisturbed(film), fingerprint(t, c.server, u.id())); diff != "" {
		t.Errorf("what came out differs from the ordinary way's (-ordinary +early):\n%s", lastBytes(diff, 3000))
	}
}

// checkAdopted holds that the plan of the complete file took the early work over, and that nothing was made again.
func checkAdopted(t *testing.T, u *trickle, db *catalog.DB) {
	t.Helper()
	var result struct{ Early bool }
	plans := u.tasksOf(db, catalog.StagePlan)
	if len(plans) != 1 || json.Unmarshal(plans[0].Result, &result) != nil || !result.Early {
		t.Errorf("the plan of the complete file: %s", plans[0].Result)
	}
	early := 0
	for _, stage := range []catalog.Stage{catalog.StageEarly, catalog.StageTranscode, catalog.StageFollow} {
		for _, k := range u.tasksOf(db, stage) {
			if k.State != catalog.TaskDone {
				t.Errorf("task %q is %s", k.Name, k.State)
			}
			if k.Upload != "" {
				early++
			}
		}
	}
	if early < 2 {
		t.Errorf("%d tasks were made early", early)
	}
}

// checkNothingLeft holds that nothing is left of uploads, early work and what was dropped.
func (s *server) checkNothingLeft(t *testing.T, db *catalog.DB) {
	t.Helper()
	s.eventually(30*time.Second, "early work to be forgotten", func() bool {
		works, err := db.EarlyWorks(t.Context())
		return err == nil && len(works) == 0
	})
	if left, err := os.ReadDir(filepath.Join(s.data, "uploads")); err != nil || len(left) != 0 {
		t.Errorf("left of uploads: %v, %v", left, err)
	}
	checkTidy(t, db, filepath.Join(s.data, "objects"))
}

// files counts the files below a directory, but for its lock.
func files(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "lock" {
			n++
		}
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAnAbortedUploadLeavesNothing deletes the token while the entry plays.
func TestAnAbortedUploadLeavesNothing(t *testing.T) {
	film := growingFilm(t, "film.mp4", false)
	s := startServer(t, growingFlags...)
	c := s.client()
	u := c.trickle(film)
	u.send(len(film) * 4 / 5)
	u.waitPlaying()
	c.call(new(any), "uploadToken", "delete", map[string]any{"uploadTokenId": u.token}, nil)
	db := s.catalog()
	s.eventually(time.Minute, "nothing to be left of the aborted upload", func() bool {
		works, err := db.EarlyWorks(t.Context())
		return err == nil && len(works) == 0 && files(t, filepath.Join(s.data, "objects"))+files(t, filepath.Join(s.data, "uploads")) == 0
	})
	e, err := db.EntryByID(t.Context(), u.id())
	if err != nil || e.Status != catalog.EntryErrorImporting || !e.PlayableAt.IsZero() {
		t.Errorf("the entry has status %d, playable since %v, %v", e.Status, e.PlayableAt, err)
	}
	if assets, err := db.Assets(t.Context(), u.id()); err != nil || len(assets) != 1 || !assets[0].Original {
		t.Errorf("assets of the entry: %v, %v", assets, err)
	}
	s.eventually(time.Minute, "the entry not to play any more", func() bool {
		status, _, err := s.tryGet("/hls/" + u.entry + "/master.m3u8")
		return err == nil && status != 200
	})
	all, err := db.Tasks(t.Context(), u.id())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if k.State != catalog.TaskDone && k.State != catalog.TaskCancelled || k.Version != 0 {
			t.Errorf("task %q of version %d is %s", k.Name, k.Version, k.State)
		}
	}
}

// TestAGrowingEntrySurvivesAKill kills the server in the middle of the upload.
func TestAGrowingEntrySurvivesAKill(t *testing.T) {
	film := growingFilm(t, "film.mp4", false)
	s := startServer(t, growingFlags...)
	c := s.client()
	u := c.trickle(film)
	u.send(len(film) * 6 / 10)
	db := s.catalog()
	s.eventually(2*time.Minute, "the sound's first part", func() bool {
		assets, err := db.Assets(t.Context(), u.id(), catalog.AssetFlavor)
		for _, a := range assets {
			if a.Kind == "audio" && len(a.Parts) > 0 {
				return true
			}
		}
		return err != nil
	})
	s.again(growingFlags...)
	u.send(len(film) * 9 / 10)
	u.waitPlaying()
	s.again(growingFlags...)
	u.send(len(film))
	c.waitEntry(u.entry, 2)
	c.wantOriginal(u.entry, film)
	checkAdopted(t, u, db)
	if diff := cmp.Diff(c.undisturbed(film), fingerprint(t, s, u.id())); diff != "" {
		t.Errorf("what came out differs from the ordinary way's (-ordinary +killed):\n%s", lastBytes(diff, 3000))
	}
	s.checkNothingLeft(t, db)
}

// TestFilesThatAreNotWhatTheirHeadSays holds that a file whose end is damaged, or whose index is behind, or that is begun anew, comes out
// as ever.
func TestFilesThatAreNotWhatTheirHeadSays(t *testing.T) {
	film := growingFilm(t, "film.mp4", false)
	s := startServer(t, growingFlags...)
	c := s.client()
	db := s.catalog()

	t.Run("damaged end", func(t *testing.T) {
		damaged := bytes.Clone(film)
		for i := len(damaged) * 995 / 1000; i < len(damaged); i++ {
			damaged[i] = byte(i * i >> 7)
		}
		u := c.trickle(damaged)
		u.send(len(film) * 4 / 5)
		u.waitPlaying()
		u.send(len(damaged))
		c.waitEntry(u.entry, 2)
		c.wantOriginal(u.entry, damaged)
		if diff := cmp.Diff(c.undisturbed(damaged), fingerprint(t, s, u.id())); diff != "" {
			t.Errorf("what came out differs from the ordinary way's (-ordinary +early):\n%s", lastBytes(diff, 3000))
		}
	})
	t.Run("begun anew", func(t *testing.T) {
		other, err := os.ReadFile(clip(t, "other.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=5", "-t", "4", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"))
		if err != nil {
			t.Fatal(err)
		}
		u := c.trickle(film)
		u.send(len(film) * 4 / 5)
		u.waitPlaying()
		u.film, u.at = other, 0
		u.send(len(other))
		if e := c.waitEntry(u.entry, 2); e.Width != 160 {
			t.Errorf("the entry is %d wide", e.Width)
		}
		c.wantOriginal(u.entry, other)
	})
	t.Run("another clock behind", func(t *testing.T) {
		stream := growingFilm(t, "film.ts", false, "-f", "mpegts")
		twice := append(bytes.Clone(stream), stream...)
		u := c.trickle(twice)
		u.send(len(twice) * 2 / 5)
		u.waitPlaying()
		u.send(len(twice))
		c.waitEntry(u.entry, 2)
		var result struct{ Early bool }
		if plans := u.tasksOf(db, catalog.StagePlan); len(plans) != 1 || json.Unmarshal(plans[0].Result, &result) != nil || result.Early {
			t.Errorf("the plan of a source whose clock jumps in the end: %v", plans)
		}
		if diff := cmp.Diff(c.undisturbed(twice), fingerprint(t, s, u.id())); diff != "" {
			t.Errorf("what came out differs from the ordinary way's (-ordinary +early):\n%s", lastBytes(diff, 3000))
		}
	})
	t.Run("index behind", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "film.mp4")
		if err := os.WriteFile(path, film, 0o600); err != nil {
			t.Fatal(err)
		}
		behind, err := os.ReadFile(clip(t, "behind.mp4", "-i", path, "-c", "copy"))
		if err != nil {
			t.Fatal(err)
		}
		u := c.trickle(behind)
		u.send(len(behind))
		c.waitEntry(u.entry, 2)
		if early := u.tasksOf(db, catalog.StageEarly); len(early) != 0 {
			t.Errorf("%d early tasks of a file with its index behind", len(early))
		}
	})
	s.checkNothingLeft(t, db)
}
