// Package growing lets work begin on uploads that are still arriving: it finds those whose container allows it, begins their early
// work, releases its tasks as their bytes come, and cleans up after work that came to nothing.
//
// In: unfinished uploads that entries wait for, as the catalog has them. Out: early work and its tasks; pipeline/stage carries them
// out. The watcher keeps nothing that the catalog does not: any process may run one, several at once, and stop at any time.
//
// It looks at the boxes of a file's head only, and never at media.
package growing
