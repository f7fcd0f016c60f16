package console

import (
	"net/http"
	"runtime"
	"time"
)

// Health is how well something works.
type Health string

// States of health.
const (
	OK       Health = "ok"
	Degraded Health = "degraded"
	Failed   Health = "failed"
)

// System is the state of this process and of what it depends on.
type System struct {
	Status     Health      `json:"status"`
	Version    string      `json:"version"`
	StartedAt  time.Time   `json:"started_at"`
	Isolation  Isolation   `json:"isolation"`
	Components []Component `json:"components"`
	// MetricsURL is where Prometheus metrics are; empty hides the link.
	MetricsURL string `json:"metrics_url"`
}

// Isolation says how well the process that touches strangers' media is caged.
type Isolation struct {
	Level      string   `json:"level"`      // one word for people
	Mechanisms []string `json:"mechanisms"` // in force
	Missing    []string `json:"missing"`    // wanted, but this machine does not offer them
}

// Component is a part of the system or something it depends on.
type Component struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Status  Health `json:"status"`
	Detail  string `json:"detail,omitempty"`
}

// getSystem answers GET /v1/system.
func (c *Console) getSystem(w http.ResponseWriter, r *http.Request) error {
	s := System{Status: OK, Version: c.cfg.Version}
	if c.cfg.System != nil {
		s = c.cfg.System(r.Context())
	}
	if s.Version == "" {
		s.Version = "development"
	}
	if s.StartedAt.IsZero() {
		s.StartedAt = c.started
	}
	s.Components = append(s.Components[:len(s.Components):len(s.Components)], Component{Name: "go", Version: runtime.Version(), Status: OK})
	s.Isolation.Mechanisms = orEmpty(s.Isolation.Mechanisms)
	s.Isolation.Missing = orEmpty(s.Isolation.Missing)
	writeJSON(w, http.StatusOK, struct {
		System
		Now time.Time `json:"now"`
	}{s, time.Now().UTC()})
	return nil
}

// orEmpty makes a missing list an empty one, which JSON tells apart.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
