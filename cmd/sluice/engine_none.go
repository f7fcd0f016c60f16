//go:build linux && !cgo

package main

import (
	"context"

	"sluice/codec"
)

// noEngine answers in place of libav where it is not linked in.
type noEngine struct{}

func (noEngine) Probe(context.Context, codec.Source, codec.ProbeOpts) (codec.Info, error) {
	return codec.Info{}, errNoEngine()
}

func (noEngine) Run(context.Context, codec.Source, codec.Job, codec.Sink) (codec.Report, error) {
	return codec.Report{}, errNoEngine()
}

func errNoEngine() error {
	return codec.NewError(codec.EngineBug, "open", "this sluice was built without the media engine (CGO_ENABLED=0)", nil)
}
