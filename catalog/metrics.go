package catalog

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var refusals = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "sluice_catalog_refusals_total",
	Help: "What was refused for a limit of its account: entries_a_day, sessions (high-speed transfers), uploads (unfinished ones).",
}, []string{"limit"})
