// Package s3 keeps objects in a bucket of an S3 service.
//
// In: streams and local files. Out: objects that appear whole when their upload is completed, read by ranges through a
// local block cache (storage/cache). Short content is one request; longer content goes up in parts, a few at a time,
// each signed with its SHA-256, so that the service refuses what was damaged on the way. Concat copies within the
// service whatever is at least 5 MiB long, S3's smallest part, and streams the rest.
//
// The SHA-256 of an object of one request is in its metadata ("sluice-sha256"). Of an object that went up in parts it is
// known only at the end, when metadata cannot be set any more without copying the object, so it becomes a tag of that
// name, bound to the ETag; a service without tags leaves it unknown to Stat. Commit, Put and Import return it always.
//
// The time of an object that was just written is this machine's, not yet the service's. An open reader holds to the ETag
// it was opened with; if the object is replaced, ranges that are not cached give storage.ErrChanged. Parts of uploads
// that a crash cut off cost room but are never visible; Sweep removes them, as may a lifecycle rule of the bucket.
package s3
