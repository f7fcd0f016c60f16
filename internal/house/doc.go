// Package house holds the rules of the house that a machine can check: which room may import which, who may touch libav,
// and that no product path runs the ffmpeg command line. It has tests only.
package house
