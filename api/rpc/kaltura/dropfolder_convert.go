package kaltura

import (
	"strconv"

	"sluice/api/rpc"
	"sluice/catalog"
)

// DropFolderOf is a folder on the wire, without its secrets. Counts are the numbers of its live files by state.
func DropFolderOf(f catalog.DropFolder, counts map[catalog.DropFolderFileStatus]int) AnyDropFolder {
	o := f.Options
	base := DropFolder{
		ID: new(int64(f.ID)), PartnerID: new(int64(f.Account)), Name: new(f.Name), Description: Opt(f.Description), Type: new(DropFolderType(f.Type)),
		Status: new(DropFolderStatus(f.Status)), ConversionProfileID: Opt(f.ConversionProfile), DC: new(f.DC), Path: new(f.Path),
		FileSizeCheckInterval: new(f.SizeInterval), FileDeletePolicy: new(DropFolderFileDeletePolicy(f.DeletePolicy)),
		FileDeleteRegex: Opt(f.DeleteRegex), AutoFileDeleteDays: new(f.DeleteDays), FileHandlerType: new(DropFolderFileHandlerType(f.Handler)),
		FileNamePatterns: Opt(f.Patterns), FileHandlerConfig: handlerConfigOf(f), Tags: Opt(f.Tags), ErrorDescription: Opt(f.ErrorText),
		IgnoreFileNamePatterns: Opt(f.Ignore), CreatedAt: At(f.CreatedAt.Time()), UpdatedAt: At(f.UpdatedAt.Time()),
		LastAccessedAt: Opt(f.LastAccess.Unix()), Incremental: new(o.Incremental), LastFileTimestamp: Opt(f.LastFile),
		MetadataProfileID: Opt(o.MetadataProfile), CategoriesMetadataField: Opt(o.CategoriesField), EnforceEntitlement: new(o.EnforceEntitlement),
		ShouldValidateKS: new(o.ValidateKS), X: dropFolderExtras(o, counts),
	}
	if f.ErrorCode != 0 {
		base.ErrorCode = new(DropFolderErrorCode(strconv.Itoa(f.ErrorCode)))
	}
	remote := RemoteDropFolder{DropFolder: base, Host: Opt(o.Host), Port: Opt(o.Port), Username: Opt(o.Username)}
	ssh := SshDropFolder{RemoteDropFolder: remote, PublicKey: Opt(o.PublicKey)}
	switch f.Type {
	case catalog.DropFolderFTP:
		return &FtpDropFolder{remote}
	case catalog.DropFolderSFTP:
		return &SftpDropFolder{ssh}
	case catalog.DropFolderSCP:
		return &ScpDropFolder{ssh}
	case catalog.DropFolderS3, catalog.DropFolderS3Old:
		return &S3DropFolder{
			DropFolder: base, S3Host: Opt(o.Host), S3Region: Opt(o.S3Region), S3UserID: Opt(o.Username), UseS3Arn: new(o.UseS3Arn), S3Arn: Opt(o.S3Arn),
		}
	}
	return &base
}

func handlerConfigOf(f catalog.DropFolder) AnyFileHandlerConfig {
	base := DropFolderFileHandlerConfig{HandlerType: new(DropFolderFileHandlerType(f.Handler))}
	switch f.Handler {
	case catalog.HandleContent, catalog.HandleAuto:
		return &DropFolderContentFileHandlerConfig{
			DropFolderFileHandlerConfig: base, SlugRegex: Opt(f.Options.SlugRegex),
			ContentMatchPolicy: Opt(DropFolderContentFileHandlerMatchPolicy(f.Options.Match)),
		}
	case catalog.HandleXML:
		return &DropFolderXmlBulkUploadFileHandlerConfig{base}
	}
	return &base
}

func dropFolderExtras(o catalog.DropFolderOptions, counts map[catalog.DropFolderFileStatus]int) *DropFolderExtras {
	x := &DropFolderExtras{
		Recursive: new(!o.Flat), SubfolderPolicy: new(or(o.SubfolderPolicy, "flatten")), FollowSymlinks: new(false), MaxFileSize: Opt(o.MaxFileSize),
		Stability: new(or(o.Stability, "auto")), MarkerSuffix: Opt(o.MarkerSuffix), SidecarTimeout: Opt(o.SidecarTimeout), SidecarGrace: Opt(o.SidecarGrace),
		OrphanPolicy: new(or(o.OrphanPolicy, "keep")), DuplicatePolicy: new(or(o.DuplicatePolicy, "skipIdentical")), PruneEmpty: new(o.PruneEmpty),
		ContentMatchKey: new(or(o.MatchKey, "referenceId")), QuotaBytes: Opt(o.QuotaBytes), Priority: new(o.Priority), ExpandArchives: new(o.ExpandArchives),
		TrashDays: Opt(o.TrashDays), HostKey: Opt(o.HostKey), TLS: Opt(o.TLS),
	}
	for s := catalog.FileUploading; s <= catalog.FileDetected; s++ {
		if n := counts[s]; n > 0 {
			x.Counts = append(x.Counts, &KeyValue{Key: new(strconv.Itoa(int(s))), Value: new(strconv.Itoa(n))})
		}
	}
	return x
}

func or(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}

// ApplyDropFolder writes what was sent. The path is as sent.
func ApplyDropFolder(sent AnyDropFolder, f *catalog.DropFolder) {
	d := sent.Base()
	write(&f.Name, d.Name)
	write(&f.Description, d.Description)
	write(&f.Tags, d.Tags)
	write(&f.ConversionProfile, d.ConversionProfileID)
	write(&f.DC, d.DC)
	write(&f.Path, d.Path)
	write(&f.SizeInterval, d.FileSizeCheckInterval)
	write(&f.DeleteRegex, d.FileDeleteRegex)
	write(&f.DeleteDays, d.AutoFileDeleteDays)
	write(&f.Patterns, d.FileNamePatterns)
	write(&f.Ignore, d.IgnoreFileNamePatterns)
	if d.Status != nil {
		f.Status = catalog.DropFolderStatus(*d.Status)
	}
	if d.FileDeletePolicy != nil {
		f.DeletePolicy = catalog.FileDeletePolicy(*d.FileDeletePolicy)
	}
	if d.FileHandlerType != nil {
		f.Handler = catalog.FileHandler(*d.FileHandlerType)
	}
	o := &f.Options
	if d.FileHandlerConfig != nil {
		d.FileHandlerConfig.handler(o)
	}
	write(&o.Incremental, d.Incremental)
	write(&o.MetadataProfile, d.MetadataProfileID)
	write(&o.CategoriesField, d.CategoriesMetadataField)
	write(&o.EnforceEntitlement, d.EnforceEntitlement)
	write(&o.ValidateKS, d.ShouldValidateKS)
	if d.X != nil {
		d.X.apply(o)
	}
	sent.remote(f)
}

// DropFolderTypes are the types that a folder of the class may have, the first being what is meant when none is sent.
func DropFolderTypes(d AnyDropFolder) []catalog.DropFolderType { return d.types() }

func (x *DropFolderExtras) apply(o *catalog.DropFolderOptions) {
	if x.Recursive != nil {
		o.Flat = !*x.Recursive
	}
	write(&o.SubfolderPolicy, x.SubfolderPolicy)
	write(&o.MaxFileSize, x.MaxFileSize)
	write(&o.Stability, x.Stability)
	write(&o.MarkerSuffix, x.MarkerSuffix)
	write(&o.SidecarTimeout, x.SidecarTimeout)
	write(&o.SidecarGrace, x.SidecarGrace)
	write(&o.OrphanPolicy, x.OrphanPolicy)
	write(&o.DuplicatePolicy, x.DuplicatePolicy)
	write(&o.MatchKey, x.ContentMatchKey)
	write(&o.QuotaBytes, x.QuotaBytes)
	write(&o.Priority, x.Priority)
	write(&o.ExpandArchives, x.ExpandArchives)
	write(&o.PruneEmpty, x.PruneEmpty)
	write(&o.TrashDays, x.TrashDays)
	write(&o.HostKey, x.HostKey)
	write(&o.TLS, x.TLS)
}

// DropFolderFile is a file of a drop folder (§1.4 of the ingest contract).
type DropFolderFile struct {
	rpc.Object
	ID                      *int64                   `k:"id,ro" f:"eq,in,order"`
	PartnerID               *int64                   `k:"partnerId,ro" f:"eq,in"`
	DropFolderID            *int64                   `k:"dropFolderId,io" f:"eq,in"`
	FileName                *string                  `k:"fileName,io,max=4096" f:"eq,in,like,order"`
	FileSize                *int64                   `k:"fileSize,min=0" f:"order"`
	FileSizeLastSetAt       *rpc.Time                `k:"fileSizeLastSetAt,ro" f:"order"`
	Status                  *DropFolderFileStatus    `k:"status,ro" f:"eq,in,notin"`
	Type                    *DropFolderType          `k:"type,ro"`
	ParsedSlug              *string                  `k:"parsedSlug" f:"eq,in,like,order"`
	ParsedFlavor            *string                  `k:"parsedFlavor" f:"eq,in,like,order"`
	ParsedUserID            *string                  `k:"parsedUserId" f:"eq,in"`
	LeadDropFolderFileID    *int64                   `k:"leadDropFolderFileId,ro" f:"eq"`
	DeletedDropFolderFileID *int64                   `k:"deletedDropFolderFileId,ro" f:"eq"`
	EntryID                 *string                  `k:"entryId,ro" f:"eq"`
	ErrorCode               *DropFolderFileErrorCode `k:"errorCode" f:"eq,in"`
	ErrorDescription        *string                  `k:"errorDescription"`
	LastModificationTime    *string                  `k:"lastModificationTime"`
	CreatedAt               *rpc.Time                `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt               *rpc.Time                `k:"updatedAt,ro" f:"gte,lte,order"`
	UploadStartDetectedAt   *int64                   `k:"uploadStartDetectedAt,ro"`
	UploadEndDetectedAt     *int64                   `k:"uploadEndDetectedAt,ro"`
	ImportStartedAt         *int64                   `k:"importStartedAt,ro"`
	ImportEndedAt           *int64                   `k:"importEndedAt,ro"`
	BatchJobID              *int64                   `k:"batchJobId,ro"`
	X                       *DropFolderFileExtras    `k:"x"`
}

// DropFolderFileExtras, an addition to the protocol, is what sluice knows of a file besides.
type DropFolderFileExtras struct {
	rpc.Object
	SHA256         *string   `k:"sha256,ro"`
	Identity       *string   `k:"inode,ro"`
	Attempt        *int      `k:"attempt,ro"`
	IdempotencyKey *string   `k:"idempotencyKey,ro"`
	DetectedBy     *string   `k:"detectedBy,ro"`
	Why            *string   `k:"why,ro"`
	Warning        *string   `k:"warning,ro"`
	NextAttemptAt  *rpc.Time `k:"nextAttemptAt,ro"`
	UploadPausedAt *rpc.Time `k:"uploadPausedAt,ro"`
	Downloaded     *int64    `k:"downloaded,ro"`
}

// DropFolderFileOf is a file on the wire.
func DropFolderFileOf(f catalog.DropFolderFile) *DropFolderFile {
	d := &DropFolderFile{
		ID: new(int64(f.ID)), PartnerID: new(int64(f.Account)), DropFolderID: new(int64(f.Folder)), FileName: new(f.Path), FileSize: new(f.Size),
		FileSizeLastSetAt: At(f.SizeSetAt.Time()), Status: new(DropFolderFileStatus(f.Status)), ParsedSlug: Opt(f.Slug), ParsedFlavor: Opt(f.Flavor),
		ParsedUserID: Opt(f.User), LeadDropFolderFileID: Opt(int64(f.Lead)), DeletedDropFolderFileID: new(int64(f.Deleted)),
		EntryID: Opt(string(f.Entry)), ErrorCode: Opt(DropFolderFileErrorCode(f.ErrorCode)), ErrorDescription: Opt(f.ErrorText),
		CreatedAt: At(f.CreatedAt.Time()), UpdatedAt: At(f.UpdatedAt.Time()), UploadStartDetectedAt: Opt(f.UploadStart.Unix()),
		UploadEndDetectedAt: Opt(f.UploadEnd.Unix()), ImportStartedAt: Opt(f.ImportStart.Unix()), ImportEndedAt: Opt(f.ImportEnd.Unix()),
		BatchJobID: Opt(f.Job),
		X: &DropFolderFileExtras{
			SHA256: Opt(f.SHA256), Identity: Opt(f.Identity), Attempt: new(f.Attempt), IdempotencyKey: Opt(f.Key), DetectedBy: Opt(f.DetectedBy),
			Why: Opt(f.Why), Warning: Opt(f.Warning), NextAttemptAt: At(f.NextAt.Time()), UploadPausedAt: At(f.PausedAt.Time()), Downloaded: Opt(f.Done),
		},
	}
	if m := f.Modified(); !m.IsZero() {
		d.LastModificationTime = new(strconv.FormatInt(m.Unix(), 10))
	}
	return d
}
