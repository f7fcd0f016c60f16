//go:build cgo

package av

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// loudMeter measures EBU R 128 loudness of the frames of one track.
type loudMeter struct {
	g    *guard
	c    *graph
	f    *astiav.Frame
	last codec.Loudness
	any  bool
}

// quietest is the floor of a measurement: the gate of EBU R 128, and a finite number for what is silent.
const quietest = -70

func newLoudMeter(g *guard, in *graphIn) (*loudMeter, error) {
	c, err := newGraph(g, in, "ebur128=metadata=1:peak=true")
	if err != nil {
		return nil, err
	}
	return &loudMeter{g: g, c: c, f: astiav.AllocFrame(), last: codec.Loudness{I: quietest, TP: quietest}}, nil
}

func (m *loudMeter) push(f *astiav.Frame) error {
	if err := m.c.push(f); err != nil {
		return m.g.fail(codec.EngineBug, "filter", fmt.Errorf("loudness: %w", err))
	}
	return m.pull()
}

func (m *loudMeter) pull() error {
	for {
		ok, err := m.c.pull(m.f)
		if err != nil {
			return m.g.fail(codec.EngineBug, "filter", fmt.Errorf("loudness: %w", err))
		}
		if !ok {
			return nil
		}
		m.read()
	}
}

// read takes the running values from a frame's metadata; the last ones hold for the whole track.
func (m *loudMeter) read() {
	if v, ok := m.meta("lavfi.r128.I"); ok {
		m.last.I, m.any = max(v, quietest), true
	}
	if v, ok := m.meta("lavfi.r128.LRA"); ok {
		m.last.LRA = v
	}
	peak := 0.0
	for ch := 0; ch < 8; ch++ {
		v, ok := m.meta(fmt.Sprintf("lavfi.r128.true_peaks_ch%d", ch))
		if !ok {
			break
		}
		peak = max(peak, v)
	}
	if peak > 0 {
		m.last.TP = max(m.last.TP, 20*math.Log10(peak))
	}
}

func (m *loudMeter) meta(key string) (float64, bool) {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	var v C.double
	if C.sl_frame_meta((*C.AVFrame)(cptr(m.f)), k, &v) == 0 || math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return 0, false
	}
	return float64(v), true
}

// result ends the measurement.
func (m *loudMeter) result() (codec.Loudness, bool) {
	if err := m.c.push(nil); err != nil {
		return m.last, m.any
	}
	_ = m.pull() // what was measured until then is the answer
	return m.last, m.any
}

func (m *loudMeter) close() {
	m.c.close()
	m.f.Free()
}
