package mp4

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/mp4"

	"sluice/packager"
)

// metadata builds udta with iTunes-style items: a title, and for gapless audio how many samples to skip at both ends. It
// returns nil when there is nothing to say.
func metadata(title string, gapless *packager.Track) mp4.Box {
	var items []byte
	if title != "" {
		items = append(items, atom("\xa9nam", textData(title))...)
	}
	if s := iTunSMPB(gapless); s != "" {
		free := append(atom("mean", append(make([]byte, 4), "com.apple.iTunes"...)), // full boxes
			atom("name", append(make([]byte, 4), "iTunSMPB"...))...)
		items = append(items, atom("----", append(free, textData(s)...))...)
	}
	if items == nil {
		return nil
	}
	hdlr := append(make([]byte, 8), "mdirappl"...)
	hdlr = append(hdlr, make([]byte, 9)...)
	meta := append(make([]byte, 4), atom("hdlr", hdlr)...)
	udta := atom("meta", append(meta, atom("ilst", items)...))
	return mp4.CreateUnknownBox("udta", uint64(8+len(udta)), udta)
}

func atom(name string, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 8+len(payload)), uint32(8+len(payload)))
	return append(append(b, name...), payload...)
}

// textData is a value of type UTF-8 without a locale.
func textData(s string) []byte {
	return atom("data", append([]byte{0, 0, 0, 1, 0, 0, 0, 0}, s...))
}

// iTunSMPB tells Apple's players what the edit list says too: the samples of encoder delay, of padding at the end, and of
// audio between them.
func iTunSMPB(t *packager.Track) string {
	if t == nil || t.Priming == 0 || t.Timescale != t.SampleRate {
		return ""
	}
	total := t.End() - t.Sample(0).DTS
	padding := max(0, total-int64(t.Priming)-t.Duration())
	if padding > math.MaxUint32 {
		return ""
	}
	s := fmt.Sprintf(" 00000000 %08X %08X %016X", t.Priming, padding, t.Duration())
	for range 8 {
		s += " 00000000"
	}
	return s
}
