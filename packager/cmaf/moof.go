package cmaf

import (
	"encoding/binary"
	"math"

	"sluice/packager"
)

// Flags of a sample (ISO/IEC 14496-12 §8.8.3.1): a sync sample depends on no other; the others depend on some.
const (
	flagsSync    = 0x02000000
	flagsNonSync = 0x01010000
)

// Flags of tfhd and trun (ISO/IEC 14496-12 §8.8.7, §8.8.8).
const (
	tfhdDuration    = 0x000008
	tfhdSize        = 0x000010
	tfhdFlags       = 0x000020
	tfhdBaseIsMoof  = 0x020000
	trunDataOffset  = 0x000001
	trunFirstFlags  = 0x000004
	trunDuration    = 0x000100
	trunSize        = 0x000200
	trunFlags       = 0x000400
	trunComposition = 0x000800
)

// traf is the samples of one track in a fragment, and what of their columns varies.
type traf struct {
	id      uint32
	start   int64 // tfdt
	samples []packager.Sample
	tfhd    uint32
	trun    uint32
	bytes   int64 // of the samples
}

// newTraf decides which columns the trun needs. Durations follow from the decode times, so that a gap between two samples
// lengthens the first: a trun has no other way to say it.
func newTraf(id uint32, samples []packager.Sample, start int64) traf {
	t := traf{id: id, start: start, samples: samples, tfhd: tfhdBaseIsMoof, trun: trunDataOffset}
	if len(samples) == 0 {
		return t
	}
	t.start = samples[0].DTS
	sameDur, sameSize, sameSync := true, true, true // sameSync: of all but the first
	for i := range samples {
		s := &samples[i]
		if i+1 < len(samples) {
			s.Dur = uint32(min(samples[i+1].DTS-s.DTS, math.MaxUint32))
		}
		sameDur = sameDur && s.Dur == samples[0].Dur
		sameSize = sameSize && s.Size == samples[0].Size
		sameSync = sameSync && (i < 2 || s.Sync == samples[1].Sync)
		if s.PTS != s.DTS {
			t.trun |= trunComposition
		}
		t.bytes += int64(s.Size)
	}
	column := func(same bool, tfhd, trun uint32) {
		if same {
			t.tfhd |= tfhd
		} else {
			t.trun |= trun
		}
	}
	column(sameDur, tfhdDuration, trunDuration)
	column(sameSize, tfhdSize, trunSize)
	column(sameSync, tfhdFlags, trunFlags)
	if sameSync && len(samples) > 1 && samples[0].Sync != samples[1].Sync {
		t.trun |= trunFirstFlags
	}
	return t
}

func (t *traf) tfhdLen() int { return 16 + 4*popcount(t.tfhd&(tfhdDuration|tfhdSize|tfhdFlags)) }

func (t *traf) trunLen() int {
	if len(t.samples) == 0 {
		return 0
	}
	return 20 + 4*popcount(t.trun&trunFirstFlags) + t.columns()*len(t.samples)
}

// columns is the bytes that each sample takes in the trun.
func (t *traf) columns() int {
	return 4 * popcount(t.trun&(trunDuration|trunSize|trunFlags|trunComposition))
}

// len is the size of the traf box: its header, tfhd, tfdt and trun.
func (t *traf) len() int { return 8 + t.tfhdLen() + 20 + t.trunLen() }

func popcount(v uint32) (n int) {
	for ; v != 0; v &= v - 1 {
		n++
	}
	return n
}

// fragmentHead is the length of moof and mdat header of a fragment of trafs, and the media bytes behind them.
func fragmentHead(trafs []traf) (moof, mdat int, media int64) {
	moof, mdat = 8+16, 8
	for i := range trafs {
		moof += trafs[i].len()
		media += trafs[i].bytes
	}
	if media+8 > math.MaxUint32 {
		mdat = 16
	}
	return moof, mdat, media
}

// appendFragmentHead appends moof and mdat header of a fragment whose media bytes are those of the trafs in order. It is on
// the path of every segment that is not stored as it is served (BenchmarkSegmentProgressive).
func appendFragmentHead(dst []byte, seq uint32, trafs []traf) []byte {
	moof, mdat, media := fragmentHead(trafs)
	be := binary.BigEndian
	dst = appendBox(dst, moof, "moof")
	dst = appendBox(dst, 16, "mfhd")
	dst = be.AppendUint32(dst, 0)
	dst = be.AppendUint32(dst, seq)
	data := int64(moof + mdat)
	for i := range trafs {
		dst = trafs[i].append(dst, data)
		data += trafs[i].bytes
	}
	if mdat == 8 {
		return appendBox(dst, int(media)+8, "mdat")
	}
	dst = appendBox(dst, 1, "mdat")
	return be.AppendUint64(dst, uint64(media)+16)
}

func appendBox(dst []byte, size int, name string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	return append(dst, name...)
}

// append writes the traf; its samples start data bytes after the start of the moof.
func (t *traf) append(dst []byte, data int64) []byte {
	be := binary.BigEndian
	dst = appendBox(dst, t.len(), "traf")
	dst = appendBox(dst, t.tfhdLen(), "tfhd")
	dst = be.AppendUint32(dst, t.tfhd)
	dst = be.AppendUint32(dst, t.id)
	if t.tfhd&tfhdDuration != 0 {
		dst = be.AppendUint32(dst, t.samples[0].Dur)
	}
	if t.tfhd&tfhdSize != 0 {
		dst = be.AppendUint32(dst, t.samples[0].Size)
	}
	if t.tfhd&tfhdFlags != 0 {
		dst = be.AppendUint32(dst, sampleFlags(t.samples[len(t.samples)-1].Sync))
	}
	dst = appendBox(dst, 20, "tfdt")
	dst = be.AppendUint32(dst, 1<<24)
	dst = be.AppendUint64(dst, uint64(t.start))
	if len(t.samples) == 0 {
		return dst
	}
	return t.appendTrun(dst, data)
}

func (t *traf) appendTrun(dst []byte, data int64) []byte {
	be := binary.BigEndian
	dst = appendBox(dst, t.trunLen(), "trun")
	dst = be.AppendUint32(dst, 1<<24|t.trun) // version 1: signed composition offsets
	dst = be.AppendUint32(dst, uint32(len(t.samples)))
	dst = be.AppendUint32(dst, uint32(data))
	if t.trun&trunFirstFlags != 0 {
		dst = be.AppendUint32(dst, sampleFlags(t.samples[0].Sync))
	}
	at := len(dst)
	dst = append(dst, make([]byte, t.columns()*len(t.samples))...)
	b := dst[at:]
	put := func(v uint32) {
		be.PutUint32(b, v)
		b = b[4:]
	}
	for i := range t.samples {
		s := &t.samples[i]
		if t.trun&trunDuration != 0 {
			put(s.Dur)
		}
		if t.trun&trunSize != 0 {
			put(s.Size)
		}
		if t.trun&trunFlags != 0 {
			put(sampleFlags(s.Sync))
		}
		if t.trun&trunComposition != 0 {
			put(uint32(int32(s.PTS - s.DTS)))
		}
	}
	return dst
}

func sampleFlags(sync bool) uint32 {
	if sync {
		return flagsSync
	}
	return flagsNonSync
}
