package ts

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/text/language"

	"sluice/packager"
)

// stream is a track as one elementary stream of a program.
type stream struct {
	track       *packager.Track
	pid         uint16
	typ         byte
	id          byte // stream_id of its PES packets
	descriptors []byte

	// Video only.
	lengthSize int    // bytes of a NAL unit length in the samples
	aud        []byte // access unit delimiter with start code
	sets       []byte // parameter sets with start codes, put in front of sync samples
	nals       []uint16
	shift      int64 // ticks by which decode times are moved back so that none is after its presentation

	// Audio only.
	frameHead []byte // ADTS header with frame length 0; nil when frames go as they are
	pce       []byte // program config element that opens each PES when the channel configuration is 0
}

var (
	audAVC  = []byte{0, 0, 0, 1, 9, 0xF0}
	audHEVC = []byte{0, 0, 0, 1, 0x46, 1, 0x50}
)

func newStream(t *packager.Track, n int) (stream, error) {
	s := stream{track: t, pid: pidFirst + uint16(n)}
	var err error
	switch t.Entry {
	case "avc1", "avc3":
		s.typ, s.id, s.aud = typeH264, 0xE0, audAVC
		s.lengthSize, s.sets, err = avcSets(t.Config)
	case "hvc1", "hev1":
		s.typ, s.id, s.aud = typeHEVC, 0xE0, audHEVC
		s.descriptors = registration("HEVC")
		s.lengthSize, s.sets, err = hevcSets(t.Config)
	case "mp4a":
		s.typ, s.id = typeAAC, 0xC0
		if s.frameHead, s.pce, err = adtsHead(t.Config); err == nil {
			err = checkFrames(t, maxADTS-len(s.frameHead)-len(s.pce))
		}
	case ".mp3":
		s.typ, s.id = typeMPEG1Audio, 0xC0
		if t.SampleRate != 0 && t.SampleRate < 32000 {
			s.typ = typeMPEG2Audio
		}
	case "ac-3":
		s.typ, s.id, s.descriptors = typeAC3, 0xBD, registration("AC-3")
	case "ec-3":
		s.typ, s.id, s.descriptors = typeEAC3, 0xBD, registration("EAC3")
	default:
		return s, fmt.Errorf("track %d: codec %q: %w", n+1, t.Entry, ErrUnsupported)
	}
	if err != nil {
		return s, fmt.Errorf("track %d (%s): %w", n+1, t.Entry, err)
	}
	if t.Timescale == 0 {
		return s, fmt.Errorf("track %d (%s): timescale 0: %w", n+1, t.Entry, ErrCorrupt)
	}
	if t.Kind == packager.Audio {
		s.descriptors = append(s.descriptors, languageDescriptor(t.Language)...)
		return s, nil
	}
	s.shift = maxEarly(t)
	if s.lengthSize != 4 {
		s.nals, err = countNALs(t, s.lengthSize)
	}
	return s, err
}

// maxEarly returns by how much a sample's decode time exceeds its composition time at most.
func maxEarly(t *packager.Track) (d int64) {
	if !t.HasOffsets() {
		return 0
	}
	t.Walk(0, t.Len(), func(_ int, s packager.Sample) bool {
		d = max(d, s.DTS-s.PTS)
		return true
	})
	return d
}

func registration(id string) []byte { return append([]byte{5, 4}, id...) }

// languageDescriptor is an ISO_639_language_descriptor, or nothing when the language is unknown.
func languageDescriptor(bcp47 string) []byte {
	if bcp47 == "" || bcp47 == "und" {
		return nil
	}
	tag, err := language.Parse(bcp47)
	if err != nil {
		return nil
	}
	base, _ := tag.Base()
	code := base.ISO3()
	if len(code) != 3 || code == "und" {
		return nil
	}
	return append([]byte{0x0A, 4}, code[0], code[1], code[2], 0)
}

// checkFrames makes sure that no audio frame is longer than limit.
func checkFrames(t *packager.Track, limit int) (err error) {
	t.Walk(0, t.Len(), func(i int, s packager.Sample) bool {
		if int(s.Size) > limit {
			err = fmt.Errorf("frame %d of %d bytes, ADTS has room for %d: %w", i, s.Size, limit, ErrUnsupported)
		}
		return err == nil
	})
	return err
}

// countNALs counts the NAL units of every sample. Lengths of four bytes become start codes of the same size; for others the
// size of a segment depends on how many units there are, and only the media tells. Such files are rare.
func countNALs(t *packager.Track, lengthSize int) ([]uint16, error) {
	counts := make([]uint16, t.Len())
	src := newSource()
	defer src.release()
	var err error
	t.Walk(0, t.Len(), func(i int, s packager.Sample) bool {
		var b []byte
		if b, err = src.sample(t, s); err != nil {
			return false
		}
		for len(b) > 0 && counts[i] < 65535 {
			_, b = cutNAL(b, lengthSize)
			counts[i]++
		}
		return true
	})
	return counts, err
}

// cutNAL splits b, which starts with a NAL unit length, after that unit. A length that runs past the end means the rest.
func cutNAL(b []byte, lengthSize int) (nal, rest []byte) {
	if len(b) < lengthSize {
		return nil, nil
	}
	var n uint32
	if lengthSize == 4 {
		n = binary.BigEndian.Uint32(b)
	} else {
		for _, x := range b[:lengthSize] {
			n = n<<8 | uint32(x)
		}
	}
	b = b[lengthSize:]
	if uint64(n) > uint64(len(b)) {
		return b, nil
	}
	return b[:n], b[n:]
}

// payload returns the bytes that sample i of the stream takes in a PES packet, without PES header or access unit delimiter.
func (s *stream) payload(i int, sample packager.Sample) int {
	n := int(sample.Size)
	if s.track.Kind == packager.Audio {
		return n + len(s.frameHead)
	}
	if s.nals != nil {
		n += int(s.nals[i]) * (4 - s.lengthSize)
	}
	if sample.Sync {
		n += len(s.sets)
	}
	return n + len(s.aud)
}
