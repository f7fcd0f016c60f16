package packager

import (
	"encoding/hex"
	"testing"
)

func TestCodecStringFollowsTheConfiguration(t *testing.T) {
	tests := []struct {
		name   string
		media  Media
		config string // hex
		want   string
	}{
		{"H.264 High 4.0", Media{Entry: "avc1"}, "01640028ffe1", "avc1.640028"},
		{"H.264 constrained baseline in band", Media{Entry: "avc3"}, "0142c01effe0", "avc3.42C01E"},
		{"H.264 with no config", Media{Entry: "avc1"}, "01", "avc1"},
		{"HEVC Main", Media{Entry: "hvc1"}, "0101600000009000000000005df000fcfdf8f800000f03", "hvc1.1.6.L93.90"},
		{"HEVC Main 10", Media{Entry: "hvc1"}, "01022000000090000000000099f000fcfdfafa00000f03", "hvc1.2.4.L153.90"},
		{"HEVC high tier, long constraints", Media{Entry: "hev1"}, "01240800000099a8000000007bf000fcfdf8f800000f03", "hev1.4.10.H123.99.A8"},
		{"AV1 Main 8-bit", Media{Entry: "av01"}, "81080c00", "av01.0.08M.08"},
		{"AV1 Main 10-bit PQ", Media{Entry: "av01", Color: Color{9, 16, 9, false}}, "81094c00", "av01.0.09M.10.0.110.09.16.09.0"},
		{"AV1 high tier 4:4:4", Media{Entry: "av01"}, "812d8000", "av01.1.13H.08.0.000.01.01.01.0"},
		{"VP9 profile 0 with the box header", Media{Entry: "vp09"}, "01000000001f80020202000000", "vp09.00.31.08.00.01.01.01.00"},
		{"VP9 profile 2 HLG", Media{Entry: "vp09"}, "0229a209120900", "vp09.02.41.10.01.09.18.09.00"},
		{"AAC-LC 48 kHz stereo", Media{Entry: "mp4a", SampleRate: 48000}, "1190", "mp4a.40.2"},
		{"AAC-LC from an encoder with an empty extension", Media{Entry: "mp4a", SampleRate: 48000}, "119056e500", "mp4a.40.2"},
		{"HE-AAC explicit", Media{Entry: "mp4a", SampleRate: 44100}, "2b920800", "mp4a.40.5"},
		{"HE-AACv2 explicit", Media{Entry: "mp4a", SampleRate: 44100}, "eb8a0800", "mp4a.40.29"},
		{"HE-AAC backward compatible", Media{Entry: "mp4a", SampleRate: 44100}, "139056e5a0", "mp4a.40.5"},
		{"HE-AACv2 backward compatible", Media{Entry: "mp4a", SampleRate: 44100}, "138856e5a54880", "mp4a.40.29"},
		{"HE-AAC told by the track's rate only", Media{Entry: "mp4a", SampleRate: 48000}, "1310", "mp4a.40.5"},
		{"HE-AACv2 told by rate and channels only", Media{Entry: "mp4a", SampleRate: 48000, Channels: 2}, "1308", "mp4a.40.29"},
		{"xHE-AAC", Media{Entry: "mp4a", SampleRate: 48000}, "f94640", "mp4a.40.42"},
		{"AAC without a config", Media{Entry: "mp4a"}, "", "mp4a.40.2"},
		{"MP3", Media{Entry: ".mp3"}, "", "mp4a.40.34"},
		{"AC-3", Media{Entry: "ac-3"}, "103dc0", "ac-3"},
		{"E-AC-3", Media{Entry: "ec-3"}, "06002000", "ec-3"},
		{"Opus", Media{Entry: "Opus"}, "0002", "Opus"},
		{"FLAC", Media{Entry: "fLaC"}, "", "fLaC"},
		{"WebVTT", Media{Entry: "wvtt"}, "", "wvtt"},
		{"IMSC text", Media{Entry: "stpp"}, "", "stpp.ttml.im1t"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, err := hex.DecodeString(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			tt.media.Config = config
			if got := tt.media.CodecString(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzCodecString: a hostile configuration must not make it panic.
func FuzzCodecString(f *testing.F) {
	f.Add("avc1", []byte{1, 100, 0, 40})
	f.Add("mp4a", []byte{0x13, 0x90, 0x56, 0xe5, 0xa0})
	f.Add("vp09", []byte{1, 0, 0, 0, 0, 31, 0x80, 2, 2, 2, 0, 0})
	f.Fuzz(func(t *testing.T, entry string, config []byte) {
		m := Media{Entry: entry, Config: config, SampleRate: 48000, Channels: 2}
		if s := m.CodecString(); len(s) < len(entry) && entry != ".mp3" {
			t.Errorf("%q: %q lost the sample entry", entry, s)
		}
	})
}
