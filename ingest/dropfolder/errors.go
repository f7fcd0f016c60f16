package dropfolder

import (
	"errors"
	"fmt"
	"io/fs"

	"sluice/ingest/complete"
)

// Code says what is wrong with a file; numbers are the wire's, texts those of its plug-ins and our own.
type Code string

// Codes of files.
const (
	CodeUpdateEntry    Code = "1"
	CodeAddEntry       Code = "2"
	CodeFlavorUnknown  Code = "3"
	CodeFlavorMissing  Code = "4"
	CodeSlug           Code = "5"
	CodeReading        Code = "6"
	CodeDownloading    Code = "7"
	CodeUpdateFile     Code = "8"
	CodeAddingContent  Code = "10"
	CodeInContent      Code = "11"
	CodeDeleting       Code = "12"
	CodeNoMatch        Code = "13"
	CodeTypeRefused    Code = "sluice.FILE_TYPE_NOT_ACCEPTED"
	CodeEmpty          Code = "sluice.EMPTY_FILE"
	CodeName           Code = "sluice.NAME_FORBIDDEN"
	CodeNotUTF8        Code = "sluice.NAME_NOT_UTF8"
	CodeSymlink        Code = "sluice.SYMLINK_REFUSED"
	CodeNotRegular     Code = "sluice.NOT_REGULAR_FILE"
	CodeTooLarge       Code = "sluice.TOO_LARGE"
	CodeQuota          Code = "sluice.QUOTA_EXCEEDED"
	CodeDiskFull       Code = "sluice.DISK_FULL"
	CodeChanged        Code = "sluice.CHANGED_WHILE_READING"
	CodeDenied         Code = "sluice.DENIED"
	CodeGroup          Code = "sluice.GROUP_INCOMPLETE"
	CodeSidecar        Code = "sluice.SIDECAR_TIMEOUT"
	CodeXMLSize        Code = "dropFolderXmlBulkUpload.LOCAL_FILE_WRONG_SIZE"
	CodeXMLChecksum    Code = "dropFolderXmlBulkUpload.LOCAL_FILE_WRONG_CHECKSUM"
	CodeXMLAdding      Code = "dropFolderXmlBulkUpload.ERROR_ADDING_BULK_UPLOAD"
	CodeXMLJob         Code = "dropFolderXmlBulkUpload.ERROR_IN_BULK_UPLOAD"
	CodeXMLMalformed   Code = "dropFolderXmlBulkUpload.MALFORMED_XML_FILE"
	CodeXMLTooLarge    Code = "dropFolderXmlBulkUpload.XML_FILE_SIZE_EXCEED_LIMIT"
	CodeXMLContent     Code = "dropFolderXmlBulkUpload.ERROR_ADD_CONTENT_RESOURCE"
	CodeMediaUnreadble Code = "sluice.MEDIA_UNREADABLE"
)

// Trouble is what is wrong with a file: a code, and a sentence that says what, which file and what to do next.
type Trouble struct {
	Code Code
	Text string
	Err  error
}

func (t *Trouble) Error() string {
	if t.Err == nil {
		return t.Text
	}
	return fmt.Sprintf("%s (%v)", t.Text, t.Err)
}

func (t *Trouble) Unwrap() error { return t.Err }

func trouble(code Code, text string, args ...any) *Trouble {
	return &Trouble{Code: code, Text: fmt.Sprintf(text, args...)}
}

// oddities are the sentences for what can never come in.
var oddities = map[Code]string{
	CodeSymlink:    "%q is a symbolic link, which drop folders do not follow. Put the file itself there.",
	CodeNotRegular: "%q is not a regular file with a single name (a device, a pipe or a hard link). Put a copy of the file there.",
	CodeNotUTF8:    "The name %q is not UTF-8. Rename the file.",
	CodeName:       "The name %q has characters that a name may not have. Rename the file.",
	CodeTooLarge:   "%q is larger than this folder allows. Raise the folder's limit, or bring the file in another way.",
	CodeEmpty:      "%q is empty. Send the file again.",
	CodeTypeRefused: "%q does not match the file name patterns of this folder, so it is left alone. Change the patterns, or remove the " +
		"file.",
}

func oddity(code Code, rel string) *Trouble {
	return trouble(code, oddities[code], complete.Shown(rel))
}

// plain is what the system said, without the path, which is shown beside it.
func plain(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
