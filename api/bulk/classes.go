package bulk

import (
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/manifest"
)

var (
	statuses = rpc.NewEnum("KalturaBatchJobStatus", "PENDING=0 QUEUED=1 PROCESSING=2 PROCESSED=3 MOVEFILE=4 FINISHED=5 FAILED=6 ABORTED=7 ALMOST_DONE=8 "+
		"RETRY=9 FATAL=10 DONT_PROCESS=11 FINISHED_PARTIALLY=12 SUSPEND=13 SUSPEND_ALMOST_DONE=14")
	types = rpc.NewEnum("KalturaBulkUploadType", "CSV=bulkUploadCsv.CSV FILTER=bulkUploadFilter.FILTER XML=bulkUploadXml.XML "+
		"DROP_FOLDER_XML=dropFolderXmlBulkUpload.DROP_FOLDER_XML JSON=sluice.JSON")
	objectTypes = rpc.NewEnum("KalturaBulkUploadObjectType", "ENTRY=1 CATEGORY=2 USER=3 CATEGORY_USER=4 CATEGORY_ENTRY=5 USER_ENTRY=6 VENDOR_CATALOG_ITEM=7")
	actions     = rpc.NewEnum("KalturaBulkUploadAction", "ADD=1 UPDATE=2 DELETE=3 REPLACE=4 TRANSFORM_XSLT=5 ADD_OR_UPDATE=6 ACTIVATE=7 REJECT=8 UPDATE_STATUS=9")
	results     = rpc.NewEnum("KalturaBulkUploadResultStatus", "ERROR=1 OK=2 IN_PROGRESS=3")
	errorTypes  = rpc.NewEnum("KalturaBatchJobErrorTypes", "APP=0 RUNTIME=1 HTTP=2 CURL=3 KALTURA_API=4 KALTURA_CLIENT=5")
)

// Enums of bulk jobs.
type (
	Status       int
	Type         string
	ObjectType   string
	Action       string
	ResultStatus int
	ErrorType    int
)

// Enum implements rpc.Enumerated, here and below.
func (Status) Enum() *rpc.Enum       { return statuses }
func (Type) Enum() *rpc.Enum         { return types }
func (ObjectType) Enum() *rpc.Enum   { return objectTypes }
func (Action) Enum() *rpc.Enum       { return actions }
func (ResultStatus) Enum() *rpc.Enum { return results }
func (ErrorType) Enum() *rpc.Enum    { return errorTypes }

// BulkUpload is a bulk job (§5.18 of the API contract).
type BulkUpload struct {
	rpc.Object
	ID               *int64      `k:"id,ro"`
	UploadedBy       *string     `k:"uploadedBy,ro"`
	UploadedByUserID *string     `k:"uploadedByUserId,ro"`
	UploadedOn       *rpc.Time   `k:"uploadedOn,ro" f:"gte,lte,eq,order"`
	NumOfEntries     *int64      `k:"numOfEntries,ro"`
	NumOfObjects     *int64      `k:"numOfObjects,ro"`
	NumOfErrors      *int64      `k:"numOfErrorObjects,ro"`
	NumOfDone        *int64      `k:"numOfHandledObjects,ro"`
	Status           *Status     `k:"status,ro" f:"eq,in"`
	LogFileURL       *string     `k:"logFileUrl,ro"`
	CSVFileURL       *string     `k:"csvFileUrl,ro"`
	BulkFileURL      *string     `k:"bulkFileUrl,ro"`
	BulkUploadType   *Type       `k:"bulkUploadType,ro,text"`
	Results          []Result    `k:"results,ro"`
	Error            *string     `k:"error,ro"`
	ErrorType        *ErrorType  `k:"errorType,ro"`
	ErrorNumber      *int        `k:"errorNumber,ro"`
	FileName         *string     `k:"fileName,ro"`
	Description      *string     `k:"description,ro"`
	ObjectType       *ObjectType `k:"bulkUploadObjectType,ro" f:"eq,in"`
	DryRun           *bool       `k:"dryRun,ro"`
}

// Result is what became of one item, of whatever class.
type Result interface {
	rpc.Class
	result() *BulkUploadResult
}

// BulkUploadResult is what became of one item.
type BulkUploadResult struct {
	rpc.Object
	ID               *int64        `k:"id,ro"`
	BulkUploadJobID  *int64        `k:"bulkUploadJobId,ro"`
	LineIndex        *int64        `k:"lineIndex,ro"`
	FileLine         *int64        `k:"fileLine,ro"`
	PartnerID        *int64        `k:"partnerId,ro"`
	Status           *ResultStatus `k:"status,ro"`
	Action           *Action       `k:"action,ro"`
	ObjectID         *string       `k:"objectId,ro"`
	ObjectStatus     *int          `k:"objectStatus,ro"`
	ObjectType       *ObjectType   `k:"bulkUploadResultObjectType,ro"`
	RowData          *string       `k:"rowData,ro"`
	ObjectError      *string       `k:"objectErrorDescription,ro"`
	ErrorDescription *string       `k:"errorDescription,ro"`
	ErrorCode        *string       `k:"errorCode,ro"`
	ErrorType        *ErrorType    `k:"errorType,ro"`
}

func (r *BulkUploadResult) result() *BulkUploadResult { return r }

// BulkUploadResultEntry is what became of an item about an entry.
type BulkUploadResultEntry struct {
	BulkUploadResult
	EntryID     *string `k:"entryId,ro"`
	Title       *string `k:"title,ro"`
	EntryStatus *int    `k:"entryStatus,ro"`
	ReferenceID *string `k:"referenceId,ro"`
}

// JobData says how a document is to be read.
type JobData interface {
	rpc.Class
	base() *BulkUploadJobData
	// format is "" where the class does not say.
	format() manifest.Format
}

// BulkUploadJobData is what all kinds of documents have.
type BulkUploadJobData struct {
	rpc.Object
	UserID          *string `k:"userId,ro"`
	UploadedBy      *string `k:"uploadedBy,ro"`
	FileName        *string `k:"fileName"`
	EmailRecipients *string `k:"emailRecipients"`
}

func (d *BulkUploadJobData) base() *BulkUploadJobData { return d }
func (*BulkUploadJobData) format() manifest.Format    { return "" }

// BulkUploadCsvJobData is a document in CSV.
type BulkUploadCsvJobData struct{ BulkUploadJobData }

func (*BulkUploadCsvJobData) format() manifest.Format { return manifest.CSV }

// BulkUploadXmlJobData is a document in XML.
type BulkUploadXmlJobData struct{ BulkUploadJobData } //nolint:revive // named as on the wire

func (*BulkUploadXmlJobData) format() manifest.Format { return manifest.XML }

// BulkUploadJsonJobData is a document in JSON.
type BulkUploadJsonJobData struct{ BulkUploadJobData } //nolint:revive // named as on the wire

func (*BulkUploadJsonJobData) format() manifest.Format { return manifest.JSON }

// BulkUploadObjectData is what holds for all objects of a document.
type BulkUploadObjectData struct{ rpc.Object }

// BulkUploadEntryData is what holds for all entries of a document.
type BulkUploadEntryData struct {
	BulkUploadObjectData
	ConversionProfileID *int64 `k:"conversionProfileId"`
}

// resultsShown is how many results a job shows with itself; listResults has them all.
const resultsShown = 1000

// BulkUploadOf is a job on the wire.
func BulkUploadOf(j catalog.BulkJob, base string) *BulkUpload {
	url := func(action string) *string {
		return new(base + "/api_v3/service/bulkupload_bulk/action/" + action + "/id/" + strconv.FormatInt(int64(j.ID), 10))
	}
	b := &BulkUpload{
		ID: new(int64(j.ID)), UploadedBy: new(j.UploadedBy), UploadedByUserID: new(j.User), UploadedOn: kaltura.At(j.CreatedAt.Time()),
		NumOfEntries: new(j.Total), NumOfObjects: new(j.Total), NumOfErrors: new(j.Failed), NumOfDone: new(j.Done), Status: new(Status(j.Status)),
		LogFileURL: url("serveLog"), CSVFileURL: url("serve"), BulkFileURL: url("serve"), BulkUploadType: new(Type(j.Type)),
		Error: kaltura.Opt(j.ErrorText), FileName: kaltura.Opt(j.FileName), Description: kaltura.Opt(j.Description),
		ObjectType: new(ObjectType(strconv.Itoa(j.ObjectType))), DryRun: new(j.DryRun),
	}
	if j.ErrorNumber != 0 {
		b.ErrorType, b.ErrorNumber = new(ErrorType(j.ErrorType)), new(j.ErrorNumber)
	}
	return b
}

// ResultOf is a result on the wire.
func ResultOf(r catalog.BulkResult) Result {
	base := BulkUploadResult{
		ID: new(r.ID), BulkUploadJobID: new(int64(r.Job)), LineIndex: new(r.Line), FileLine: new(r.FileLine), PartnerID: new(int64(r.Account)),
		Status: new(ResultStatus(r.Status)), Action: new(Action(strconv.Itoa(int(r.Action)))), ObjectID: kaltura.Opt(r.ObjectID),
		ObjectStatus: new(r.ObjectStatus), ObjectType: new(ObjectType(strconv.Itoa(r.ObjectType))), RowData: kaltura.Opt(r.RowData),
		ErrorDescription: kaltura.Opt(r.ErrorText), ErrorCode: kaltura.Opt(r.ErrorCode),
	}
	if r.Status == catalog.BulkItemError {
		base.ErrorType = new(ErrorType(r.ErrorType))
	}
	if r.ObjectType != catalog.BulkEntries {
		return objectResult(base, r)
	}
	return &BulkUploadResultEntry{
		BulkUploadResult: base, EntryID: kaltura.Opt(r.ObjectID), Title: kaltura.Opt(r.Title), EntryStatus: new(r.ObjectStatus),
		ReferenceID: kaltura.Opt(r.ReferenceID),
	}
}
