// Package codec is the media engine's public face: what a source is ([Info]), what to make of it ([Plan]), how to ask for it
// ([Job]), what comes out ([Sink]) and what can go wrong ([Error]).
//
// In: a readable [Source] and a plan. Out: coded samples per track, small files (thumbnails, WebVTT), progress and a report.
// The types here are plain Go and JSON-serialisable, because they cross the pipe to the caged worker process. Package
// codec/av implements [Engine] with libav inside that process; package codec/worker implements it outside, by starting and
// watching such processes. Package codec/plan holds all policy.
//
// This package must never import libav, nor know entries, accounts or storage.
package codec
