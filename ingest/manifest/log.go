package manifest

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"sluice/catalog"
)

// LogFormat is the form of a job's log.
type LogFormat string

// Forms of logs.
const (
	LogCSV    LogFormat = "csv"
	LogMRSS   LogFormat = "mrss"
	LogNDJSON LogFormat = "ndjson"
)

// LogFormatOf is the form of a job's log unless another is asked for: that of its document.
func LogFormatOf(job catalog.BulkJob) LogFormat {
	switch f, _ := formatOf(job); f {
	case XML:
		return LogMRSS
	case JSON:
		return LogNDJSON
	}
	return LogCSV
}

// ContentType is the media type of the log.
func (f LogFormat) ContentType() string {
	switch f {
	case LogMRSS:
		return "application/xml; charset=utf-8"
	case LogNDJSON:
		return "application/x-ndjson"
	}
	return "text/csv; charset=utf-8"
}

// Line is an item of a log in JSON.
type Line struct {
	Line        int64  `json:"line"`
	FileLine    int64  `json:"fileLine"`
	Status      string `json:"status"` // ok, error, in progress
	Action      string `json:"action"` // add, update, delete, replace; of other things than entries also addOrUpdate, activate, reject, updateStatus
	EntryID     string `json:"entryId,omitempty"`
	ObjectID    string `json:"objectId,omitempty"` // of other things than entries
	ReferenceID string `json:"referenceId,omitempty"`
	Name        string `json:"name,omitempty"`
	ErrorCode   string `json:"errorCode,omitempty"`
	Error       string `json:"error,omitempty"`
}

// LineOf is a result as a line of a log.
func LineOf(r catalog.BulkResult) Line {
	l := Line{
		Line: r.Line, FileLine: r.FileLine, Status: statusWord(r.Status), Action: ActionWord(r.Action),
		ReferenceID: r.ReferenceID, Name: r.Title, ErrorCode: r.ErrorCode, Error: r.ErrorText,
	}
	if r.ObjectType == catalog.BulkEntries {
		l.EntryID = r.ObjectID
	} else {
		l.ObjectID = r.ObjectID
	}
	return l
}

func statusWord(s catalog.BulkResultStatus) string {
	switch s {
	case catalog.BulkItemOK:
		return "ok"
	case catalog.BulkItemError:
		return "error"
	}
	return "in progress"
}

// ActionWord is the word of an action.
func ActionWord(a catalog.BulkAction) string {
	switch a {
	case catalog.BulkAdd:
		return "add"
	case catalog.BulkUpdate:
		return "update"
	case catalog.BulkDelete:
		return "delete"
	case catalog.BulkReplace:
		return "replace"
	case catalog.BulkAddOrUpdate:
		return "addOrUpdate"
	case catalog.BulkActivate:
		return "activate"
	case catalog.BulkReject:
		return "reject"
	case catalog.BulkUpdateStatus:
		return "updateStatus"
	}
	return strconv.Itoa(int(a))
}

// logPage is how many results are read at once.
const logPage = 500

// WriteLog writes the results of a job that there are, in order.
func (j *Jobs) WriteLog(ctx context.Context, w io.Writer, job catalog.BulkJob, f LogFormat) error {
	var l logWriter
	switch f {
	case LogCSV:
		l = &csvLog{w: csv.NewWriter(w), object: job.ObjectType != catalog.BulkEntries}
	case LogMRSS:
		l = &mrssLog{w: w}
	case LogNDJSON:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		l = jsonLog{enc}
	default:
		return fmt.Errorf("%q is not a form of logs: use csv, mrss or ndjson", f)
	}
	if err := l.begin(); err != nil {
		return err
	}
	for after := int64(0); ; {
		rows, err := j.Catalog.BulkResultsAfter(ctx, job.Account, job.ID, after, logPage, false)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := l.row(r); err != nil {
				return err
			}
			after = r.Line
		}
		if len(rows) < logPage {
			return l.end()
		}
	}
}

type logWriter interface {
	begin() error
	row(r catalog.BulkResult) error
	end() error
}

type jsonLog struct{ enc *json.Encoder }

func (jsonLog) begin() error                     { return nil }
func (l jsonLog) row(r catalog.BulkResult) error { return l.enc.Encode(LineOf(r)) }
func (jsonLog) end() error                       { return nil }

type csvLog struct {
	w      *csv.Writer
	object bool // of other things than entries
}

func (l *csvLog) begin() error {
	id := "entryId"
	if l.object {
		id = "objectId"
	}
	return l.w.Write([]string{"line", "fileLine", "status", "action", id, "referenceId", "title", "errorCode", "errorDescription", "rowData"})
}

func (l *csvLog) row(r catalog.BulkResult) error {
	n := LineOf(r)
	cells := []string{
		strconv.FormatInt(n.Line, 10), strconv.FormatInt(n.FileLine, 10), n.Status, n.Action, r.ObjectID, n.ReferenceID, n.Name, n.ErrorCode, n.Error, r.RowData,
	}
	for i, c := range cells {
		cells[i] = cell(c)
	}
	return l.w.Write(cells)
}

func (l *csvLog) end() error {
	l.w.Flush()
	return l.w.Error()
}

// cell keeps a text of strangers from being a formula where a spreadsheet opens it, and control characters out of a log.
func cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7F {
			return '\uFFFD'
		}
		return r
	}, s)
	if s != "" && strings.ContainsRune("=+-@\t", rune(s[0])) {
		return "'" + s
	}
	return s
}

type mrssLog struct{ w io.Writer }

func (l *mrssLog) begin() error {
	_, err := io.WriteString(l.w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<mrss version=\"1.0\">\n<channel>\n")
	return err
}

func (l *mrssLog) row(r catalog.BulkResult) error {
	n := LineOf(r)
	var b strings.Builder
	fmt.Fprintf(&b, "<item line=\"%d\" fileLine=\"%d\"><action>%s</action>", n.Line, n.FileLine, n.Action)
	for _, e := range []struct{ name, text string }{{"entryId", n.EntryID}, {"objectId", n.ObjectID}, {"referenceId", n.ReferenceID}, {"name", n.Name}} {
		if e.text != "" {
			b.WriteString("<" + e.name + ">" + escape(e.text) + "</" + e.name + ">")
		}
	}
	b.WriteString("<result><status>" + n.Status + "</status>")
	if n.Error != "" {
		fmt.Fprintf(&b, "<errorCode>%s</errorCode><errorNumber>%d</errorNumber><errorDescription>%s</errorDescription>", escape(n.ErrorCode), r.ErrorNumber, escape(n.Error))
	}
	b.WriteString("</result></item>\n")
	_, err := io.WriteString(l.w, b.String())
	return err
}

func (l *mrssLog) end() error {
	_, err := io.WriteString(l.w, "</channel>\n</mrss>\n")
	return err
}
