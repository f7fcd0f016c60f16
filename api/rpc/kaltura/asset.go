package kaltura

import (
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/catalog"
)

// Asset is what flavors, thumbnails, captions and attachments have in common (§5.6 of the API contract).
type Asset struct {
	rpc.Object
	ID                      *string   `k:"id,ro" f:"eq,in"`
	EntryID                 *string   `k:"entryId,ro" f:"eq,in"`
	PartnerID               *int64    `k:"partnerId,ro" f:"eq,in"`
	Version                 *string   `k:"version,ro,text"`
	Size                    *int64    `k:"size,ro" f:"gte,lte,order"`
	SizeInBytes             *int64    `k:"sizeInBytes,ro"`
	Tags                    *string   `k:"tags" f:"like,mlikeor,mlikeand"`
	FileExt                 *string   `k:"fileExt,io,max=16"`
	CreatedAt               *rpc.Time `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt               *rpc.Time `k:"updatedAt,ro" f:"gte,lte,order"`
	DeletedAt               *rpc.Time `k:"deletedAt,ro" f:"gte,lte,order"`
	Description             *string   `k:"description,ro"`
	PartnerData             *string   `k:"partnerData"`
	PartnerDescription      *string   `k:"partnerDescription"`
	ActualSourceAssetParams *string   `k:"actualSourceAssetParamsIds"`
}

// asset is a as the base class shows it; size is that of all the object's bytes.
func asset(a catalog.Asset, size int64) Asset {
	d := a.Details
	out := Asset{
		ID: new(string(a.ID)), EntryID: new(string(a.Entry)), PartnerID: new(int64(a.Account)), Version: new(strconv.Itoa(a.Version + a.Revision)),
		Size: new((size + 1023) / 1024), SizeInBytes: new(size), Tags: new(strings.Join(d.Tags, ",")), FileExt: Opt(d.FileExt),
		CreatedAt: At(a.CreatedAt), UpdatedAt: At(a.UpdatedAt), DeletedAt: At(a.DeletedAt), PartnerData: Opt(d.PartnerData),
		PartnerDescription: Opt(d.PartnerDescription), Description: Opt(d.Description),
		ActualSourceAssetParams: Opt(d.SourceParams),
	}
	if a.ErrorText != "" {
		out.Description = new(a.ErrorText)
	}
	return out
}

// Details sets what a request says of an asset.
func (a *Asset) Details(d *catalog.AssetDetails) {
	if a.Tags != nil {
		d.Tags = List(*a.Tags)
	}
	set(&d.FileExt, a.FileExt, a.Cleared("fileExt"))
	set(&d.PartnerData, a.PartnerData, a.Cleared("partnerData"))
	set(&d.PartnerDescription, a.PartnerDescription, a.Cleared("partnerDescription"))
	set(&d.SourceParams, a.ActualSourceAssetParams, a.Cleared("actualSourceAssetParamsIds"))
}

// set changes dst to what was sent, if anything.
func set[T any](dst, sent *T, cleared bool) {
	switch {
	case sent != nil:
		*dst = *sent
	case cleared:
		var zero T
		*dst = zero
	}
}
