// Package storage keeps objects: it puts, imports, opens at any offset, lists and deletes them by key.
//
// In: streams and local files. Out: readers at any range, checksums and sizes. storage/disk keeps objects in a directory,
// storage/s3 in a bucket; one test suite runs against both. Keys are <account>/<entry>/<version>/<asset>/<file>.
//
// It knows nothing of media.
package storage
