package cmaf_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/internal/mediatest"
)

var everything = packager.Media{
	Kind: packager.Video, Entry: "hvc1", Config: []byte{1, 2, 3}, Timescale: 90000, Width: 1920, Height: 1080, SARNum: 4, SARDen: 3,
	RateNum: 30000, RateDen: 1001, Color: packager.Color{Primaries: 9, Transfer: 16, Matrix: 9, FullRange: true},
	SampleRate: 48000, Channels: 6, Priming: 1024, Language: "pt-BR", Name: "Realização", Default: true, Forced: true,
	Roles: []string{"main", "caption"},
}

func TestIndexGivesBackTheTrack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := packager.NewBuilder(everything)
		n := rapid.IntRange(0, 400).Draw(t, "n")
		gop := rapid.IntRange(1, 60).Draw(t, "gop")
		many := rapid.Bool().Draw(t, "many offsets")
		files := rapid.IntRange(1, 3).Draw(t, "files")
		var dts, off int64
		file := 0
		for i := range n {
			if i%gop == 0 {
				if files > 1 && i > 0 {
					file, off = (file+1)%files, int64(i*1000)
				}
				b.Fragment(file, off)
				off += 120
			}
			s := packager.Sample{DTS: dts, PTS: dts, Dur: 512, Size: rapid.Uint32Range(0, 1<<20).Draw(t, "size"), Sync: i%gop == 0,
				File: file, Offset: off}
			if many {
				s.PTS += int64(i*7 - 300)
			} else {
				s.PTS += int64(i%3) * 512
			}
			if rapid.IntRange(0, 30).Draw(t, "gap") == 0 {
				s.Dur = 700
			}
			b.Add(s)
			dts += int64(s.Dur) + int64(rapid.SampledFrom([]int{0, 0, 0, 90}).Draw(t, "hole"))
			off += int64(s.Size)
		}
		want := b.Track()
		want.Files = make([]packager.File, files)
		for i := range want.Files {
			want.Files[i] = packager.ReaderFile(nil, 1<<40, "")
		}
		if files == 1 {
			want.Layout = packager.Layout{Init: 700, Sidx: 44}
		}
		got, err := cmaf.ParseIndex(cmaf.MarshalIndex(want), want.Files...)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want.Media, got.Media); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(mediatest.Samples(want), mediatest.Samples(got)); d != "" {
			t.Fatal(d)
		}
		if want.FragmentCount() != got.FragmentCount() || want.Layout != got.Layout {
			t.Fatalf("%d fragments and %+v, want %d and %+v", got.FragmentCount(), got.Layout, want.FragmentCount(), want.Layout)
		}
		for k := range want.FragmentCount() {
			if d := cmp.Diff(want.Fragment(k), got.Fragment(k)); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func TestIndexOfAClipKeepsItsUnfragmentedTail(t *testing.T) {
	v, _ := source(t, mediatest.Movie(t, "4", "25"))
	tr := packager.Clip(stored(t, v, cmaf.Options{}), 0, 2500)
	got, err := cmaf.ParseIndex(cmaf.MarshalIndex(tr), tr.Files...)
	if err != nil {
		t.Fatal(err)
	}
	if got.FragmentCount() != 2 || tr.FragmentCount() != 2 {
		t.Fatalf("%d fragments, of %d", got.FragmentCount(), tr.FragmentCount())
	}
	if d := cmp.Diff(tr.Fragment(1), got.Fragment(1)); d != "" {
		t.Error(d)
	}
}

func TestIndexTakesAtMostFiveBytesASample(t *testing.T) {
	v, a := source(t, mediatest.Movie(t, "20", "50"))
	for _, tr := range []*packager.Track{v, a} {
		_, res := write(t, tr, 0, tr.Len(), cmaf.Options{})
		fixed := len(cmaf.MarshalIndex(packager.NewBuilder(tr.Media).Track()))
		if per := float64(len(res.Index)-fixed) / float64(tr.Len()); per > 5 {
			t.Errorf("%.2f bytes a sample", per)
		}
	}
}

func TestParseIndexRefusesDamage(t *testing.T) {
	v, _ := source(t, mediatest.Movie(t, "1", "25"))
	data, res := write(t, v, 0, v.Len(), cmaf.Options{})
	file := mediatest.File(t, mediatest.Save(t, "f", data))
	short := mediatest.File(t, mediatest.Save(t, "f", data[:len(data)-1]))
	if _, err := cmaf.ParseIndex(res.Index, file); err != nil {
		t.Fatal(err)
	}
	for i := range res.Index {
		b := append([]byte(nil), res.Index...)
		b[i] ^= 0x20
		if _, err := cmaf.ParseIndex(b, file); !errors.Is(err, cmaf.ErrIndex) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := cmaf.ParseIndex(res.Index[:i], file); !errors.Is(err, cmaf.ErrIndex) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := cmaf.ParseIndex(res.Index, short); !errors.Is(err, cmaf.ErrIndex) {
		t.Errorf("index of a longer file: %v", err)
	}
	if _, err := cmaf.ParseIndex(res.Index, file, file); !errors.Is(err, cmaf.ErrIndex) {
		t.Errorf("index of one file with two: %v", err)
	}
}

func FuzzParseIndex(f *testing.F) {
	b := packager.NewBuilder(everything)
	for i := range int64(60) {
		if i%20 == 0 {
			b.Fragment(0, i*100)
		}
		b.Add(packager.Sample{DTS: i * 10, PTS: i*10 + i%3*10, Dur: 10, Size: 50, Sync: i%20 == 0, Offset: i*100 + 50})
	}
	good := cmaf.MarshalIndex(b.Track())
	f.Add(good[4 : len(good)-4])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		// The checksum is made right, so that what is behind it is reached.
		in := append([]byte("SLX\x01"), body...)
		in = binary.LittleEndian.AppendUint32(in, crc32.Checksum(in, crc32.MakeTable(crc32.Castagnoli)))
		tr, err := cmaf.ParseIndex(in, packager.ReaderFile(nil, 1<<20, ""))
		if err != nil {
			if !errors.Is(err, cmaf.ErrIndex) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if tr.Len() > len(in) {
			t.Fatalf("%d samples out of %d bytes", tr.Len(), len(in))
		}
		for _, s := range mediatest.Samples(tr) {
			if s.Offset < 0 || s.Offset+int64(s.Size) > 1<<20 || s.DTS < 0 {
				t.Fatalf("sample outside the file: %+v", s)
			}
		}
		for k := range tr.FragmentCount() {
			if fr := tr.Fragment(k); fr.Off < 0 || fr.Count <= 0 || fr.N < 0 {
				t.Fatalf("fragment %+v", fr)
			}
		}
		again, err := cmaf.ParseIndex(cmaf.MarshalIndex(tr), tr.Files...)
		if err != nil || again.Len() != tr.Len() {
			t.Fatalf("does not survive a round trip: %v", err)
		}
	})
}
