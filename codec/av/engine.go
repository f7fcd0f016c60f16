//go:build cgo

package av

import (
	"time"

	"sluice/codec"
)

// Config steers an Engine. The zero value works.
type Config struct {
	// ProbeTime bounds opening and analysing a file; 0 means 5 s. The packet scan is bounded by the caller's context only.
	ProbeTime time.Duration
	// MaxPixels is the largest picture that decoders may allocate; 0 means 8192×4352.
	MaxPixels int64
}

// Engine probes and transcodes media in this process. It holds no state between calls and may be used concurrently.
type Engine struct{ cfg Config }

var _ codec.Engine = (*Engine)(nil)

// New returns an engine.
func New(cfg Config) *Engine {
	if cfg.ProbeTime <= 0 {
		cfg.ProbeTime = defaultProbeTime
	}
	if cfg.MaxPixels <= 0 {
		cfg.MaxPixels = 8192 * 4352
	}
	return &Engine{cfg: cfg}
}
