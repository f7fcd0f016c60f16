// Package vtt reads and writes timed text: WebVTT in, from SRT, TTML and others by conversion; whole files, HLS segments and
// storyboards out.
//
// In: bytes of a caption file, or cues. Out: cues on the presentation timeline in milliseconds, or WebVTT bytes.
package vtt
