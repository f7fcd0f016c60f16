package delivery_test

import (
	"context"
	"encoding/json"
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/api/rpc/ks"
	"sluice/catalog"
	"sluice/packager/remux"
)

// probed is what ffprobe says of a file.
type probed struct {
	Streams []struct {
		Type     string `json:"codec_type"`
		Duration string `json:"duration"`
		Width    int    `json:"width"`
	} `json:"streams"`
	Format struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

func (p probed) seconds() float64 {
	f, _ := strconv.ParseFloat(p.Format.Duration, 64)
	return f
}

func (p probed) kinds() string {
	var kinds []string
	for _, s := range p.Streams {
		kinds = append(kinds, s.Type)
	}
	return strings.Join(kinds, " ")
}

func probe(t testing.TB, path string) probed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", path).Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v", path, err)
	}
	var p probed
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// fetch lets ffmpeg copy what is at a URL to an MP4.
func fetch(t testing.TB, url string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "video.mp4")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-i", url, "-c", "copy", "-bsf:a", "aac_adtstoasc", to).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", url, err, out)
	}
	return to
}

var servedURL = regexp.MustCompile(`(?m)^http\S+/serveFlavor/\S+$`)

// accessKey is what a vendor holds for one task.
func (h *house) accessKey() string {
	id := string(h.entry.ID)
	return h.session("key", ks.UserType, ks.Privilege{Name: "edit", Value: id}, ks.Privilege{Name: "setrole", Value: "REACH_VENDOR_ROLE"},
		ks.Privilege{Name: "disableentitlementforentry", Value: id}, ks.Privilege{Name: "sview", Value: id}, ks.Privilege{Name: "download", Value: id})
}

// TestVendorsDownloadEveryWayTheyKnow: the ways of the integration guide, for an open entry and for one that only the
// vendor's key opens.
func TestVendorsDownloadEveryWayTheyKnow(t *testing.T) {
	for name, rules := range map[string][]catalog.AccessRule{"open": nil, "restricted": {blockAll}} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			key := h.accessKey()
			if rules != nil {
				h.rules(rules...)
			}
			flavor := string(h.large.ID)
			// 1. The manifest with one flavor and the key, and from it the packager's URL.
			m := h.get(h.manifest("/flavorIds/" + flavor + "/format/applehttp/protocol/https/ks/" + key + "/name/a.m3u8"))
			if m.StatusCode != 200 || m.Header.Get("Content-Type") != "application/x-mpegurl" {
				t.Fatalf("manifest: %d %v\n%s", m.StatusCode, m.Header, m.body)
			}
			urls := servedURL.FindAllString(string(m.body), -1)
			if len(urls) != 1 || !strings.Contains(urls[0], "flavorId/"+flavor) || !strings.HasSuffix(urls[0], "/index.m3u8") {
				t.Fatalf("serveFlavor URLs %q in\n%s", urls, m.body)
			}
			index := urls[0]
			wantFilm(t, fetch(t, index), "video audio", 640)
			// 2. The manifest itself, as a player has it.
			wantFilm(t, fetch(t, h.url+h.manifest("/flavorIds/"+flavor+"/format/applehttp/protocol/https/name/a.m3u8/ks/"+key)), "video audio", 640)
			// 3. The file by HTTP.
			file := h.manifest("/flavorIds/" + flavor + "/protocol/https/format/url/ks/" + key + "/name/a.mp4")
			wantFilm(t, fetch(t, h.url+file), "video audio", 640)
			// 4. The packager's URL with its parts in another order and any versions; tracks of it.
			for items, kinds := range map[string]string{"index-v1.m3u8": "video", "index-a1.m3u8": "audio", "index-v1-a1.m3u8": "video audio"} {
				wantFilm(t, fetch(t, strings.TrimSuffix(index, "index.m3u8")+items), kinds, 640)
			}
			out := filepath.Join(t.TempDir(), "remuxed.mp4")
			if _, err := remux.Run(t.Context(), remux.Options{Input: index, Output: out, AllowPrivate: true}); err != nil {
				t.Fatal(err)
			}
			wantFilm(t, out, "video audio", 640)
		})
	}
}

func wantFilm(t *testing.T, path, kinds string, width int) {
	t.Helper()
	p := probe(t, path)
	if p.kinds() != kinds || math.Abs(p.seconds()-filmSeconds) > 0.1 || strings.HasPrefix(kinds, "video") && p.Streams[0].Width != width {
		t.Errorf("got %s of %.3f s: %+v; want %s of %d s", p.kinds(), p.seconds(), p.Streams, kinds, filmSeconds)
	}
}

var blockAll = catalog.AccessRule{Actions: []catalog.AccessAction{{Type: "1"}}, Code: "NO", Message: "No."}
