// Package ingest is where files come in: whatever the door, a received file becomes a claim, and a claim an entry with an
// original asset and the first tasks of its graph.
//
// In: a local file and what its sender says about it. Out: an entry in the catalog whose import task names the file's
// place in the incoming folder, "<incoming>/<entry id>/<name>". The import stage moves it from there into storage.
//
// Nothing is lost and nothing comes in twice, whenever a process dies: the claim (the entry's id and all that is needed
// to make it) is written durably beside the file's new place first, then the file is renamed there (from another file
// system: copied, synced, renamed), then the entry is made under that id in one transaction, then the claim is removed.
// Recover finishes claims whose process is gone: those with a file become entries, those without were never given up by
// their source and are removed. A claim that is being worked on is locked.
//
// It does not transcode, and does not look into the files.
package ingest
