package ts

import "sluice/packager"

// videoInfo is what the demuxer needs to know of a sequence parameter set.
type videoInfo struct {
	width, height          uint16
	sarNum, sarDen         uint16
	color                  packager.Color
	rateNum, rateDen       uint32
	chroma                 byte
	lumaDepth, chromaDepth byte // less 8

	framesOnly     bool // no field pictures
	separatePlanes bool
	frameNumBits   int
	last           field
}

// field is a field picture of H.264.
type field struct {
	frame  uint32 // frame_num
	bottom bool
}

// field reads a slice header (ITU-T H.264 §7.3.3) up to bottom_field_flag; ok is false for a frame.
func (v *videoInfo) field(nal []byte) (f field, ok bool) {
	if v.framesOnly || v.frameNumBits == 0 || len(nal) < 2 {
		return f, false
	}
	r := bits{b: unescape(nal[1:min(len(nal), 24)])}
	r.ue() // first_mb_in_slice
	r.ue() // slice_type
	r.ue() // pic_parameter_set_id
	if v.separatePlanes {
		r.read(2)
	}
	f.frame = r.read(v.frameNumBits)
	if r.read(1) == 0 || r.over {
		return f, false
	}
	f.bottom = r.read(1) == 1
	return f, !r.over
}

func (v *videoInfo) setSAR(w, h uint32) {
	if w > 0 && h > 0 && w < 65536 && h < 65536 && w != h {
		v.sarNum, v.sarDen = uint16(w), uint16(h)
	}
}

// setRate takes a frame rate if it is one: 1 to 1000 frames a second.
func (v *videoInfo) setRate(num, den uint32) {
	if num > 0 && den > 0 && num >= den && num/1000 <= den {
		v.rateNum, v.rateDen = num, den
	}
}

var sampleAspects = [...][2]uint32{
	{0, 0}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11}, {80, 33}, {18, 11}, {15, 11},
	{64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1},
}

// parseAVCSPS reads an H.264 sequence parameter set (ITU-T H.264 §7.3.2.1.1).
func parseAVCSPS(nal []byte) (v videoInfo, ok bool) {
	if len(nal) < 5 {
		return v, false
	}
	r := &bits{b: unescape(nal[1:])}
	profile := r.read(8)
	r.read(16) // constraints, level
	r.ue()     // id
	v.chroma = 1
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		v.chroma = byte(r.ue()) & 3
		if v.chroma == 3 {
			v.separatePlanes = r.read(1) == 1
		}
		v.lumaDepth, v.chromaDepth = byte(r.ue())&7, byte(r.ue())&7
		r.read(1) // lossless bypass
		if r.read(1) == 1 {
			r.scalingLists(v.chroma)
		}
	}
	v.frameNumBits = min(int(r.ue())+4, 32)
	r.pictureOrder()
	r.ue()    // max_num_ref_frames
	r.read(1) // gaps allowed
	w, h := r.ue()+1, r.ue()+1
	v.framesOnly = r.read(1) == 1
	fields := uint32(1)
	if !v.framesOnly {
		fields = 2
		r.read(1) // MBAFF
	}
	r.read(1) // direct_8x8_inference
	var left, right, top, bottom uint32
	if r.read(1) == 1 {
		left, right, top, bottom = r.ue(), r.ue(), r.ue(), r.ue()
	}
	if r.over || w > 4096 || h > 4096 || left|right|top|bottom > 65535 {
		return v, false
	}
	cx, cy := uint32(1), fields
	if !v.separatePlanes {
		if v.chroma == 1 || v.chroma == 2 {
			cx = 2
		}
		if v.chroma == 1 {
			cy *= 2
		}
	}
	w, h = w*16, h*16*fields
	if cx*(left+right) >= w || cy*(top+bottom) >= h {
		return v, false
	}
	w, h = w-cx*(left+right), h-cy*(top+bottom)
	if w > 65535 || h > 65535 {
		return v, false
	}
	v.width, v.height = uint16(w), uint16(h)
	if r.read(1) == 1 {
		v.vui(r)
	}
	return v, true
}

func (r *bits) scalingLists(chroma byte) {
	n := 8
	if chroma == 3 {
		n = 12
	}
	for i := range n {
		if r.read(1) == 0 {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := int32(8), int32(8)
		for range size {
			if next != 0 {
				next = (last + r.se() + 256) % 256
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// se reads a signed Exp-Golomb code.
func (r *bits) se() int32 {
	k := r.ue()
	if k&1 == 1 {
		return int32(k/2 + 1)
	}
	return -int32(k / 2)
}

func (r *bits) pictureOrder() {
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		r.read(1)
		r.se()
		r.se()
		for range min(r.ue(), 255) {
			r.se()
		}
	}
}

// vui reads the video usability information (§E.1.1) as far as timing.
func (v *videoInfo) vui(r *bits) {
	v.signal(r)
	if r.read(1) == 1 {
		units, scale := r.read(32), r.read(32)
		if !r.over && units < 1<<31 {
			v.setRate(scale, 2*units)
		}
	}
}

// signal reads what the usability information of H.264 and H.265 has in common: pixel shape, colour, chroma location.
func (v *videoInfo) signal(r *bits) {
	if r.read(1) == 1 {
		if idc := r.read(8); idc == 255 {
			w, h := r.read(16), r.read(16)
			v.setSAR(w, h)
		} else if int(idc) < len(sampleAspects) {
			v.setSAR(sampleAspects[idc][0], sampleAspects[idc][1])
		}
	}
	if r.read(1) == 1 {
		r.read(1) // overscan
	}
	if r.read(1) == 1 {
		r.read(3) // video_format
		full := r.read(1) == 1
		var c packager.Color
		if r.read(1) == 1 {
			c = packager.Color{Primaries: byte(r.read(8)), Transfer: byte(r.read(8)), Matrix: byte(r.read(8))}
		}
		c.FullRange = full
		if !r.over {
			v.color = c
		}
	}
	if r.read(1) == 1 {
		r.ue()
		r.ue()
	}
}
