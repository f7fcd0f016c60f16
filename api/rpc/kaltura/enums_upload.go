package kaltura

import "sluice/api/rpc"

// UploadTokenStatus is the state of an upload token.
type UploadTokenStatus int

var uploadTokenStatuses = rpc.NewEnum("KalturaUploadTokenStatus", "PENDING=0 PARTIAL_UPLOAD=1 FULL_UPLOAD=2 CLOSED=3 TIMED_OUT=4 DELETED=5")

// Enum implements rpc.Enumerated.
func (UploadTokenStatus) Enum() *rpc.Enum { return uploadTokenStatuses }

// EffectType is what happens to the picture and sound at an end of a clip.
type EffectType int

var effectTypes = rpc.NewEnum("KalturaEffectType", "VIDEO_FADE_IN=1 VIDEO_FADE_OUT=2")

// Enum implements rpc.Enumerated.
func (EffectType) Enum() *rpc.Enum { return effectTypes }
