package play

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var openTracks = promauto.NewGauge(prometheus.GaugeOpts{
	Name: "sluice_play_open_tracks", Help: "Tracks kept open with their index.",
})
