//go:build cgo

package av

import (
	"context"
	"sluice/codec"
)

func (e *Engine) Run(ctx context.Context, src codec.Source, job codec.Job, sink codec.Sink) (codec.Report, error) {
	return codec.Report{}, nil
}
func verifyInterlace(g *guard, src codec.Source, info *codec.Info, cfg Config) error { return nil }
