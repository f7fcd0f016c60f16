//go:build linux

package main

import (
	"fmt"

	"sluice/ingest/scan"
	"sluice/pipeline/stage"
)

// newScanner makes what looks for viruses in new content, nil without scan.clamd.
func (s *system) newScanner() (stage.Scanner, error) {
	at := s.cfg.Text("scan.clamd")
	if at == "" {
		return nil, nil
	}
	network, address, err := scan.ParseAddress(at)
	if err != nil {
		return nil, usageError{fmt.Errorf("scan.clamd: %w", err)}
	}
	timeout := s.cfg.Duration("scan.timeout")
	return &scan.Gate{
		Clamd: scan.Clamd{Network: network, Address: address, Timeout: timeout}, Policy: scan.Policy(s.cfg.Text("scan.policy")),
		Timeout: timeout, Log: s.log,
	}, nil
}
