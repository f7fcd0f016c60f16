//go:build cgo

package main

import (
	"sluice/codec"
	"sluice/codec/av"
)

func newEngine() codec.Engine { return av.New(av.Config{}) }

func engineVersions() map[string]string { return av.Versions() }
