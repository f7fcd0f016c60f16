package kaltura

import (
	"sluice/api/rpc"
	"sluice/catalog"
)

// AnyDropFolder is any class of drop folder.
type AnyDropFolder interface {
	rpc.Class
	// Base is the part that all classes have.
	Base() *DropFolder
	// remote writes what the class has besides.
	remote(f *catalog.DropFolder)
	// types are those that the class may have, the first being what is meant when none is sent.
	types() []catalog.DropFolderType
}

// DropFolder is a folder whose files become entries (§1.1 of the ingest contract).
type DropFolder struct {
	rpc.Object
	ID                      *int64                      `k:"id,ro" f:"eq,in,order"`
	PartnerID               *int64                      `k:"partnerId,io" f:"eq,in"`
	Name                    *string                     `k:"name,max=1000" f:"like,order"`
	Description             *string                     `k:"description,max=65536"`
	Type                    *DropFolderType             `k:"type,io" f:"eq,in"`
	Status                  *DropFolderStatus           `k:"status" f:"eq,in"`
	ConversionProfileID     *int64                      `k:"conversionProfileId" f:"eq,in"`
	DC                      *int                        `k:"dc" f:"eq,in"`
	Path                    *string                     `k:"path,max=1000" f:"eq,like"`
	FileSizeCheckInterval   *int                        `k:"fileSizeCheckInterval,min=1,max=86400"`
	FileDeletePolicy        *DropFolderFileDeletePolicy `k:"fileDeletePolicy"`
	FileDeleteRegex         *string                     `k:"fileDeleteRegex,max=4096"`
	AutoFileDeleteDays      *int                        `k:"autoFileDeleteDays,min=0,max=36500"`
	FileHandlerType         *DropFolderFileHandlerType  `k:"fileHandlerType" f:"eq,in"`
	FileNamePatterns        *string                     `k:"fileNamePatterns" f:"like,mlikeor,mlikeand"`
	FileHandlerConfig       AnyFileHandlerConfig        `k:"fileHandlerConfig"`
	Tags                    *string                     `k:"tags,max=1000" f:"like,mlikeor,mlikeand"`
	ErrorCode               *DropFolderErrorCode        `k:"errorCode,ro" f:"eq,in"`
	ErrorDescription        *string                     `k:"errorDescription,ro"`
	IgnoreFileNamePatterns  *string                     `k:"ignoreFileNamePatterns"`
	CreatedAt               *rpc.Time                   `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt               *rpc.Time                   `k:"updatedAt,ro" f:"gte,lte,order"`
	LastAccessedAt          *int64                      `k:"lastAccessedAt,ro"`
	Incremental             *bool                       `k:"incremental"`
	LastFileTimestamp       *int64                      `k:"lastFileTimestamp,ro"`
	MetadataProfileID       *int64                      `k:"metadataProfileId"`
	CategoriesMetadataField *string                     `k:"categoriesMetadataFieldName"`
	EnforceEntitlement      *bool                       `k:"enforceEntitlement"`
	ShouldValidateKS        *bool                       `k:"shouldValidateKS"`
	X                       *DropFolderExtras           `k:"x"`
}

// DropFolderExtras, an addition to the protocol, is what sluice's folders have besides.
type DropFolderExtras struct {
	rpc.Object
	Recursive       *bool   `k:"recursive"`
	SubfolderPolicy *string `k:"subfolderPolicy,max=32"`
	FollowSymlinks  *bool   `k:"followSymlinks,ro"`
	MaxFileSize     *int64  `k:"maxFileSize,min=0"`
	Stability       *string `k:"stability,max=16"`
	MarkerSuffix    *string `k:"markerSuffix,max=64"`
	SidecarTimeout  *int    `k:"sidecarTimeout,min=0,max=31536000"`
	SidecarGrace    *int    `k:"sidecarGrace,min=0,max=86400"`
	OrphanPolicy    *string `k:"orphanPolicy,max=32"`
	ContentMatchKey *string `k:"contentMatchKey,max=32"`
	DuplicatePolicy *string `k:"duplicatePolicy,max=32"`
	QuotaBytes      *int64  `k:"quotaBytes,min=0"`
	Priority        *int    `k:"priority,min=-10,max=10"`
	ExpandArchives  *bool   `k:"expandArchives"`
	PruneEmpty      *bool   `k:"pruneEmpty"`
	TrashDays       *int    `k:"trashDays,min=0,max=36500"`
	HostKey         *string `k:"hostKey,max=4096"`
	TLS             *string `k:"tls,max=16"`
	// Counts are the numbers of live files by status.
	Counts []*KeyValue `k:"counts,ro"`
}

// RemoteDropFolder is a folder on another machine.
type RemoteDropFolder struct {
	DropFolder
	Host     *string `k:"host,max=255"`
	Port     *int    `k:"port,min=1,max=65535"`
	Username *string `k:"username,max=255"`
	Password *string `k:"password,wo,max=4096"`
}

// FtpDropFolder is a folder of an FTP server.
type FtpDropFolder struct{ RemoteDropFolder }

// SshDropFolder is a folder of an SSH server.
type SshDropFolder struct {
	RemoteDropFolder
	PrivateKey *string `k:"privateKey,wo,max=65536"`
	PublicKey  *string `k:"publicKey,max=65536"`
	PassPhrase *string `k:"passPhrase,wo,max=4096"`
}

// SftpDropFolder is a folder of an SSH server, ScpDropFolder another name of it.
type (
	SftpDropFolder struct{ SshDropFolder }
	ScpDropFolder  struct{ SshDropFolder }
)

// S3DropFolder is a bucket, or what begins with a prefix in one.
type S3DropFolder struct {
	DropFolder
	S3Host     *string `k:"s3Host,max=255"`
	S3Region   *string `k:"s3Region,max=64"`
	S3UserID   *string `k:"s3UserId,max=255"`
	S3Password *string `k:"s3Password,wo,max=4096"`
	UseS3Arn   *bool   `k:"useS3Arn"`
	S3Arn      *string `k:"s3Arn,max=2048"`
}

// Base implements AnyDropFolder.
func (d *DropFolder) Base() *DropFolder { return d }

func (d *DropFolder) remote(*catalog.DropFolder) {}

func (d *DropFolder) types() []catalog.DropFolderType {
	return []catalog.DropFolderType{catalog.DropFolderLocal}
}

func (d *FtpDropFolder) types() []catalog.DropFolderType {
	return []catalog.DropFolderType{catalog.DropFolderFTP}
}

func (d *SftpDropFolder) types() []catalog.DropFolderType {
	return []catalog.DropFolderType{catalog.DropFolderSFTP, catalog.DropFolderSCP}
}

func (d *ScpDropFolder) types() []catalog.DropFolderType {
	return []catalog.DropFolderType{catalog.DropFolderSCP, catalog.DropFolderSFTP}
}

func (d *S3DropFolder) types() []catalog.DropFolderType {
	return []catalog.DropFolderType{catalog.DropFolderS3, catalog.DropFolderS3Old}
}

func write[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

func (d *RemoteDropFolder) remote(f *catalog.DropFolder) {
	o := &f.Options
	write(&o.Host, d.Host)
	write(&o.Port, d.Port)
	write(&o.Username, d.Username)
	if d.Password != nil {
		secretsOf(f).Password = *d.Password
	}
}

func (d *SshDropFolder) remote(f *catalog.DropFolder) {
	d.RemoteDropFolder.remote(f)
	write(&f.Options.PublicKey, d.PublicKey)
	if d.PrivateKey != nil {
		secretsOf(f).PrivateKey = *d.PrivateKey
	}
	if d.PassPhrase != nil {
		secretsOf(f).PassPhrase = *d.PassPhrase
	}
}

func (d *S3DropFolder) remote(f *catalog.DropFolder) {
	o := &f.Options
	write(&o.Host, d.S3Host)
	write(&o.S3Region, d.S3Region)
	write(&o.Username, d.S3UserID)
	write(&o.UseS3Arn, d.UseS3Arn)
	write(&o.S3Arn, d.S3Arn)
	if d.S3Password != nil {
		secretsOf(f).Password = *d.S3Password
	}
}

func secretsOf(f *catalog.DropFolder) *catalog.DropFolderSecrets {
	if f.Secrets == nil {
		f.Secrets = &catalog.DropFolderSecrets{}
	}
	return f.Secrets
}

// AnyFileHandlerConfig is any class of settings of a handler.
type AnyFileHandlerConfig interface {
	rpc.Class
	handler(o *catalog.DropFolderOptions)
}

// DropFolderFileHandlerConfig is the settings of a handler that has none.
type DropFolderFileHandlerConfig struct {
	rpc.Object
	HandlerType *DropFolderFileHandlerType `k:"handlerType,ro"`
}

func (*DropFolderFileHandlerConfig) handler(*catalog.DropFolderOptions) {}

// DropFolderContentFileHandlerConfig is the settings of the content handler.
type DropFolderContentFileHandlerConfig struct {
	DropFolderFileHandlerConfig
	ContentMatchPolicy *DropFolderContentFileHandlerMatchPolicy `k:"contentMatchPolicy"`
	SlugRegex          *string                                  `k:"slugRegex,max=4096"`
}

func (c *DropFolderContentFileHandlerConfig) handler(o *catalog.DropFolderOptions) {
	if c.ContentMatchPolicy != nil {
		o.Match = catalog.MatchPolicy(*c.ContentMatchPolicy)
	}
	write(&o.SlugRegex, c.SlugRegex)
}

// DropFolderXmlBulkUploadFileHandlerConfig is that of the XML handler.
type DropFolderXmlBulkUploadFileHandlerConfig struct{ DropFolderFileHandlerConfig }

// RegisterDropFolders adds the classes that requests choose by name.
func RegisterDropFolders(r *rpc.Registry) {
	r.Abstract(&RemoteDropFolder{}, &SshDropFolder{})
	rpc.Base[AnyDropFolder](r, &DropFolder{})
	rpc.Base[AnyFileHandlerConfig](r, &DropFolderFileHandlerConfig{})
	r.Classes(
		&DropFolder{}, &FtpDropFolder{}, &SftpDropFolder{}, &ScpDropFolder{}, &S3DropFolder{}, &DropFolderExtras{}, &KeyValue{},
		&DropFolderFileHandlerConfig{}, &DropFolderContentFileHandlerConfig{}, &DropFolderXmlBulkUploadFileHandlerConfig{},
	)
}
