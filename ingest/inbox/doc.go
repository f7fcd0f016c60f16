// Package inbox is the watched directory: a file that is put there, and is complete, comes in.
//
// In: a directory, with sub-folders as one likes; a folder at its top whose name is an account's id takes files for that
// account. Out: files handed to ingest.Ingester, and a status that says of each file still there why.
//
// Notifications (inotify) make it fast, sweeps make it true: whatever a notification missed, a sweep of the whole tree
// finds. A file is never taken while it may still be written:
//
//   - a name that programs give to unfinished files, a hidden one, or one whose marker is missing waits for its rename or
//     marker;
//   - a file that any process holds open for writing, which a read lease tells (or /proc where leases do not work), waits
//     for its close, however long the writer pauses;
//   - a file that was renamed into place is taken at once; one that was closed after writing, when it stayed so for two
//     seconds, since some tools open again; one of which nothing is known, when it did not change for the settling time;
//   - where the file system cannot tell about writers (network mounts), it must stay unchanged for six settling times and over
//     three looks, and its container must look whole: boxes add up to the file, a length is a multiple of the packet's.
//
// After the claim moved the file, all this is looked at once more; a file that changed goes back.
//
// Links are not followed, and what is not a regular file is left alone. A complete file that can never come in, because
// of its name, is kept in ".rejected/<id>/", with the reason in ".rejected/<id>.reason.txt". What cannot come in for now (a full disk,
// a missing permission, a catalog that does not answer) stays and is tried again, less and less often.
package inbox
