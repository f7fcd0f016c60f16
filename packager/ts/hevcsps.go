package ts

// Limits of the standard on what a sequence parameter set may announce. A loop over what it announces ends because of them.
const (
	hevcMaxDepth    = 8  // bits of a sample beyond 8
	hevcMaxRefSets  = 64 // short-term reference picture sets
	hevcMaxRefs     = 16 // pictures before, and pictures after, in one of them
	hevcMaxLongRefs = 32
)

// parseHEVCSPS reads an H.265 sequence parameter set (ITU-T H.265 §7.3.2.2) as far as its timing.
func parseHEVCSPS(nal []byte) (v videoInfo, ok bool) {
	r := &bits{b: unescape(nal[2:])}
	if len(r.b) < 15 {
		return v, false
	}
	r.read(4) // id of the video parameter set
	layers := int(r.read(3)) + 1
	r.read(1) // nesting
	r.skipTierLevel(layers)
	r.ue() // id
	chroma := r.ue()
	if chroma == 3 {
		v.separatePlanes = r.read(1) == 1
	}
	if !v.readHEVCSize(r, chroma) {
		return v, false
	}
	luma, other := r.ue(), r.ue()
	if chroma > 3 || luma > hevcMaxDepth || other > hevcMaxDepth {
		return v, false
	}
	v.framesOnly, v.chroma, v.lumaDepth, v.chromaDepth = true, byte(chroma), byte(luma)&7, byte(other)&7
	if !r.skipHEVCTools(layers) || r.over {
		return v, false
	}
	if r.read(1) == 1 {
		v.hevcVUI(r)
	}
	return v, true
}

// readHEVCSize reads the picture's size and takes the conformance window off it.
func (v *videoInfo) readHEVCSize(r *bits, chroma uint32) bool {
	w, h := r.ue(), r.ue()
	var left, right, top, bottom uint32
	if r.read(1) == 1 {
		left, right, top, bottom = r.ue(), r.ue(), r.ue(), r.ue()
	}
	if r.over || w > 65535 || h > 65535 || left|right|top|bottom > 65535 {
		return false
	}
	cx, cy := uint32(1), uint32(1)
	if chroma == 1 || chroma == 2 {
		cx = 2
	}
	if chroma == 1 {
		cy = 2
	}
	if cx*(left+right) >= w || cy*(top+bottom) >= h {
		return false
	}
	v.width, v.height = uint16(w-cx*(left+right)), uint16(h-cy*(top+bottom))
	return true
}

// skipTierLevel passes profile_tier_level (§7.3.3) of so many temporal layers.
func (r *bits) skipTierLevel(layers int) {
	r.read(8 + 32 + 48 + 8) // profile, compatibility, constraints, level
	if layers == 1 {
		return
	}
	var present [8]uint32
	for i := range 8 {
		if flags := r.read(2); i < layers-1 {
			present[i] = flags
		}
	}
	for _, flags := range present {
		if flags&2 != 0 {
			r.read(8 + 32 + 48)
		}
		if flags&1 != 0 {
			r.read(8)
		}
	}
}

// skipHEVCTools passes what lies between the bit depths and the usability information: coding tools and reference pictures.
func (r *bits) skipHEVCTools(layers int) bool {
	orderBits := r.ue() + 4
	if orderBits > 16 {
		return false
	}
	if r.read(1) == 0 { // for the highest layer only
		layers = 1
	}
	for range layers {
		r.ue()
		r.ue()
		r.ue()
	}
	for range 6 { // block sizes and depths
		r.ue()
	}
	if scaled := r.read(1) == 1; scaled && r.read(1) == 1 { // by lists of its own
		r.skipHEVCScaling()
	}
	r.read(2)           // asymmetric partitions, sample adaptive offset
	if r.read(1) == 1 { // PCM
		r.read(8)
		r.ue()
		r.ue()
		r.read(1)
	}
	if !r.skipRefSets() {
		return false
	}
	if r.read(1) == 1 {
		n := r.ue()
		if n > hevcMaxLongRefs {
			return false
		}
		r.read(int(n * (orderBits + 1)))
	}
	r.read(2) // temporal motion vectors, intra smoothing
	return true
}

// skipHEVCScaling passes scaling_list_data (§7.3.4).
func (r *bits) skipHEVCScaling() {
	for size := range 4 {
		step := 1
		if size == 3 {
			step = 3
		}
		for matrix := 0; matrix < 6 && !r.over; matrix += step {
			if r.read(1) == 0 { // as another list
				r.ue()
				continue
			}
			if size > 1 {
				r.se()
			}
			for range min(64, 16<<(2*size)) {
				r.se()
			}
		}
	}
}

// skipRefSets passes the short-term reference picture sets (§7.3.7).
func (r *bits) skipRefSets() bool {
	n := r.ue()
	if n > hevcMaxRefSets {
		return false
	}
	pictures := 0 // of the set before
	for i := range n {
		if r.over {
			return false
		}
		if i > 0 && r.read(1) == 1 { // told by its difference to the set before
			r.read(1)
			r.ue()
			kept := 0
			for range pictures + 1 {
				if used := r.read(1) == 1; used || r.read(1) == 1 {
					kept++
				}
			}
			pictures = kept
		} else {
			before, after := r.ue(), r.ue()
			if before > hevcMaxRefs || after > hevcMaxRefs {
				return false
			}
			pictures = int(before + after)
			for range pictures {
				r.ue()
				r.read(1)
			}
		}
		if pictures > 2*hevcMaxRefs {
			return false
		}
	}
	return true
}

// hevcVUI reads the video usability information (§E.2.1) as far as timing.
func (v *videoInfo) hevcVUI(r *bits) {
	v.signal(r)
	r.read(3)           // neutral chroma, field pictures, their marks
	if r.read(1) == 1 { // default display window
		r.ue()
		r.ue()
		r.ue()
		r.ue()
	}
	if r.read(1) == 1 {
		units, scale := r.read(32), r.read(32)
		if !r.over {
			v.setRate(scale, units)
		}
	}
}
