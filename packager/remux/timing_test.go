package remux_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager/remux"
)

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// segments returns the files that a playlist names.
func segments(t testing.TB, playlist string) (paths []string) {
	t.Helper()
	text, err := os.ReadFile(playlist)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			paths = append(paths, filepath.Join(filepath.Dir(playlist), line))
		}
	}
	return paths
}

func TestByteRangesWithoutOffsetFollowTheOneBefore(t *testing.T) {
	in := hls(t)
	dir := t.TempDir()
	// Two files that hold the segments in turn, behind some bytes that belong to none.
	files := [2][]byte{[]byte(strings.Repeat("junk", 47)), nil}
	var list strings.Builder
	list.WriteString("#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:3\n")
	last := -1
	for i, path := range segments(t, in) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		k := i / 2 % 2
		offset := ""
		if k != last { // RFC 8216 §4.3.2.2: without offset only behind a range of the same resource
			offset = "@" + strconv.Itoa(len(files[k]))
		}
		last = k
		fmt.Fprintf(&list, "#EXTINF:2,\n#EXT-X-BYTERANGE:%d%s\nf%d.ts\n", len(b), offset, k)
		files[k] = append(files[k], b...)
	}
	list.WriteString("#EXT-X-ENDLIST\n")
	for k, b := range files {
		write(t, filepath.Join(dir, fmt.Sprintf("f%d.ts", k)), string(b))
	}
	ranged := write(t, filepath.Join(dir, "in.m3u8"), list.String())
	a, b := filepath.Join(dir, "a.mp4"), filepath.Join(dir, "b.mp4")
	run(t, remux.Options{Input: in, Output: a})
	run(t, remux.Options{Input: ranged, Output: b})
	for _, sel := range []string{"v", "a"} {
		if diff := cmp.Diff(coded(t, a, sel, true), coded(t, b, sel, true)); diff != "" {
			t.Errorf("%s differs from the segments as files:\n%.400s", sel, diff)
		}
	}
	bad := write(t, filepath.Join(dir, "bad.m3u8"), strings.Replace(list.String(), "@"+strconv.Itoa(188), "", 1))
	if _, err := remux.Run(t.Context(), remux.Options{Input: bad, Output: filepath.Join(dir, "c.mp4")}); err == nil {
		t.Error("a first range without offset was taken")
	}
}

// starts returns when video and audio begin, in milliseconds.
func starts(t testing.TB, path string) (video, audio float64) {
	t.Helper()
	for kind, v := range map[string]*float64{"v": &video, "a": &audio} {
		out, _ := shell(t, "", "ffprobe", "-v", "error", "-select_streams", kind+":0", "-show_entries", "packet=pts_time", "-of", "csv=p=0", "-read_intervals", "%+1", path)
		least := 1e9
		for line := range strings.Lines(out) {
			if s, err := strconv.ParseFloat(strings.Trim(strings.TrimSpace(line), ","), 64); err == nil {
				least = min(least, s*1000)
			}
		}
		*v = least
	}
	return video, audio
}

func TestSoundThatBeginsEarlierOrLaterStaysInStep(t *testing.T) {
	for name, offset := range map[string]string{"later": "0.5", "earlier": "-0.5"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ffmpeg(t, dir, "-f", "lavfi", "-i", "testsrc2=size=192x108:rate=25:duration=4", "-itsoffset", offset, "-f", "lavfi", "-i", "sine=sample_rate=48000:duration=4",
				"-c:v", "libx264", "-preset", "superfast", "-bf", "3", "-g", "50", "-c:a", "aac", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", "in.m3u8")
			in, out := filepath.Join(dir, "in.m3u8"), filepath.Join(dir, "out.mp4")
			run(t, remux.Options{Input: in, Output: out})
			strict(t, out)
			inV, inA := starts(t, filepath.Join(dir, "in0.ts"))
			outV, outA := starts(t, out)
			if want, got := inA-inV, outA-outV; got < want-2 || got > want+2 {
				t.Errorf("sound begins %.1f ms after the picture, in the source %.1f", got, want)
			}
			if first := min(outV, outA); first < -0.5 || first > 0.5 {
				t.Errorf("the file begins at %.1f ms", first)
			}
		})
	}
}

// id3 is the tag in front of a packed audio segment that tells its time (RFC 8216 §3.4).
func id3(pts int64) string {
	const owner = "com.apple.streaming.transportStreamTimestamp\x00"
	frame := binary.BigEndian.AppendUint64([]byte(owner), uint64(pts))
	head := func(name string, n int) string { return name + string([]byte{0, 0, 0, byte(n)}) }
	priv := head("PRIV", len(frame)) + "\x00\x00" + string(frame)
	return "ID3\x04\x00\x00" + string([]byte{0, 0, 0, byte(len(priv))}) + priv
}

// packed makes packed AAC segments of about two seconds with the times given, and returns their playlist.
func packed(t testing.TB, dir string, times ...int64) string {
	t.Helper()
	ffmpeg(t, dir, "-f", "lavfi", "-i", fmt.Sprintf("sine=sample_rate=48000:duration=%d", 2*len(times)), "-c:a", "aac", "-f", "segment", "-segment_time", "2", "-segment_format", "adts", "p%d.aac")
	list := "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n"
	for i, pts := range times {
		path := filepath.Join(dir, fmt.Sprintf("p%d.aac", i))
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, id3(pts)+string(b))
		list += fmt.Sprintf("#EXTINF:2,\np%d.aac\n", i)
	}
	return write(t, filepath.Join(dir, "audio.m3u8"), list+"#EXT-X-ENDLIST\n")
}

func TestPackedAudioTakesTheTimesOfItsTags(t *testing.T) {
	const start = 1<<33 - 90000 // the clock wraps after a second
	dir := t.TempDir()
	whole := run(t, remux.Options{Input: packed(t, dir, start, (start+2*90000)&(1<<33-1), (start+4*90000)&(1<<33-1)), Output: filepath.Join(dir, "out.m4a")})
	if whole.Tracks[0].Silent != 0 || whole.Duration90k < 6*90000-9000 || whole.Duration90k > 6*90000+9000 {
		t.Errorf("report %+v", whole)
	}
	gap := t.TempDir() // a second is missing between the second segment and the third
	r := run(t, remux.Options{Input: packed(t, gap, 90000, 3*90000, 6*90000), Output: filepath.Join(gap, "out.m4a")})
	if n := r.Tracks[0].Silent; n < 45 || n > 49 {
		t.Errorf("%d silent frames for a second of 47", n)
	}
	strict(t, filepath.Join(gap, "out.m4a"))
}

func TestPackedAudioStaysInStepWithVideo(t *testing.T) {
	dir := t.TempDir()
	ffmpeg(t, dir, "-f", "lavfi", "-i", "testsrc2=size=192x108:rate=25:duration=6", "-c:v", "libx264", "-preset", "superfast", "-g", "50", "-bf", "0",
		"-f", "hls", "-hls_time", "2", "-hls_list_size", "0", "video.m3u8")
	videoStart, _ := starts(t, filepath.Join(dir, "video0.ts"))
	at := int64(videoStart*90) + 27000 // sound begins 0.3 s after the picture
	packed(t, dir, at, at+2*90000, at+4*90000)
	master := write(t, filepath.Join(dir, "master.m3u8"), "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,URI=\"audio.m3u8\"\n"+
		"#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS=\"avc1.64000c,mp4a.40.2\",AUDIO=\"a\"\nvideo.m3u8\n")
	out := filepath.Join(dir, "out.mp4")
	r := run(t, remux.Options{Input: master, Output: out})
	if len(r.Tracks) != 2 {
		t.Fatalf("tracks %+v", r.Tracks)
	}
	v, a := starts(t, out)
	if d := a - v; d < 298 || d > 302 {
		t.Errorf("sound begins %.1f ms after the picture, want 300", d)
	}
}

func TestEncryptedSamplesAreRefusedByName(t *testing.T) {
	dir := t.TempDir()
	ffmpeg(t, dir, "-f", "lavfi", "-i", "testsrc2=size=192x108:rate=25:duration=2", "-c:v", "libx264", "-preset", "superfast",
		"-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8", "in.mp4")
	for name, in := range map[string]string{
		"cenc file":      filepath.Join(dir, "in.mp4"),
		"sample-aes":     write(t, filepath.Join(dir, "sa.m3u8"), "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key\"\n#EXTINF:2,\nin.mp4\n#EXT-X-ENDLIST\n"),
		"sample-aes-ctr": write(t, filepath.Join(dir, "ctr.m3u8"), "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"key\"\n#EXTINF:2,\nin.mp4\n#EXT-X-ENDLIST\n"),
	} {
		out := filepath.Join(t.TempDir(), "out.mp4")
		_, err := remux.Run(t.Context(), remux.Options{Input: in, Output: out})
		var refused *remux.Error
		if !errors.As(err, &refused) || refused.Code != remux.Encrypted {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(out); !os.IsNotExist(err) {
			t.Errorf("%s: there is an output: %v", name, err)
		}
	}
}
