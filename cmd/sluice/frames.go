//go:build linux

package main

import (
	"sluice/api/delivery"
	"sluice/codec/worker"
)

// pictures makes the pictures of entries that calls of the API ask for. Delivery makes them, and is made after the API.
type pictures struct{ *delivery.Service }

// framePool starts the engine's processes for pictures that players ask for. They have slots of their own, so as never to wait
// behind a transcode, and none is kept warm: a picture is made once and then cached.
func (s *system) framePool() *worker.Pool {
	const concurrent, niceness = 2, 5
	p := worker.New(worker.Config{
		Program: engineProgram, Jobs: concurrent, Probes: concurrent, NoSpare: true, Nice: niceness, Memory: s.cfg.Int("worker.memory_bytes"), Log: s.log,
	})
	s.closers = append(s.closers, func() error { p.Close(); return nil })
	return p
}
