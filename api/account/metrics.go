package account

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Outcomes of looking at a session token, besides the protocol's reasons to refuse it.
const (
	outcomeValid = "valid"
	outcomeError = "error" // the catalog did not answer
)

var (
	sessionsTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_account_sessions_total", Help: "Session tokens looked at, by outcome: valid, error, or the reason of the refusal.",
	}, []string{"outcome"})
	failuresTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_account_failures_total", Help: "Wrong secrets, hashes and passwords, by action.",
	}, []string{"action"})
	revocationFallbacks = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_account_revocation_fallbacks_total",
		Help: "Sessions whose revocation the catalog was asked for, because Redis did not answer or had forgotten.",
	})
)
