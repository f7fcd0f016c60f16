package main

import (
	"encoding/json"
	"fmt"
	"os"

	"sluice/codec/av"
	"sluice/codec/worker"
)

// versionsArg asks for the versions of the libraries, as JSON, instead of work. cmd/sluice uses it.
const versionsArg = "versions"

func main() {
	switch {
	case worker.IsChild():
		os.Exit(worker.Main(av.New(av.Config{})))
	case len(os.Args) == 2 && os.Args[1] == versionsArg:
		if err := json.NewEncoder(os.Stdout).Encode(av.Versions()); err != nil {
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "sluice-engine: sluice starts this program; it does nothing by itself")
		os.Exit(2)
	}
}
