package dropfolder

import (
	"errors"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/dropfolder"
)

type fileFilter = rpc.FilterOf[kaltura.DropFolderFile]

func (s *Service) registerFiles(r *rpc.Registry) {
	admin := rpc.For(rpc.AdminSession)
	v := r.Service("dropFolder_dropFolderFile", "Files of drop folders: how far they are, and why.")
	rpc.Action(v, "add", "Tells of a file that arrives in a folder.", s.fileAdd, admin)
	rpc.Action(v, "get", "Returns a file.", s.fileGet, admin)
	rpc.Action(v, "update", "Changes what is known of a file.", s.fileUpdate, admin)
	rpc.Action(v, "updateStatus", "Puts a file into another state, where there is such a change.", s.fileUpdateStatus, admin)
	rpc.Action(v, "delete", "Has a file removed from its folder.", s.fileDelete, admin)
	rpc.Action(v, "list", "Lists files of the account's folders.", s.fileList, admin)
	rpc.Action(v, "ignore", "Hides a file: nothing is made of it.", s.fileIgnore, admin)
	rpc.Action(v, "retry", "Handles a file again that stopped, waits or was ignored.", s.fileRetry, admin)
}

// wireFile turns an error of a file into the protocol's.
func wireFile(err error, id int64) error {
	switch {
	case errors.Is(err, catalog.ErrNotFound), errors.Is(err, dropfolder.ErrState):
		return rpc.E("INVALID_OBJECT_ID", "ID", strconv.FormatInt(id, 10)).Because(err)
	case errors.Is(err, catalog.ErrInvalid):
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "dropFolderFile").Because(err)
	}
	return err
}

func (s *Service) file(f catalog.DropFolderFile, err error, id int64) (*kaltura.DropFolderFile, error) {
	if err != nil {
		return nil, wireFile(err, id)
	}
	return kaltura.DropFolderFileOf(f), nil
}

func (s *Service) fileAdd(c *rpc.Call, in struct {
	File *kaltura.DropFolderFile `k:"dropFolderFile" for:"add" required:"true"`
}) (*kaltura.DropFolderFile, error) {
	d := in.File
	if d.DropFolderID == nil {
		return nil, required("dropFolderId")
	}
	folder, err := s.Catalog.DropFolder(c, c.AccountID(), catalog.DropFolderID(*d.DropFolderID))
	switch {
	case err != nil:
		return nil, wire(err, *d.DropFolderID, "")
	case kaltura.Value(d.FileName) == "":
		return nil, required("fileName")
	case d.FileSize == nil:
		return nil, required("fileSize")
	}
	f, err := dropfolder.Add(c, s.Catalog, folder, *d.FileName, *d.FileSize)
	if errors.Is(err, catalog.ErrConflict) {
		return nil, rpc.E("DROP_FOLDER_FILE_ALREADY_EXISTS", "FOLDER_ID", strconv.FormatInt(*d.DropFolderID, 10), "FILE_NAME", *d.FileName).Because(err)
	}
	var bad *dropfolder.Trouble
	if errors.As(err, &bad) {
		return nil, rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "fileName").Because(err)
	}
	return s.file(f, err, 0)
}

func required(field string) *rpc.Error {
	return rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaDropFolderFile::"+field)
}

func (s *Service) fileGet(c *rpc.Call, in struct {
	ID int64 `k:"dropFolderFileId" ref:"dropFolderFile"`
}) (*kaltura.DropFolderFile, error) {
	f, err := s.Catalog.DropFolderFile(c, c.AccountID(), catalog.DropFolderFileID(in.ID))
	return s.file(f, err, in.ID)
}

func (s *Service) fileUpdate(c *rpc.Call, in struct {
	ID   int64                   `k:"dropFolderFileId" ref:"dropFolderFile"`
	File *kaltura.DropFolderFile `k:"dropFolderFile" for:"update" required:"true"`
}) (*kaltura.DropFolderFile, error) {
	f, err := s.Catalog.DropFolderFile(c, c.AccountID(), catalog.DropFolderFileID(in.ID))
	if err != nil {
		return nil, wireFile(err, in.ID)
	}
	d := in.File
	err = s.Catalog.InTx(c, func(tx *catalog.Tx) (err error) {
		f, err = tx.UpdateDropFolderFile(c, catalog.Fence{}, f.ID, f.Status, func(n *catalog.DropFolderFile) error {
			for _, field := range []struct {
				to   *string
				sent *string
			}{{&n.Slug, d.ParsedSlug}, {&n.Flavor, d.ParsedFlavor}, {&n.User, d.ParsedUserID}, {&n.ErrorText, d.ErrorDescription}} {
				if field.sent != nil {
					*field.to = *field.sent
				}
			}
			if d.ErrorCode != nil {
				n.ErrorCode = string(*d.ErrorCode)
			}
			return nil
		})
		return err
	})
	if errors.Is(err, catalog.ErrConflict) {
		err = errors.Join(dropfolder.ErrState, err)
	}
	return s.file(f, err, in.ID)
}

func (s *Service) fileUpdateStatus(c *rpc.Call, in struct {
	ID     int64                        `k:"dropFolderFileId" ref:"dropFolderFile"`
	Status kaltura.DropFolderFileStatus `k:"status"`
}) (rpc.Void, error) {
	_, err := dropfolder.Change(c, s.Catalog, c.AccountID(), catalog.DropFolderFileID(in.ID), catalog.DropFolderFileStatus(in.Status))
	return rpc.Void{}, wireFile(err, in.ID)
}

func (s *Service) fileDelete(c *rpc.Call, in struct {
	ID int64 `k:"dropFolderFileId" ref:"dropFolderFile"`
}) (*kaltura.DropFolderFile, error) {
	f, err := dropfolder.Delete(c, s.Catalog, c.AccountID(), catalog.DropFolderFileID(in.ID))
	return s.file(f, err, in.ID)
}

func (s *Service) fileIgnore(c *rpc.Call, in struct {
	ID int64 `k:"dropFolderFileId" ref:"dropFolderFile"`
}) (*kaltura.DropFolderFile, error) {
	f, err := dropfolder.Ignore(c, s.Catalog, c.AccountID(), catalog.DropFolderFileID(in.ID))
	return s.file(f, err, in.ID)
}

func (s *Service) fileRetry(c *rpc.Call, in struct {
	ID int64 `k:"dropFolderFileId" ref:"dropFolderFile"`
}) (*kaltura.DropFolderFile, error) {
	f, err := dropfolder.Retry(c, s.Catalog, c.AccountID(), catalog.DropFolderFileID(in.ID))
	return s.file(f, err, in.ID)
}

func (s *Service) fileList(c *rpc.Call, in struct {
	Filter *fileFilter `k:"filter"`
	Pager  *rpc.Pager  `k:"pager"`
}) (*rpc.List[*kaltura.DropFolderFile], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.DropFolderFiles(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	list := &rpc.List[*kaltura.DropFolderFile]{TotalCount: total}
	for _, f := range rows {
		list.Objects = append(list.Objects, kaltura.DropFolderFileOf(f))
	}
	return list, nil
}
