package dropfolder

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	transitions = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_dropfolder_transitions_total",
		Help: "Changes of state of files in drop folders, by what happened.",
	}, []string{"event"})
)
