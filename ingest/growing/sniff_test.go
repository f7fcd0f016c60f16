package growing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// boxes is a file of boxes, each "type:size", with the boxes inside in the order given after "=".
func boxes(list ...string) []byte {
	var out []byte
	for _, b := range list {
		kind, inside, _ := strings.Cut(b, "=")
		var body []byte
		switch {
		case inside == "":
			body = make([]byte, 100)
		default:
			body = boxes(strings.Split(inside, "+")...)
		}
		head := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
		out = append(append(append(out, head...), kind...), body...)
	}
	return out
}

func TestSniffKnowsFilesByTheirBoxes(t *testing.T) {
	const trak = "trak+trak+trak+trak+trak+trak+trak+trak+trak+trak"
	const index = 108 + 8 + 11*108 // where a file of ftyp and moov=mvhd and these ends
	whole := boxes("ftyp", "moov=mvhd+"+trak, "free", "mdat")
	large := boxes("ftyp", "moov=mvhd+"+trak)
	large = append(large, 0, 0, 0, 1, 'm', 'd', 'a', 't', 0, 0, 1, 0, 0, 0, 0, 0)
	open := append(boxes("ftyp", "moov=mvhd+"+trak), 0, 0, 0, 0, 'm', 'd', 'a', 't', 1, 2, 3, 4, 5, 6, 7, 8)
	for _, c := range []struct {
		name      string
		file      []byte
		have      int64 // 0 means all
		announced int64
		want      head
		unsuited  bool
	}{
		{name: "index before media", file: whole, want: head{int64(len(whole)), int64(len(whole)), true}},
		{name: "boxes behind the media do not count", file: append(whole, boxes("free")...), want: head{int64(len(whole)), int64(len(whole)), true}},
		{name: "nothing yet", file: whole, have: 5, want: head{Need: streamHead}},
		{name: "part of the index", file: whole, have: streamHead, want: head{Need: index}},
		{name: "large media", file: large, want: head{index + leadBytes, index + 1<<40, true}},
		{name: "media to the end of a file of known size", file: open, announced: 5000, want: head{5000, 5000, true}},
		{name: "media to the end of a file of unknown size", file: open, unsuited: true},
		{name: "media beyond the file", file: whole, announced: int64(len(whole)) - 1, unsuited: true},
		{name: "index behind", file: boxes("ftyp", "mdat", "moov=mvhd+"+trak), unsuited: true},
		{name: "fragmented", file: boxes("ftyp", "moov=mvhd+"+trak+"+mvex", "moof", "mdat"), want: head{Need: index + 108 + streamBytes, Ready: true}},
		{name: "fragments without a word in the index", file: boxes("ftyp", "moov=mvhd+"+trak, "moof", "mdat"), unsuited: true},
		{name: "a box that is cut", file: append(boxes("ftyp", "moov=mvhd+"+trak), 0, 0), announced: index + 2, unsuited: true},
		{name: "transport stream", file: bytes.Repeat(append([]byte{0x47}, make([]byte, 187)...), 8), want: head{Need: streamBytes, Ready: true}},
		{name: "transport stream with time stamps", file: bytes.Repeat(append([]byte{1, 2, 3, 4, 0x47}, make([]byte, 187)...), 8), want: head{Need: streamBytes, Ready: true}},
		{name: "almost a transport stream", file: append(bytes.Repeat(append([]byte{0x47}, make([]byte, 187)...), 4), make([]byte, 2000)...), unsuited: true},
		{name: "matroska", file: append([]byte{0x1a, 0x45, 0xdf, 0xa3}, make([]byte, 1200)...), want: head{Need: streamBytes, Ready: true}},
		{name: "a box of no size", file: append(boxes("ftyp"), 0, 0, 0, 3, 'm', 'o', 'o', 'v', 0, 0, 0, 0, 0, 0, 0, 0), unsuited: true},
		{name: "a box of any size", file: append(boxes("ftyp"), 0, 0, 0, 1, 'm', 'o', 'o', 'v', 0xff, 0xff, 0, 0, 0, 0, 0, 0), unsuited: true},
		{name: "an index of 300 MB", file: append(boxes("ftyp"), 0x12, 0, 0, 0, 'm', 'o', 'o', 'v', 0, 0, 0, 0, 0, 0, 0, 0), unsuited: true},
		{name: "empty boxes without end", file: bytes.Repeat([]byte{0, 0, 0, 8, 'f', 'r', 'e', 'e'}, 200), unsuited: true},
		{name: "an index that breaks off", file: append(boxes("ftyp"), append([]byte{0, 0, 0, 20, 'm', 'o', 'o', 'v', 0, 0, 0, 2, 'm', 'v', 'h', 'd', 0, 0, 0, 0}, make([]byte, 16)...)...), unsuited: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			have := c.have
			if have == 0 {
				have = max(int64(len(c.file)), streamHead)
				c.file = append(bytes.Clone(c.file), make([]byte, have-int64(len(c.file)))...)
			}
			got, err := sniff(bytes.NewReader(c.file), have, c.announced)
			if c.unsuited != errors.Is(err, errUnsuited) || !c.unsuited && err != nil {
				t.Fatalf("error %v, unsuited %v", err, c.unsuited)
			}
			if !c.unsuited && got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func FuzzSniffAnswersAnything(f *testing.F) {
	f.Add(boxes("ftyp", "moov=mvhd+trak", "mdat"), int64(0))
	f.Add([]byte{0, 0, 0, 1, 'm', 'o', 'o', 'v', 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0}, int64(20))
	f.Fuzz(func(t *testing.T, b []byte, announced int64) {
		have := int64(len(b))
		h, err := sniff(bytes.NewReader(b), have, announced)
		if err == nil && (h.Need <= 0 || h.Size < 0 || h.Size > maxSize || !h.Ready && h.Need <= have) {
			t.Errorf("of %d bytes: %+v", have, h)
		}
	})
}
