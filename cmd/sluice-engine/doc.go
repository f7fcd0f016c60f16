// Command sluice-engine is a caged worker of sluice on its own: libav and the loop that serves the parent. The build puts it
// inside sluice, which then neither links libav nor waits for it to load. Nobody else runs it.
package main
