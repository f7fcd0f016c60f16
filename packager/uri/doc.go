// Package uri reads and writes the names of what the origin serves:
// /<location>/<file-uri>[/<param>/<value>]*/<name>.
//
// In: the raw path after the location, still percent-encoded. Out: a [Request]: which files, which part of them, which
// object. Names of objects are written by [Name]. [Select] turns the tracks a request names into tracks of a set.
//
// The scanner is written by hand over the path and does not allocate unless a path is percent-encoded or gives parameters
// per file. It knows no storage and does no I/O.
package uri
