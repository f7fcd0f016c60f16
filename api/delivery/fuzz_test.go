package delivery

import (
	"strings"
	"testing"
)

// FuzzPaths: no path or query panics, and what is read keeps to its bounds.
func FuzzPaths(f *testing.F) {
	for _, s := range []string{
		"/p/102/sp/10200/playManifest/entryId/0_a/format/applehttp/protocol/https/a.m3u8", "/t/AAAA/p/102/serveFlavor/entryId/0_a/flavorId/0_b/name/a.mp4",
		"/p/102/thumbnail/entry_id/0_a/width/100!/height/20.jpg/type/3/vid_sec/1.5/bgcolor/ff00ff", "//p//", "/p/9999999999999999999/raw", "/s/p/1/sp/", "/p/1/x/%zz/%2e",
	} {
		f.Add(s, "width=3&&=&a=%zz")
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		kind, partner, rest := split(path)
		if kind != "" && partner <= 0 {
			t.Errorf("%q is of account %d", path, partner)
		}
		p := readParams(rest, query)
		token(path)
		locationOf(path)
		referrer(p["referrer"])
		if d := disposition(path); strings.ContainsAny(d, "\r\n") {
			t.Errorf("%q makes the header %q", path, d)
		}
		th, err := readThumb(p)
		if err != nil {
			return
		}
		if th.width < 0 || th.height < 0 || th.width*th.height > maxPicture || th.slices > maxSlices || th.crop < fitInside || th.crop > stretch {
			t.Errorf("%q gives %+v", p, th)
		}
	})
}
