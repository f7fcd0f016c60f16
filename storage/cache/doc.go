// Package cache keeps blocks of remote objects on the local disk, so that a segment that is asked for again, or the next
// range of one that was begun, does not travel again.
//
// In: a Source, which names the bytes of one object for good (its store, key and ETag) and fetches any range of them. Out:
// a Reader at any offset. Blocks are 1 MiB, aligned, one file each, with the CRC-32C in the file's name; they are thrown
// out in order of last use when all together exceed the limit, and survive a restart. Since the name of the source has
// the ETag in it, blocks of a replaced object are never mixed with those of its successor: they age and go.
//
// Of many readers who miss a block one fetches it and all get it. Missing neighbours travel in one request; since whole
// blocks travel, extents with gaps below a block between them coalesce by themselves. Hint fetches ahead to the end of a
// range that will be read.
//
// A folder belongs to one process at a time: each takes the first free numbered folder below the directory it is given,
// so several processes may be given the same, each within its own limit.
package cache
