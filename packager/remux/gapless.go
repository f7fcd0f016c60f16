package remux

import (
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"

	"sluice/packager"
)

// gapless is the udta box of an M4A file with the iTunSMPB comment, by which players that ignore edit lists learn the priming: in
// hexadecimal, the samples to skip at the start and at the end, and the count of those between. nil when there is nothing to tell.
func (s *mp4Sink) gapless() mp4.Box {
	b := s.tables[0]
	if b.t.kind != packager.Audio || b.t.entries[0].Entry != "mp4a" {
		return nil
	}
	priming := b.t.priming()
	count := b.dts + b.dur - b.first - priming
	text := fmt.Sprintf(" %08X %08X %08X %016X", 0, priming, 0, max(0, count))
	for range 8 {
		text += fmt.Sprintf(" %08X", 0)
	}
	full := []byte{0, 0, 0, 0}
	item := box("----",
		box("mean", full, []byte("com.apple.iTunes")),
		box("name", full, []byte("iTunSMPB")),
		box("data", []byte{0, 0, 0, 1, 0, 0, 0, 0}, []byte(text)), // UTF-8, no locale
	)
	handler := box("hdlr", full, full, []byte("mdirappl"), make([]byte, 9))
	body := box("meta", full, handler, box("ilst", item))
	return mp4.CreateUnknownBox("udta", uint64(8+len(body)), body)
}

func box(name string, parts ...[]byte) []byte {
	n := 8
	for _, p := range parts {
		n += len(p)
	}
	b := append(make([]byte, 0, n), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	b = append(b, name...)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
