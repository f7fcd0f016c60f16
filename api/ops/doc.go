// Package ops answers operators and their machines: liveness, readiness and metrics.
//
// In: checks that the wiring gives it. Out: /healthz, /readyz and /metrics. It never touches entries.
package ops
