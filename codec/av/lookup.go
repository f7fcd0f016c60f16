//go:build cgo

package av

// lookUp goes from picture to picture. It seeks to the keyframe at or before each; a keyframe that serves several pictures is
// decoded once. A keyframe that cannot be decoded gives way to the next that can.
func (t *thumbs) lookUp() error {
	for last := int64(-1); ; {
		want, ok := t.wanted()
		if !ok {
			return nil
		}
		if want > last {
			if err := t.in.seek(t.tp.Stream, toUS(t.origin, t.s.tb)+want); err != nil {
				return t.scan() // the index is damaged: go on from here
			}
		}
		last = want
		p, err := t.nextKey()
		if err != nil {
			return err
		}
		if p == nil {
			return t.repeat()
		}
		t.held, t.heldUS = p, toUS(p.pts-t.origin, t.s.tb)
		if err := t.settle(want + 1); err != nil {
			return err
		}
	}
}

// wanted is the time of the next picture to make.
func (t *thumbs) wanted() (int64, bool) {
	us, ok := int64(0), false
	if t.sheet != nil && t.sheet.next < t.sheet.total {
		us, ok = int64(t.sheet.next)*t.tp.IntervalUS, true
	}
	if len(t.cand) > 0 && (!ok || t.cand[0] < us) {
		us, ok = t.cand[0], true
	}
	return us, ok
}

// nextKey reads to the next keyframe; nil at the end.
func (t *thumbs) nextKey() (*packet, error) {
	for {
		p, err := t.in.read()
		if err != nil || p == nil {
			return nil, err
		}
		if p.stream == t.tp.Stream && p.key && p.size > 0 && p.pts != noPTS {
			return p, nil
		}
		p.free()
	}
}

// repeat fills the rest of the storyboard, behind the last keyframe that could be decoded, with its picture.
func (t *thumbs) repeat() error {
	if t.sheet == nil || !t.shown {
		return nil
	}
	return t.sheet.fill(t.small, 1<<62-1, t.d)
}
