package dropfolder

import (
	"context"

	"sluice/catalog"
)

// Parts is the directory at the top of a local folder in which transfer servers keep files that are not complete. It is on the
// folder's file system, so that a complete file appears under its name by one rename.
const Parts = ".sluice-parts"

// Transfers is told by transfer servers what they do in local folders. Paths are relative to the folder and are those that a file
// has, or will have, when it is complete. "by" is what a row tells of its origin: "sftp", "ftp", "tus", "hsu".
//
// Telling is a hint that makes things fast and visible: a file that nobody told of is found by the sweep.
type Transfers interface {
	// Detected says that a transfer began.
	Detected(ctx context.Context, folder catalog.DropFolderID, rel, by string) error
	// Uploaded says that the file is complete under its name. Said twice for the same size and time, it does nothing.
	Uploaded(ctx context.Context, folder catalog.DropFolderID, rel string, size int64, by string) error
	// Renamed says that a file has another name now, and is complete.
	Renamed(ctx context.Context, folder catalog.DropFolderID, from, to string, size int64, by string) error
	// Aborted says that a transfer is given up and nothing is left of it.
	Aborted(ctx context.Context, folder catalog.DropFolderID, rel string) error
}
