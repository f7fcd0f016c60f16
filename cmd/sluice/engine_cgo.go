//go:build linux && cgo

package main

import (
	"sluice/codec"
	"sluice/codec/av"
)

// newEngine is what a caged child of this binary runs.
func newEngine() codec.Engine { return av.New(av.Config{}) }

// engineProgram is what caged workers run: this binary, which has libav linked in.
func engineProgram() (string, error) { return "/proc/self/exe", nil }

func engineVersions() map[string]string { return av.Versions() }
