package kaltura

import "sluice/api/rpc"

// Enums of drop folders.
type (
	// DropFolderType says where a folder is.
	DropFolderType string
	// DropFolderStatus is the state of a folder.
	DropFolderStatus int
	// DropFolderFileDeletePolicy says when handled files go.
	DropFolderFileDeletePolicy int
	// DropFolderFileHandlerType says what is made of files.
	DropFolderFileHandlerType string
	// DropFolderContentFileHandlerMatchPolicy says which entry a file is for.
	DropFolderContentFileHandlerMatchPolicy int
	// DropFolderErrorCode says what is wrong with a folder.
	DropFolderErrorCode string
	// DropFolderFileStatus is the state of a file.
	DropFolderFileStatus int
	// DropFolderFileErrorCode says what is wrong with a file.
	DropFolderFileErrorCode string
)

var (
	dropFolderTypes = rpc.NewEnum("KalturaDropFolderType", `LOCAL=1 FTP=2 SCP=3 SFTP=4 S3=6 S3DROPFOLDER=S3DropFolder.S3DROPFOLDER
		FEED=FeedDropFolder.FEED AP_FEED=ApFeedDropFolder.AP_FEED WEBEX=WebexDropFolder.WEBEX WEBEX_API=WebexAPIDropFolder.WEBEX_API
		ZOOM=ZoomDropFolder.ZOOM MS_TEAMS=MicrosoftTeamsDropFolder.MS_TEAMS`)
	dropFolderStatuses = rpc.NewEnum("KalturaDropFolderStatus", "DISABLED=0 ENABLED=1 DELETED=2 ERROR=3")
	dropFolderDeletes  = rpc.NewEnum("KalturaDropFolderFileDeletePolicy", "MANUAL_DELETE=1 AUTO_DELETE=2 AUTO_DELETE_WHEN_ENTRY_IS_READY=3")
	dropFolderHandlers = rpc.NewEnum("KalturaDropFolderFileHandlerType", `CONTENT=1 XML=dropFolderXmlBulkUpload.XML ICAL=scheduleDropFolder.ICAL
		SLUICE_JSON=sluice.JSON SLUICE_CSV=sluice.CSV SLUICE_AUTO=sluice.AUTO`)
	dropFolderMatches = rpc.NewEnum("KalturaDropFolderContentFileHandlerMatchPolicy",
		"ADD_AS_NEW=1 MATCH_EXISTING_OR_ADD_AS_NEW=2 MATCH_EXISTING_OR_KEEP_IN_FOLDER=3")
	dropFolderErrors = rpc.NewEnum("KalturaDropFolderErrorCode", `ERROR_CONNECT=1 ERROR_AUTENTICATE=2 ERROR_GET_PHISICAL_FILE_LIST=3
		ERROR_GET_DB_FILE_LIST=4 DROP_FOLDER_APP_ERROR=5 CONTENT_MATCH_POLICY_UNDEFINED=6 MISSING_CONFIG=7`)
	dropFolderFileStatuses = rpc.NewEnum("KalturaDropFolderFileStatus", `UPLOADING=1 PENDING=2 WAITING=3 HANDLED=4 IGNORE=5 DELETED=6 PURGED=7
		NO_MATCH=8 ERROR_HANDLING=9 ERROR_DELETING=10 DOWNLOADING=11 ERROR_DOWNLOADING=12 PROCESSING=13 PARSED=14 DETECTED=15`)
	dropFolderFileErrors = rpc.NewEnum("KalturaDropFolderFileErrorCode", `ERROR_UPDATE_ENTRY=1 ERROR_ADD_ENTRY=2 FLAVOR_NOT_FOUND=3
		FLAVOR_MISSING_IN_FILE_NAME=4 SLUG_REGEX_NO_MATCH=5 ERROR_READING_FILE=6 ERROR_DOWNLOADING_FILE=7 ERROR_UPDATE_FILE=8
		ERROR_ADDING_CONTENT_PROCESSOR=10 ERROR_IN_CONTENT_PROCESSOR=11 ERROR_DELETING_FILE=12 FILE_NO_MATCH=13
		LOCAL_FILE_WRONG_SIZE=dropFolderXmlBulkUpload.LOCAL_FILE_WRONG_SIZE
		LOCAL_FILE_WRONG_CHECKSUM=dropFolderXmlBulkUpload.LOCAL_FILE_WRONG_CHECKSUM
		ERROR_WRITING_TEMP_FILE=dropFolderXmlBulkUpload.ERROR_WRITING_TEMP_FILE
		ERROR_ADDING_BULK_UPLOAD=dropFolderXmlBulkUpload.ERROR_ADDING_BULK_UPLOAD
		ERROR_IN_BULK_UPLOAD=dropFolderXmlBulkUpload.ERROR_IN_BULK_UPLOAD
		MALFORMED_XML_FILE=dropFolderXmlBulkUpload.MALFORMED_XML_FILE
		ERROR_ADD_CONTENT_RESOURCE=dropFolderXmlBulkUpload.ERROR_ADD_CONTENT_RESOURCE
		XML_FILE_SIZE_EXCEED_LIMIT=dropFolderXmlBulkUpload.XML_FILE_SIZE_EXCEED_LIMIT
		FILE_TYPE_NOT_ACCEPTED=sluice.FILE_TYPE_NOT_ACCEPTED EMPTY_FILE=sluice.EMPTY_FILE NAME_FORBIDDEN=sluice.NAME_FORBIDDEN
		NAME_NOT_UTF8=sluice.NAME_NOT_UTF8 SYMLINK_REFUSED=sluice.SYMLINK_REFUSED NOT_REGULAR_FILE=sluice.NOT_REGULAR_FILE
		TOO_LARGE=sluice.TOO_LARGE QUOTA_EXCEEDED=sluice.QUOTA_EXCEEDED DISK_FULL=sluice.DISK_FULL VIRUS_FOUND=sluice.VIRUS_FOUND
		SCAN_FAILED=sluice.SCAN_FAILED CHANGED_WHILE_READING=sluice.CHANGED_WHILE_READING GROUP_INCOMPLETE=sluice.GROUP_INCOMPLETE
		SIDECAR_TIMEOUT=sluice.SIDECAR_TIMEOUT DUPLICATE_CONTENT=sluice.DUPLICATE_CONTENT MEDIA_UNREADABLE=sluice.MEDIA_UNREADABLE
		DENIED=sluice.DENIED`)
)

// Enum implements rpc.Enumerated, here and below.
func (DropFolderType) Enum() *rpc.Enum { return dropFolderTypes }

func (DropFolderStatus) Enum() *rpc.Enum                        { return dropFolderStatuses }
func (DropFolderFileDeletePolicy) Enum() *rpc.Enum              { return dropFolderDeletes }
func (DropFolderFileHandlerType) Enum() *rpc.Enum               { return dropFolderHandlers }
func (DropFolderContentFileHandlerMatchPolicy) Enum() *rpc.Enum { return dropFolderMatches }
func (DropFolderErrorCode) Enum() *rpc.Enum                     { return dropFolderErrors }
func (DropFolderFileStatus) Enum() *rpc.Enum                    { return dropFolderFileStatuses }
func (DropFolderFileErrorCode) Enum() *rpc.Enum                 { return dropFolderFileErrors }
