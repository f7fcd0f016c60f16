// Package dropfolder turns what appears in drop folders into entries: local directories, into which people and the transfer
// servers of ingest/gateway write, and folders on other machines.
//
// In: folders of the catalog, and a Store for each type. Out: a row for every file that was ever seen, whose state says how far it
// is and why, and entries with their original and tasks. Rows are the truth: a file's row and its entry change in one transaction,
// and every change of state is one of the table in state.go, made only by the watcher that has the folder's lease.
//
// A full sweep is what finds files; notifications only make it faster. A file is complete when there is evidence of it (see
// ingest/complete), never because it rested for a while in the middle of a transfer that can be seen. What is taken goes to the
// incoming folder first (by rename where the file is to be removed at once, else as a copy) and is looked at once more, so that an
// entry never has half of a file.
//
// It does not transcode, and does not look into the files.
package dropfolder
