package kaltura

import (
	"time"

	"sluice/api/rpc"
	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/fetch"
)

// AnyResource is where content comes from (§5.5 of the API contract): any class of resource. Parameters are declared with it.
type AnyResource interface {
	rpc.Class
	// Source is the content as ingest takes it, or the exception that says what is wrong with the resource.
	Source() (content.Source, error)
}

// Resource is what all resources derive from; no request may name it.
type Resource struct{ rpc.Object }

// ContentResource is what the resources of one file derive from.
type ContentResource struct{ Resource }

// DataCenterContentResource is what the resources of content that is here derive from.
type DataCenterContentResource struct{ ContentResource }

// Source implements AnyResource for the classes that are not to be used themselves.
func (r *Resource) Source() (content.Source, error) {
	return nil, unsupported("KalturaResource")
}

// UploadedFileTokenResource is what was or will be uploaded with a token.
type UploadedFileTokenResource struct {
	DataCenterContentResource
	Token *string `k:"token"`
}

// Source implements AnyResource.
func (r *UploadedFileTokenResource) Source() (content.Source, error) {
	if Value(r.Token) == "" {
		return nil, needs("KalturaUploadedFileTokenResource::token")
	}
	return content.Token{ID: catalog.UploadTokenID(*r.Token)}, nil
}

// UrlResource is downloaded by the server.
type UrlResource struct { //nolint:revive // named as on the wire
	ContentResource
	URL                *string   `k:"url"`
	ForceAsyncDownload *bool     `k:"forceAsyncDownload"`
	URLHeaders         []*String `k:"urlHeaders"`
	ShouldRedirect     *bool     `k:"shouldRedirect"`
}

// Source implements AnyResource.
func (r *UrlResource) Source() (content.Source, error) {
	if Value(r.URL) == "" {
		return nil, needs("KalturaUrlResource::url")
	}
	u := content.URL{URL: *r.URL, Later: Value(r.ForceAsyncDownload)}
	for _, h := range r.URLHeaders {
		if h != nil && Value(h.Value) != "" {
			u.Headers = append(u.Headers, *h.Value)
		}
	}
	return u, nil
}

// SshUrlResource is downloaded by SFTP with a key.
type SshUrlResource struct { //nolint:revive // named as on the wire
	UrlResource
	PrivateKey    *string `k:"privateKey"`
	PublicKey     *string `k:"publicKey"` // follows from the private one
	KeyPassphrase *string `k:"keyPassphrase"`
}

// Source implements AnyResource.
func (r *SshUrlResource) Source() (content.Source, error) {
	src, err := r.UrlResource.Source()
	if err != nil || Value(r.PrivateKey) == "" {
		return src, err
	}
	u, _ := src.(content.URL)
	u.URL, err = fetch.WithKey(u.URL, *r.PrivateKey, Value(r.KeyPassphrase))
	if err != nil {
		return nil, rpc.E("PROPERTY_VALIDATION_WRONG_FORMAT", "PROP_NAME", "KalturaSshUrlResource::url", "FORMAT", "an sftp or scp URL").Because(err)
	}
	return u, nil
}

// AssetResource is the content of another asset.
type AssetResource struct {
	ContentResource
	AssetID *string `k:"assetId"`
}

// Source implements AnyResource.
func (r *AssetResource) Source() (content.Source, error) {
	if Value(r.AssetID) == "" {
		return nil, needs("KalturaAssetResource::assetId")
	}
	return content.Asset{ID: catalog.AssetID(*r.AssetID)}, nil
}

// EntryResource is the source, or a flavor, of another entry.
type EntryResource struct {
	ContentResource
	EntryID        *string `k:"entryId"`
	FlavorParamsID *int64  `k:"flavorParamsId"`
}

// Source implements AnyResource.
func (r *EntryResource) Source() (content.Source, error) {
	if Value(r.EntryID) == "" {
		return nil, needs("KalturaEntryResource::entryId")
	}
	return content.Entry{ID: catalog.EntryID(*r.EntryID), Params: Value(r.FlavorParamsID)}, nil
}

// StringResource is the content itself.
type StringResource struct {
	ContentResource
	Content *string `k:"content"`
}

// Source implements AnyResource.
func (r *StringResource) Source() (content.Source, error) {
	if Value(r.Content) == "" {
		return nil, needs("KalturaStringResource::content")
	}
	return content.Text{Content: *r.Content}, nil
}

// AssetParamsResourceContainer is a rendition that was made elsewhere.
type AssetParamsResourceContainer struct {
	Resource
	Resource_     AnyResource `k:"resource"` //nolint:revive // its base class has the plain name
	AssetParamsID *int64      `k:"assetParamsId"`
}

// Source implements AnyResource.
func (r *AssetParamsResourceContainer) Source() (content.Source, error) {
	if r.Resource_ == nil {
		return nil, needs("KalturaAssetParamsResourceContainer::resource")
	}
	return r.Resource_.Source()
}

// AssetsParamsResourceContainers is several renditions of one entry.
type AssetsParamsResourceContainers struct {
	Resource
	Resources []*AssetParamsResourceContainer `k:"resources"`
}

// Source implements AnyResource: several renditions are not content for one asset.
func (r *AssetsParamsResourceContainers) Source() (content.Source, error) {
	return nil, unsupported("KalturaAssetsParamsResourceContainers")
}

// OperationResource is cut out of another resource.
type OperationResource struct {
	ContentResource
	Resource_           AnyResource    `k:"resource"` //nolint:revive // its base class has the plain name
	OperationAttributes []AnyOperation `k:"operationAttributes"`
	AssetParamsID       *int64         `k:"assetParamsId"`
}

// Source implements AnyResource. Without clips it is the resource inside.
func (r *OperationResource) Source() (content.Source, error) {
	if r.Resource_ == nil {
		return nil, needs("KalturaOperationResource::resource")
	}
	if _, nested := r.Resource_.(*OperationResource); nested {
		return nil, unsupported("KalturaOperationResource")
	}
	of, err := r.Resource_.Source()
	if err != nil {
		return nil, err
	}
	var clips []content.Clip
	for _, o := range r.OperationAttributes {
		if c, ok := o.(*ClipAttributes); ok {
			clips = append(clips, c.Clip())
		}
	}
	if len(clips) == 0 {
		return of, nil
	}
	return content.Clips{Of: of, Parts: clips}, nil
}

// RemoteStorageResource is a file where a storage profile says. There are no storage profiles here.
type RemoteStorageResource struct {
	UrlResource
	StorageProfileID *int64 `k:"storageProfileId"`
}

// Source implements AnyResource.
func (*RemoteStorageResource) Source() (content.Source, error) {
	return nil, unsupported("KalturaRemoteStorageResource")
}

// RemoteStorageResources are the places of one file.
type RemoteStorageResources struct {
	ContentResource
	Resources []*RemoteStorageResource `k:"resources"`
}

// Source implements AnyResource.
func (*RemoteStorageResources) Source() (content.Source, error) {
	return nil, unsupported("KalturaRemoteStorageResources")
}

// DropFolderFileResource is a file of a drop folder. Folders hand their files over themselves.
type DropFolderFileResource struct {
	DataCenterContentResource
	DropFolderFileID *int64 `k:"dropFolderFileId"`
}

// Source implements AnyResource.
func (*DropFolderFileResource) Source() (content.Source, error) {
	return nil, unsupported("KalturaDropFolderFileResource")
}

// OperationResources is cut out of several resources.
type OperationResources struct {
	ContentResource
	Resources            []*OperationResource    `k:"resources"`
	ChapterNamePolicy    *int                    `k:"chapterNamePolicy"`
	DimensionsAttributes []*DimensionsAttributes `k:"dimensionsAttributes"`
}

// DimensionsAttributes are the size of the picture that resources are brought to.
type DimensionsAttributes struct{ rpc.Object }

// Source implements AnyResource: parts of one resource only are put together.
func (*OperationResources) Source() (content.Source, error) {
	return nil, unsupported("KalturaOperationResources")
}

func unsupported(class string) error {
	return rpc.E("RESOURCE_TYPE_NOT_SUPPORTED", "RES_TYPE", class)
}

// AnyOperation is something done to a resource.
type AnyOperation interface {
	rpc.Class
	operation()
}

// OperationAttributes is what all operations derive from; no request may name it.
type OperationAttributes struct{ rpc.Object }

func (*OperationAttributes) operation() {}

// ClipAttributes is a part of a resource, in milliseconds.
type ClipAttributes struct {
	OperationAttributes
	Offset                    *int64               `k:"offset"`
	Duration                  *int64               `k:"duration"`
	GlobalOffsetInDestination *int64               `k:"globalOffsetInDestination"`
	EffectArray               []*Effect            `k:"effectArray"`
	CropAlignment             *int                 `k:"cropAlignment"`
	CaptionAttributes         []*CaptionAttributes `k:"captionAttributes"`
}

// Clip is the part as ingest takes it; duration 0 and absent mean to the end.
func (c *ClipAttributes) Clip() content.Clip {
	ms := func(p *int64) time.Duration {
		// Beyond a century nothing is meant, and durations would overflow.
		const limit = int64(100 * 365 * 24 * time.Hour / time.Millisecond)
		return time.Duration(min(max(Value(p), -1), limit)) * time.Millisecond
	}
	return content.Clip{Offset: ms(c.Offset), Duration: max(0, ms(c.Duration))}
}

// Effect is a fade at an end of a clip. They are taken, and not rendered.
type Effect struct {
	rpc.Object
	EffectType *EffectType `k:"effectType"`
	Value      *string     `k:"value"`
}

// CaptionAttributes say how captions are rendered into a clip. They are taken, and captions stay apart from the picture.
type CaptionAttributes struct{ rpc.Object }

// RegisterResources adds the classes of resources to a registry.
func RegisterResources(r *rpc.Registry) {
	r.Abstract(&Resource{}, &ContentResource{}, &DataCenterContentResource{}, &OperationAttributes{})
	rpc.Base[AnyResource](r, &Resource{})
	rpc.Base[AnyOperation](r, &OperationAttributes{})
	r.Classes(&UploadedFileTokenResource{}, &UrlResource{}, &SshUrlResource{}, &AssetResource{}, &EntryResource{}, &StringResource{},
		&AssetParamsResourceContainer{}, &AssetsParamsResourceContainers{}, &OperationResource{}, &ClipAttributes{}, &RemoteStorageResource{}, &RemoteStorageResources{},
		&DropFolderFileResource{}, &OperationResources{})
}

// ContentParts is a resource as an entry's content: one source, or several renditions.
func ContentParts(r AnyResource) ([]content.Part, error) {
	var list []*AssetParamsResourceContainer
	switch r := r.(type) {
	case nil:
		return nil, rpc.E("MISSING_MANDATORY_PARAMETER", "PARAM_NAME", "resource")
	case *AssetsParamsResourceContainers:
		if list = r.Resources; len(list) == 0 {
			return nil, needs("KalturaAssetsParamsResourceContainers::resources")
		}
	case *AssetParamsResourceContainer:
		list = []*AssetParamsResourceContainer{r}
	default:
		src, err := r.Source()
		if err != nil {
			return nil, err
		}
		return []content.Part{{Source: src}}, nil
	}
	var parts []content.Part
	for _, c := range list {
		if c == nil || c.AssetParamsID == nil {
			return nil, needs("KalturaAssetParamsResourceContainer::assetParamsId")
		}
		src, err := c.Source()
		if err != nil {
			return nil, err
		}
		parts = append(parts, content.Part{Source: src, AssetParams: *c.AssetParamsID})
	}
	return parts, nil
}

func needs(property string) error {
	return rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", property)
}

// sourceClasses are the resources that the kinds of sources come from.
var sourceClasses = map[string]string{
	"Token": "KalturaUploadedFileTokenResource", "URL": "KalturaUrlResource", "Asset": "KalturaAssetResource", "Entry": "KalturaEntryResource",
	"Text": "KalturaStringResource", "Clips": "KalturaOperationResource",
}

// ContentError is an error of ingest/content as an exception; others stay what they are.
func ContentError(err error) error {
	var object string
	if e, ok := content.AsError(err); ok {
		object = e.Object
	}
	switch content.KindOf(err) {
	case content.NoEntry:
		return rpc.E("ENTRY_ID_NOT_FOUND", "ENTRY_ID", object).Because(err)
	case content.HasContent:
		return rpc.E("ENTRY_ALREADY_WITH_CONTENT").Because(err)
	case content.NoAsset:
		return rpc.E("FLAVOR_ASSET_ID_NOT_FOUND", "ID", object).Because(err)
	case content.NoToken:
		return rpc.E("UPLOAD_TOKEN_NOT_FOUND").Because(err)
	case content.TokenState:
		return rpc.E("UPLOAD_TOKEN_INVALID_STATUS_FOR_ADD_ENTRY").Because(err)
	case content.NoFile, content.NoText:
		return rpc.E("FILE_DOESNT_EXIST").Because(err)
	case content.BadURL:
		return rpc.E("PROPERTY_VALIDATION_WRONG_FORMAT", "PROP_NAME", "KalturaUrlResource::url", "FORMAT", "an http or https URL").Because(err)
	case content.BadClip:
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "operationAttributes").Because(err)
	case content.NotSupported:
		if class := sourceClasses[object]; class != "" {
			object = class
		}
		return rpc.E("RESOURCE_TYPE_NOT_SUPPORTED", "RES_TYPE", object).Because(err)
	case content.Restricted:
		return rpc.E("FILE_CONTENT_NOT_SECURE").Because(err)
	}
	return err
}
