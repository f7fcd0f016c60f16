// Package plan decides. It turns what a source is ([codec.Info]) and what is wished ([codec.Request]) into a complete,
// explicit [codec.Plan]: which streams, which frame rate, which rungs with which encoder settings, what is copied, how the
// work is cut into tasks, and what it may cost. It also says, before any of that, what copying would take ([Judge]).
//
// Everything here is a pure function of its arguments: no files, no clock, no libav, no knowledge of the machine. The worker
// decides nothing; whatever is a matter of policy is here, and is tested by golden files (Info and Request in, Plan out).
//
// This package must never import codec/av, nor start anything.
package plan
