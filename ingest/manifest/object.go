package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice/catalog"
)

// object is what the lines of a document in CSV are about that makes no entries.
type object struct {
	kind    int      // of catalog's bulk objects
	schema  *element // its children are the columns
	columns map[string][]string
	// apply does what a line says, inside a transaction, and fills in what the result tells of it. What is wrong with the line is a
	// refusal, or one of the catalog's errors.
	apply func(l *line) error
}

// objects are all kinds, by what catalog calls them.
var objects = func() map[int]*object {
	out := map[int]*object{}
	for _, o := range []*object{
		{kind: catalog.BulkCategories, schema: categorySchema, apply: (*line).category},
		{kind: catalog.BulkUsers, schema: userSchema, apply: (*line).user},
		{kind: catalog.BulkCategoryUsers, schema: categoryUserSchema, apply: (*line).categoryUser},
		{kind: catalog.BulkCategoryEntries, schema: categoryEntrySchema, apply: (*line).categoryEntry},
	} {
		o.columns = columnsOf(o.schema)
		out[o.kind] = o
	}
	return out
}()

// newReader returns a reader of a document about an object; of one about entries where that is nil.
func newReader(r io.Reader, f Format, o *object) (Reader, error) {
	if o == nil {
		return NewReader(r, f)
	}
	return newCSVReader(r, o.schema, o.columns)
}

// line is a line about an object while it is applied.
type line struct {
	*applier
	ctx context.Context //nolint:containedctx // it lives as long as one transaction
	tx  *catalog.Tx
	it  *Item
	r   *catalog.BulkResult
}

// refusal is what is wrong with a line, with the name of the error on the wire.
type refusal struct{ code, text string }

func (r *refusal) Error() string { return r.text }

func refuse(code, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// errRehearsed undoes what a rehearsal did.
var errRehearsed = errors.New("rehearsed")

// line deals with one line about an object: what it says is done in the transaction of its result.
func (a *applier) line(ctx context.Context, it *Item) error {
	r, recorded, err := a.try(ctx, it)
	if err != nil {
		return err
	}
	if recorded {
		applied.WithLabelValues("ok").Inc()
		return nil
	}
	return a.record(ctx, r)
}

// try applies a line and records its result; of one that is not valid, or of a rehearsal, it returns the result to be recorded.
func (a *applier) try(ctx context.Context, it *Item) (r catalog.BulkResult, recorded bool, err error) {
	begin := catalog.BulkResult{
		Job: a.job.ID, Line: it.Index, FileLine: int64(it.Line), Status: catalog.BulkItemOK, ObjectType: a.object.kind,
		Action: actionOf(it), RowData: it.Raw, Cells: it.cells(),
	}
	begin.Account = a.job.Account
	r = begin
	if len(it.Problems) == 0 {
		err = a.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
			r = begin // it may run again
			if err := a.object.apply(&line{applier: a, ctx: ctx, tx: tx, it: it, r: &r}); err != nil {
				return err
			}
			if a.rehearsal {
				return errRehearsed
			}
			return tx.SetBulkResult(ctx, a.job.Attempt, r)
		})
		if err == nil {
			return r, true, nil
		}
	}
	var wrong *refusal
	switch {
	case err == nil, errors.Is(err, errRehearsed):
	case ctx.Err() != nil, errors.Is(err, catalog.ErrFenced), errors.Is(err, catalog.ErrCancelled):
		return r, false, err
	case errors.As(err, &wrong):
		it.wrong(it.Node, wrong.code, "%s", wrong.text)
	case errors.Is(err, catalog.ErrNotFound):
		it.wrong(it.Node, codeNotFound, "%v", err)
	case errors.Is(err, catalog.ErrInvalid), errors.Is(err, catalog.ErrConflict):
		it.wrong(it.Node, codeInvalid, "%v", err)
	default:
		return r, false, err
	}
	it.tell(&r)
	return r, false, nil
}

// actions are the words of actions.
var actions = map[string]catalog.BulkAction{
	"": catalog.BulkAdd, "add": catalog.BulkAdd, "update": catalog.BulkUpdate, "delete": catalog.BulkDelete, "addorupdate": catalog.BulkAddOrUpdate,
	"activate": catalog.BulkActivate, "reject": catalog.BulkReject, "updatestatus": catalog.BulkUpdateStatus,
}

func actionOf(it *Item) catalog.BulkAction { return actions[it.text("action")] }

// cells are the values of a line by their columns.
func (it *Item) cells() string {
	out := make(map[string]string, len(it.kids))
	for _, k := range it.kids {
		out[k.spec.name] = k.Text
	}
	b, err := json.Marshal(out)
	if err != nil {
		return "" // texts always encode
	}
	return string(b)
}

// has says whether the line gives a value of a column.
func (l *line) has(column string) bool { return l.it.get(column) != nil }

// set makes a text what the line says, if it does.
func (l *line) set(dst *string, column string) {
	if l.has(column) {
		*dst = l.it.text(column)
	}
}

// coming notes in a rehearsal what would be there for the lines that follow.
func (l *line) coming(name string) {
	if !l.rehearsal || len(l.names.coming) >= maxComing {
		return
	}
	if l.names.coming == nil {
		l.names.coming = map[string]bool{}
	}
	l.names.coming[name] = true
}
