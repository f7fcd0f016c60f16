package packager_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/internal/mediatest"
	smp4 "sluice/packager/mp4"
)

// TestSampleEntriesOfEveryCodecAreUnderstood makes each codec with ffmpeg, stores it, and asks ffprobe what it sees.
func TestSampleEntriesOfEveryCodecAreUnderstood(t *testing.T) {
	video := []string{"-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=1", "-pix_fmt", "yuv420p"}
	audio := []string{"-f", "lavfi", "-i", "sine=r=48000:d=1", "-ac", "2"}
	for _, c := range []struct{ name, entry, args string }{
		{"h264", "avc1", "-c:v libx264 -preset ultrafast -color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv"},
		{"hevc", "hvc1", "-c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1"},
		{"av1", "av01", "-c:v libsvtav1 -preset 12 -svtav1-params rc=0"},
		{"vp9", "vp09", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"},
		{"aac", "mp4a", "-c:a aac"},
		{"opus", "Opus", "-c:a libopus"},
		{"ac3", "ac-3", "-c:a ac3"},
		{"eac3", "ec-3", "-c:a eac3"},
		{"flac", "fLaC", "-c:a flac -strict -2"},
		{"mp3", ".mp3", "-c:a libmp3lame"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := video
			if strings.Contains(c.args, "-c:a") {
				in = audio
			}
			t.Setenv("SVT_LOG", "0")
			tracks, _, err := smp4.Open(mediatest.File(t, mediatest.Make(t, "in.mp4", append(in, strings.Fields(c.args)...)...)))
			if err != nil {
				t.Fatal(err)
			}
			tr := tracks[0]
			if tr.Entry != c.entry {
				t.Fatalf("sample entry %q, want %q", tr.Entry, c.entry)
			}
			probe(t, tr, c.name)
		})
	}
}

func probe(t *testing.T, tr *packager.Track, codec string) {
	t.Helper()
	var out bytes.Buffer
	w := cmaf.NewWriter(&out, tr.Media, cmaf.Options{})
	for _, s := range mediatest.Samples(tr) {
		u := cmaf.Unit{PTS: s.PTS - int64(tr.Priming), Dur: int64(s.Dur), Sync: s.Sync, Data: mediatest.Data(t, tr, s)}
		if err := w.Write(u); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := mediatest.Save(t, "out.mp4", out.Bytes())
	var got struct {
		Streams []struct {
			Codec      string `json:"codec_name"`
			Width      int    `json:"width"`
			Rate       string `json:"sample_rate"`
			Channels   int    `json:"channels"`
			Primaries  string `json:"color_primaries"`
			Matrix     string `json:"color_space"`
			NumPackets string `json:"nb_read_packets"`
		}
	}
	j := mediatest.Run(t, "ffprobe", "-v", "warning", "-count_packets", "-show_streams", "-of", "json", path)
	if err := json.Unmarshal([]byte(j), &got); err != nil || len(got.Streams) != 1 {
		t.Fatalf("%v: %s", err, j)
	}
	s := got.Streams[0]
	if s.Codec != codec || s.Width != int(tr.Width) || tr.Kind == packager.Audio && (s.Rate != "48000" || s.Channels != 2) {
		t.Errorf("ffprobe sees %+v", s)
	}
	if codec == "h264" && (s.Primaries != "bt709" || s.Matrix != "bt709") {
		t.Errorf("colour %+v", s)
	}
	mediatest.Decoded(t, path, "0")
}

func TestSampleEntryRefusesWhatItCannotDescribe(t *testing.T) {
	for name, m := range map[string]packager.Media{
		"unknown codec": {Kind: packager.Video, Entry: "zzzz", Config: []byte{1}},
		"no config":     {Kind: packager.Video, Entry: "avc1"},
		"text":          {Kind: packager.Text, Entry: "avc1", Config: []byte{1}},
	} {
		if _, err := packager.SampleEntry(&m, packager.BitRate{}); err == nil || !strings.Contains(err.Error(), m.Entry) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := packager.Trak(&packager.Media{Kind: packager.Audio, Entry: ".mp3"}, 1, 0, packager.BitRate{}); err == nil {
		t.Error("a track without a timescale was described")
	}
}

func TestTrackHeaderTellsShapeAndLanguage(t *testing.T) {
	m := packager.Media{Kind: packager.Video, Entry: "avc1", Config: []byte{1, 66, 0, 30, 0xFF, 0xE0, 0}, Timescale: 90000, Width: 720,
		Height: 576, SARNum: 16, SARDen: 15, Language: "pt-BR", Name: "Câmera", Color: packager.Color{Primaries: 9, FullRange: true}}
	trak, err := packager.Trak(&m, 3, 180_000, packager.BitRate{Buffer: 1, Max: 2, Avg: 3})
	if err != nil {
		t.Fatal(err)
	}
	b, err := packager.EncodeBoxes(trak)
	if err != nil {
		t.Fatal(err)
	}
	back, err := mp4.DecodeBox(0, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	got := back.(*mp4.TrakBox)
	if got.Tkhd.TrackID != 3 || got.Tkhd.Width>>16 != 768 || got.Tkhd.Height>>16 != 576 || got.Tkhd.Duration != 2000 {
		t.Errorf("tkhd %+v", got.Tkhd)
	}
	if got.Mdia.Mdhd.GetLanguage() != "por" || got.Mdia.Elng == nil || got.Mdia.Elng.Language != "pt-BR" {
		t.Errorf("language %s, %+v", got.Mdia.Mdhd.GetLanguage(), got.Mdia.Elng)
	}
	e := got.Mdia.Minf.Stbl.Stsd.AvcX
	if e.Pasp == nil || e.Pasp.HSpacing != 16 || e.Btrt == nil || e.Btrt.AvgBitrate != 3 || got.Mdia.Hdlr.Name != "Câmera" {
		t.Errorf("sample entry %+v, name %q", e, got.Mdia.Hdlr.Name)
	}
	for _, c := range e.Children {
		if colr, ok := c.(*mp4.ColrBox); ok && (colr.ColorPrimaries != 9 || colr.MatrixCoefficients != 2 || !colr.FullRangeFlag) {
			t.Errorf("colr %+v", colr)
		}
	}
}
