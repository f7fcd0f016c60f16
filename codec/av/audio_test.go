//go:build cgo

package av

import (
	"bytes"
	"math"
	"os/exec"
	"slices"
	"testing"

	"sluice/codec"
)

// audioPlan is a plan for a source's audio stream, bounded to a length.
func audioPlan(t *testing.T, path string, durUS int64, plans ...codec.AudioPlan) codec.Plan {
	t.Helper()
	info := probe(t, path)
	p := codec.Plan{Version: codec.PlanVersion, Format: info.Format.Name, OriginUS: *info.Format.StartUS}
	for _, a := range plans {
		a.DurationUS = durUS
		p.Audio = append(p.Audio, a)
	}
	return p
}

// pcm decodes an AAC track with the ffmpeg command line to mono samples, priming included.
func pcm(t *testing.T, m *memory, id int) []int16 {
	t.Helper()
	tr := m.tracks[id]
	var adts []byte
	object, rate, ch := int(tr.Config[0]>>3), int(tr.Config[0]&7)<<1|int(tr.Config[1]>>7), int(tr.Config[1]>>3&15)
	for _, s := range m.samples[id] {
		n := len(s.Data) + 7
		adts = append(adts, 0xff, 0xf1, byte((object-1)<<6|rate<<2|ch>>2), byte(ch<<6|n>>11), byte(n>>3), byte(n<<5|0x1f), 0xfc)
		adts = append(adts, s.Data...)
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "aac", "-i", "pipe:0", "-ac", "1", "-f", "s16le", "pipe:1")
	cmd.Stdin = bytes.NewReader(adts)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int16, len(raw)/2)
	for i := range out {
		out[i] = int16(raw[2*i]) | int16(raw[2*i+1])<<8
	}
	return out
}

func rms(s []int16) float64 {
	sum := 0.0
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(1, len(s))))
}

func TestAudioIsPaddedAndCutToTheExactLength(t *testing.T) {
	src := clip(t, "tone.mp4", "64x64", "25", 3)
	stereo := codec.AudioPlan{Stream: 1, Name: "a", Codec: "aac", BitRate: 128000, SampleRate: 48000, Channels: 2, Language: "en", Default: true, Loudness: true}
	mono := codec.AudioPlan{Stream: 1, Name: "b", Codec: "aac", BitRate: 64000, SampleRate: 48000, Channels: 1}
	for name, us := range map[string]int64{"padded": 5_000_000, "cut": 2_000_000, "as it is": 0} {
		t.Run(name, func(t *testing.T) {
			m, rep := run(t, src, codec.Job{Plan: audioPlan(t, src, us, stereo, mono), Audio: true})
			for id := range 2 {
				s := m.samples[id]
				if tr := m.tracks[id]; tr.Priming != 1024 || tr.Timescale != 48000 || s[0].PTS != -1024 {
					t.Errorf("track %d: priming %d, timescale %d, first PTS %d", id, tr.Priming, tr.Timescale, s[0].PTS)
				}
				last := s[len(s)-1]
				want := us * 48 / 1000
				if want == 0 {
					want = 3 * 48000
				}
				if end := last.PTS + last.Dur; end < want || end > want+2*1024 {
					t.Errorf("track %d ends at sample %d, want %d", id, end, want)
				}
				for i := 1; i < len(s); i++ {
					if s[i].PTS != s[i-1].PTS+s[i-1].Dur {
						t.Fatalf("track %d: gap at sample %d", id, i)
					}
				}
			}
			x := pcm(t, m, 0)[1024:]
			if name == "padded" && (rms(x[4800:140000]) < 500 || rms(x[150000:200000]) > 5) {
				t.Errorf("levels: tone %.0f, padding %.0f", rms(x[4800:140000]), rms(x[150000:200000]))
			}
			l, ok := rep.Loudness["a"]
			if !ok || l.I > -15 || l.I < -30 || l.TP > -10 || l.TP < -25 {
				t.Errorf("loudness %+v %v", l, ok)
			}
		})
	}
}

func TestAudioThatStartsLateKeepsItsPlace(t *testing.T) {
	src := ffmpeg(t, "late.mp4", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=4",
		"-itsoffset", "1.5", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=2.5", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	m, _ := run(t, src, codec.Job{Plan: audioPlan(t, src, 4_000_000, codec.AudioPlan{Stream: 1, Name: "a", Codec: "aac", BitRate: 96000, SampleRate: 48000, Channels: 2}), Audio: true})
	x := pcm(t, m, 0)[1024:]
	if a, b := rms(x[:70000]), rms(x[74000:180000]); a > 20 || b < 500 {
		t.Errorf("before 1.5 s the level is %.0f, after it %.0f", a, b)
	}
}

func TestSilenceAndOpus(t *testing.T) {
	src := clip(t, "tone.mp4", "64x64", "25", 3)
	p := audioPlan(t, src, 1_500_000,
		codec.AudioPlan{Stream: -1, Name: "s", Codec: "aac", BitRate: 32000, SampleRate: 48000, Channels: 1},
		codec.AudioPlan{Stream: 1, Name: "o", Codec: "opus", BitRate: 96000, SampleRate: 48000, Channels: 2})
	m, _ := run(t, src, codec.Job{Plan: p, Audio: true})
	if x := pcm(t, m, 0); rms(x) > 2 || len(x) < 72000 {
		t.Errorf("silence: %d samples, level %.1f", len(x), rms(x))
	}
	tr := m.tracks[1]
	if tr.Codec != "opus" || tr.Priming != 312 || len(tr.Config) != 11 || tr.Config[1] != 2 || m.samples[1][0].PTS != -312 {
		t.Errorf("opus track %+v, first PTS %d", tr, m.samples[1][0].PTS)
	}
	if n := len(m.samples[1]); n < 75 || n > 77 {
		t.Errorf("%d opus packets for 1.5 s", n)
	}
}

func TestSurroundIsMixedDownByThePlan(t *testing.T) {
	// 5.1 with sound in the centre only: the explicit mix gives it to both sides at -3 dB, normalised.
	src := ffmpeg(t, "51.mkv", "-f", "lavfi", "-i", "sine=frequency=300:sample_rate=48000:duration=2", "-af", "pan=5.1|FC=c0", "-c:a", "pcm_s16le")
	pan := "stereo|FL=0.4142*FL+0.2929*FC+0.2929*BL|FR=0.4142*FR+0.2929*FC+0.2929*BR"
	m, _ := run(t, src, codec.Job{Plan: audioPlan(t, src, 0, codec.AudioPlan{Stream: 0, Name: "a", Codec: "aac", BitRate: 128000, SampleRate: 48000, Channels: 2, SourceChan: 6, Pan: pan}), Audio: true})
	in := 4096 / math.Sqrt2 // the generator's amplitude is an eighth of full scale
	if got := rms(pcm(t, m, 0)[4096:80000]); math.Abs(got-0.2929*in) > 0.02*in {
		t.Errorf("level %.0f, want %.0f", got, 0.2929*in)
	}
}

// pictureWithTone is a small picture with a tone, which its plan encodes.
func pictureWithTone(t *testing.T, seconds float64) (src string, plan codec.Plan) {
	t.Helper()
	src = clip(t, "both.mp4", "64x64", "5", seconds)
	plan = audioPlan(t, src, 0, codec.AudioPlan{Stream: 1, Name: "a", Codec: "aac", BitRate: 64000, SampleRate: 48000, Channels: 1})
	plan.DurationUS = int64(seconds * 1_000_000)
	return src, plan
}

// TestSoundTellsHowFarItIs: of a copied picture with sound to encode, the sound is what takes long.
func TestSoundTellsHowFarItIs(t *testing.T) {
	const seconds = 240
	src, plan := pictureWithTone(t, seconds)
	plan.Audio = append(plan.Audio, codec.AudioPlan{Stream: 1, Copy: true, Name: "copy", Codec: "aac", SampleRate: 48000, Channels: 1})
	m, _ := run(t, src, codec.Job{Plan: plan, Copy: true, Audio: true})
	var told []int64
	for _, p := range m.reports {
		if p.Total == 0 && p.Frames != 0 || p.Total != 0 && (p.Total != seconds*1000 || p.Frames > p.Total) {
			t.Errorf("%d of %d", p.Frames, p.Total)
		}
		if p.Total > 0 {
			told = append(told, p.Frames)
		}
	}
	if len(told) == 0 || !slices.IsSorted(told) {
		t.Errorf("milliseconds %v of %d reports", told, len(m.reports))
	}
}

// TestAJobOfEverythingTakesWhatThePlanHas: of a source of sound alone, what else is asked for is nothing to do.
func TestAJobOfEverythingTakesWhatThePlanHas(t *testing.T) {
	src, plan := pictureWithTone(t, 2)
	plan.Video, plan.Thumbs = nil, nil
	_, rep := run(t, src, codec.Job{Plan: plan, Video: true, Copy: true, Audio: true, Subs: true, Thumbs: true})
	if len(rep.Tracks) != 1 {
		t.Errorf("tracks %v", rep.Tracks)
	}
}
