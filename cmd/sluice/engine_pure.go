//go:build linux && !cgo && !engine

package main

import "sluice/codec"

// newEngine of a build without libav refuses media work: such a build is for clients that only send files.
func newEngine() codec.Engine { return noEngine{} }

func engineProgram() (string, error) { return "/proc/self/exe", nil }

func engineVersions() map[string]string { return nil }
