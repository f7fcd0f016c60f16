package dropfolder

import (
	"errors"
	"fmt"
	"slices"

	"sluice/catalog"
)

// Event is something that happens to a file and may change its state.
type Event string

// Events.
const (
	Seen         Event = "seen"         // the folder has it: new, or after it was only told of
	Detected     Event = "detected"     // a transfer began
	Named        Event = "named"        // a document names it
	Changed      Event = "changed"      // it is not what it was
	Replaced     Event = "replaced"     // another file has its name
	Gone         Event = "gone"         // it is not listed any more
	Completed    Event = "completed"    // there is evidence that it is whole
	Refused      Event = "refused"      // it can never come in as it is
	Unwanted     Event = "unwanted"     // the folder's patterns leave it out
	Incomplete   Event = "incomplete"   // something that belongs to it is missing
	Taken        Event = "taken"        // a job has it
	NoMatch      Event = "no match"     // no entry has its reference id
	Failed       Event = "failed"       // its job failed
	Linked       Event = "linked"       // an entry has its content
	Moved        Event = "moved"        // an entry has its content, and the folder has it no more
	Skipped      Event = "skipped"      // an entry had its very content before
	Downloading  Event = "downloading"  // it is fetched from another machine
	Interrupted  Event = "interrupted"  // a watcher died or stopped in the middle
	EntryReady   Event = "entry ready"  // the entry that it waits for plays
	EntryFailed  Event = "entry failed" // that entry failed
	Purged       Event = "purged"       // it was removed
	PurgeFailed  Event = "purge failed" // it could not be
	OperatorDel  Event = "deleted"      // an operator wants it removed
	OperatorSkip Event = "ignored"      // an operator wants to see no more of it
	Retried      Event = "retried"      // an operator, or its time, tries it again
	GaveUp       Event = "gave up"      // what it waited for did not come
	JobDone      Event = "job done"     // the document's job ended well enough
	Orphaned     Event = "orphaned"     // its document is gone
	Aborted      Event = "aborted"      // the transfer of a file that a document names was given up
)

// rule allows an event in some states to lead to others.
type rule struct {
	event    Event
	from, to []catalog.DropFolderFileStatus
}

type statuses = []catalog.DropFolderFileStatus

const none catalog.DropFolderFileStatus = 0 // no row yet

const (
	uploading        = catalog.FileUploading
	pending          = catalog.FilePending
	waiting          = catalog.FileWaiting
	handled          = catalog.FileHandled
	ignored          = catalog.FileIgnored
	deleted          = catalog.FileDeleted
	purged           = catalog.FilePurged
	noMatch          = catalog.FileNoMatch
	errorHandling    = catalog.FileErrorHandling
	errorDeleting    = catalog.FileErrorDeleting
	downloading      = catalog.FileDownloading
	errorDownloading = catalog.FileErrorDownloading
	processing       = catalog.FileProcessing
	parsed           = catalog.FileParsed
	detected         = catalog.FileDetected
)

// live are the states of files that are, or may be, in the folder.
var live = statuses{
	uploading, pending, waiting, handled, ignored, deleted, noMatch, errorHandling, errorDeleting, downloading, errorDownloading,
	processing, parsed, detected,
}

// rules are all the changes of state that there are.
var rules = []rule{
	{Seen, statuses{none, parsed, detected, processing, uploading}, statuses{uploading}},
	{Detected, statuses{none, parsed}, statuses{detected}},
	{Named, statuses{none}, statuses{parsed}},
	{Changed, statuses{uploading, pending, processing, downloading}, statuses{uploading}},
	// The row of the file before becomes history, and the new file has a row of its own.
	{Replaced, statuses{pending, waiting, handled, ignored, deleted, noMatch, errorHandling, errorDeleting, downloading, errorDownloading}, statuses{purged}},
	{Gone, live, statuses{purged}},
	{Completed, statuses{uploading}, statuses{pending}},
	{Refused, statuses{none, uploading, pending, waiting, noMatch, processing}, statuses{errorHandling}},
	{Unwanted, statuses{none, uploading, pending}, statuses{ignored}},
	{Incomplete, statuses{pending, waiting}, statuses{waiting}},
	{Taken, statuses{pending, waiting, noMatch}, statuses{processing}},
	{NoMatch, statuses{pending, waiting, processing}, statuses{noMatch}},
	{Failed, statuses{processing}, statuses{errorHandling}},
	{Failed, statuses{downloading}, statuses{errorDownloading}},
	{Linked, statuses{processing, downloading}, statuses{handled, processing}},
	{Moved, statuses{processing}, statuses{purged}},
	{Skipped, statuses{pending, waiting, noMatch, processing}, statuses{handled}},
	{Downloading, statuses{processing}, statuses{downloading}},
	{Interrupted, statuses{processing, downloading}, statuses{pending}},
	{EntryReady, statuses{processing}, statuses{handled, deleted}},
	{EntryFailed, statuses{processing}, statuses{errorHandling}},
	{Purged, statuses{handled, deleted, errorDeleting}, statuses{purged}},
	{PurgeFailed, statuses{handled, deleted, errorDeleting}, statuses{errorDeleting}},
	{OperatorDel, statuses{
		uploading, pending, waiting, handled, ignored, noMatch, errorHandling, errorDeleting, downloading, errorDownloading, processing, parsed, detected,
	}, statuses{deleted}},
	{OperatorSkip, statuses{
		uploading, pending, waiting, handled, noMatch, errorHandling, errorDeleting, errorDownloading, parsed, detected,
	}, statuses{ignored}},
	{Retried, statuses{ignored, waiting, noMatch, errorHandling, errorDownloading}, statuses{pending}},
	{Retried, statuses{errorDeleting}, statuses{deleted}},
	{GaveUp, statuses{waiting, noMatch, detected, uploading, parsed}, statuses{errorHandling}},
	{JobDone, statuses{processing}, statuses{handled}},
	{Orphaned, statuses{parsed}, statuses{purged}},
	{Aborted, statuses{detected, uploading}, statuses{parsed}},
}

// allowed says whether the event may lead from one state to the other.
func allowed(event Event, from, to catalog.DropFolderFileStatus) bool {
	return slices.ContainsFunc(rules, func(r rule) bool {
		return r.event == event && slices.Contains(r.from, from) && slices.Contains(r.to, to)
	})
}

// applies says whether the event means anything in the state.
func applies(event Event, from catalog.DropFolderFileStatus) bool {
	return slices.ContainsFunc(rules, func(r rule) bool { return r.event == event && slices.Contains(r.from, from) })
}

// errUnlisted says that a change of state was asked for that there is not: a fault of the program.
var errUnlisted = errors.New("no such change of state")

func check(event Event, from, to catalog.DropFolderFileStatus) error {
	if !allowed(event, from, to) {
		return fmt.Errorf("%w: %q from %d to %d", errUnlisted, event, from, to)
	}
	return nil
}
