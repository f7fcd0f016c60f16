// Package s3 is drop folders in buckets: a prefix whose objects are files, each whole from the moment on at which it shows.
//
// Files are told apart by their versions or ETags. Large ones are read in several ranges at a time.
package s3
