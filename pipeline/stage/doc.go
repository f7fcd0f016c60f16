// Package stage holds the stages of video on demand, one file a stage: import, probe, plan, transcode, assemble, thumbs,
// captions, finish.
//
// In: a claimed task of an entry. Out: objects in storage, and the assets, follow-on tasks and entry state that the task's
// completion commits in one transaction. A stage may be run again at any point by another worker: it writes under keys of
// its own attempt, and only the attempt that completes makes them part of the entry.
//
// Stages join codec (which makes samples) and packager (which stores them). They decide no policy: codec/plan does.
package stage
