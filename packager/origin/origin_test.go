package origin

import (
	"fmt"
	"testing"
)

func TestEveryURLGivenIsServed(t *testing.T) {
	s := serve(t, Config{}, stored(t), oneLanguage(t), progressiveSet(t))
	for _, start := range []string{
		"/hls/0_stored/master.m3u8", "/hls/0_stored/container/fmp4/master.m3u8", "/hls/0_one/master.m3u8",
		"/hls/0_one/container/fmp4/master.m3u8", "/hls/0_plain/master.m3u8", "/hls/0_plain/container/fmp4/master.m3u8",
		"/hls/0_stored/,0_lo,0_fr,.urlset/master.m3u8", "/hls/0_stored/clipFrom/5000/clipTo/11000/master.m3u8",
	} {
		t.Run(start, func(t *testing.T) {
			s.T = t
			dir := start[:len(start)-len("master.m3u8")]
			master := s.get(start)
			fmt.Printf("%s\n%s\n", start, master.body)
			lines, attrs := uris(master.body)
			for _, u := range append(lines, attrs...) {
				list := s.get(dir + u)
				fmt.Printf("%s\n%s\n", u, list.body)
				segs, maps := uris(list.body)
				for _, seg := range append(segs, maps...) {
					if r := s.get(dir + seg); len(r.body) == 0 {
						t.Errorf("%s is empty", seg)
					}
				}
			}
		})
	}
}
