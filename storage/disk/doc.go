// Package disk keeps objects as files below one directory; a key is a relative path.
//
// In: streams and local files. Out: objects that are whole, durable and readable in place. A new object is written to a
// temporary file in the same file system, synced, renamed into place, and its directory is synced. Temporary files live
// in ".sluice-tmp/<random>/", a folder for each open Store, which holds a lock on it as long as it lives; Open removes
// the folders whose lock is free, so what a crashed process left behind goes away and what a live one writes stays.
//
// The SHA-256 of an object is kept in the extended attribute "user.sluice.sha256" together with the size and
// modification time it was computed for; a file that was changed behind the store's back, or a file system without
// extended attributes, gives an unknown checksum, never a wrong one. The ETag is made of size, modification time and
// inode.
//
// On disk a key cannot be both an object and a folder of others ("a" and "a/b"): the second of them is an ErrBadKey.
package disk
