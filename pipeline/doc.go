// Package pipeline brings the catalog's tasks to the workers and their results back.
//
// In: runnable task rows. Out: done rows, with whatever their handlers wrote to the catalog in the same transaction. The
// catalog is the truth; Redis Streams only announce work. A Feeder, one of which leads at a time, keeps a short stream per
// stage topped up, fairly over accounts. A Worker reads the streams, claims each task in the catalog (its attempt number
// is the fencing token), runs the stage's handler under a lease that heartbeats extend, commits the outcome, and then
// acknowledges. Whatever is lost on the way (a message, a worker, all of Redis) is found again from the rows.
//
// It knows nothing of media: pipeline/stage holds the handlers.
package pipeline
