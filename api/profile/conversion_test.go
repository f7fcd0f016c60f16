package profile_test

import (
	"fmt"
	"strings"
	"testing"
)

// text is a field of an answer as text.
func text(o map[string]any, field string) string { return fmt.Sprint(o[field]) }

func TestALadderOfTheAccountsOwn(t *testing.T) {
	call := serveAll(t)
	fp := call("flavorparams", "add", "102", "flavorParams[name]", "240p", "flavorParams[videoCodec]", "h264", "flavorParams[videoBitrate]", "300",
		"flavorParams[height]", "240", "flavorParams[audioCodec]", "aac", "flavorParams[audioBitrate]", "64", "flavorParams[twoPass]", "1")
	id := text(fp, "id")
	if text(fp, "videoBitrate") != "300" || text(fp, "audioChannels") != "2" || text(fp, "twoPass") != "true" || text(fp, "isSystemDefault") != "false" {
		t.Errorf("added %v", fp)
	}
	cp := call("conversionprofile", "add", "102", "conversionProfile[name]", "small", "conversionProfile[flavorParamsIds]", "0,"+id, "conversionProfile[isDefault]", "1",
		"conversionProfile[systemName]", "small")
	profile := text(cp, "id")
	if text(cp, "flavorParamsIds") != "0,"+id || text(cp, "isDefault") != "true" || text(cp, "status") != "2" {
		t.Errorf("profile %v", cp)
	}
	if d := call("conversionprofile", "getDefault", "102"); text(d, "id") != profile {
		t.Errorf("the default is %v, want %s", d["id"], profile)
	}
	row := call("conversionprofileassetparams", "update", "102", "conversionProfileId", profile, "assetParamsId", id,
		"conversionProfileAssetParams[readyBehavior]", "1", "conversionProfileAssetParams[origin]", "2")
	if text(row, "readyBehavior") != "1" || text(row, "origin") != "2" {
		t.Errorf("updated %v", row)
	}
	list := call("conversionprofileassetparams", "list", "102", "filter[conversionProfileIdEqual]", profile, "filter[readyBehaviorEqual]", "1")
	if text(list, "totalCount") != "1" {
		t.Errorf("required parameters: %v", list)
	}
	call("conversionprofile", "update", "102", "id", profile, "conversionProfile[flavorParamsIds]", id+",3")
	if list = call("conversionprofileassetparams", "list", "102", "filter[conversionProfileIdEqual]", profile, "filter[originEqual]", "2"); text(list, "totalCount") != "1" {
		t.Errorf("what was said of parameters that stay is lost: %v", list)
	}
	call("conversionprofile", "update", "102", "id", profile, "conversionProfile[description]", "x", "conversionProfile[systemName__null]", "")
	if p := call("conversionprofile", "get", "102", "id", profile); text(p, "description") != "x" || p["systemName"] != nil || text(p, "name") != "small" {
		t.Errorf("after the update: %v", p)
	}
	if list = call("flavorparams", "list", "102", "filter[idIn]", id+",1"); text(list, "totalCount") != "2" {
		t.Errorf("by id: %v", list)
	}
}

func TestWhatProfilesRefuse(t *testing.T) {
	call := serveAll(t)
	own := text(call("flavorparams", "add", "102", "flavorParams[name]", "a", "flavorParams[audioCodec]", "aac", "flavorParams[audioBitrate]", "64", "flavorParams[systemName]", "s"), "id")
	def := text(call("conversionprofile", "getDefault", "102"), "id")
	for _, c := range []struct {
		service, action, token string
		pairs                  []string
		code                   string
	}{
		{"flavorparams", "add", "102", []string{"flavorParams[name]", "b", "flavorParams[audioCodec]", "aac", "flavorParams[audioBitrate]", "64", "flavorParams[systemName]", "s"}, "SYSTEM_NAME_ALREADY_EXISTS"},
		{"flavorparams", "add", "102", []string{"flavorParams[name]", "b"}, "PROPERTY_VALIDATION_WRONG_FORMAT"},
		{"flavorparams", "add", "102", []string{"flavorParams[name]", "b", "flavorParams[videoCodec]", "theora"}, "PROPERTY_VALIDATION_WRONG_FORMAT"},
		{"flavorparams", "add", "102", []string{"flavorParams[name]", "b", "flavorParams[videoCodec]", "nonsense"}, "INVALID_ENUM_VALUE"},
		{"flavorparams", "add", "102", []string{"flavorParams[videoCodec]", "h264"}, "PROPERTY_VALIDATION_CANNOT_BE_NULL"},
		{"flavorparams", "get", "103", []string{"id", own}, "FLAVOR_PARAMS_ID_NOT_FOUND"},
		{"flavorparams", "delete", "102", []string{"id", "3"}, "FLAVOR_PARAMS_ID_NOT_FOUND"},
		{"conversionprofile", "get", "103", []string{"id", def}, "CONVERSION_PROFILE_ID_NOT_FOUND"},
		{"conversionprofile", "delete", "102", []string{"id", def}, "CANNOT_DELETE_DEFAULT_CONVERSION_PROFILE"},
		{"conversionprofile", "add", "103", []string{"conversionProfile[name]", "x", "conversionProfile[flavorParamsIds]", own}, "FLAVOR_PARAMS_ID_NOT_FOUND"},
		{"conversionprofileassetparams", "update", "102", []string{"conversionProfileId", def, "assetParamsId", own, "conversionProfileAssetParams[origin]", "1"}, "CONVERSION_PROFILE_ASSET_PARAMS_NOT_FOUND"},
		{"responseprofile", "add", "102", []string{"addResponseProfile[name]", "x"}, "PROPERTY_VALIDATION_MIN_LENGTH"},
		{"responseprofile", "get", "102", []string{"id", "77"}, "RESPONSE_PROFILE_ID_NOT_FOUND"},
	} {
		if got := call(c.service, c.action, c.token, c.pairs...); text(got, "code") != c.code {
			t.Errorf("%s.%s %v: %v, want %s", c.service, c.action, c.pairs, got, c.code)
		}
	}
}

func TestStoredResponseProfilesAreUsedByName(t *testing.T) {
	call := serveAll(t)
	added := call("responseprofile", "add", "102", "addResponseProfile[name]", "short", "addResponseProfile[systemName]", "short", "addResponseProfile[type]", "1",
		"addResponseProfile[fields]", "id,name")
	if _, ok := added["id"].(string); !ok {
		t.Errorf("the id is no text: %v", added)
	}
	got := call("flavorparams", "get", "102", "id", "3", "responseProfile[objectType]", "KalturaResponseProfileHolder", "responseProfile[systemName]", "short")
	if len(got) != 3 || text(got, "name") != "720p" {
		t.Errorf("with the profile: %v", got)
	}
	if got = call("flavorparams", "get", "103", "id", "3", "responseProfile[systemName]", "short"); len(got) < 10 {
		t.Errorf("another account's profile was used: %v", got)
	}
	if dup := call("responseprofile", "add", "102", "addResponseProfile[name]", "again", "addResponseProfile[systemName]", "short"); text(dup, "code") != "RESPONSE_PROFILE_DUPLICATE_SYSTEM_NAME" {
		t.Errorf("a second profile of that name: %v", dup)
	}
	id := text(added, "id")
	if up := call("responseprofile", "update", "102", "id", id, "updateResponseProfile[fields]", "id"); text(up, "fields") != "id" || text(up, "version") != "2" {
		t.Errorf("updated: %v", up)
	}
	if c := call("responseprofile", "clone", "102", "id", id, "profile[name]", "copy"); text(c, "name") != "copy" || text(c, "fields") != "id" || c["systemName"] != nil {
		t.Errorf("copy: %v", c)
	}
	call("responseprofile", "updateStatus", "102", "id", id, "status", "1")
	if got = call("flavorparams", "get", "102", "id", "3", "responseProfile[systemName]", "short"); len(got) < 10 {
		t.Errorf("a disabled profile was used: %v", got)
	}
	if list := call("responseprofile", "list", "102"); !strings.HasPrefix(text(list, "totalCount"), "2") {
		t.Errorf("list: %v", list)
	}
}

func TestFlavorParamsKeepWhatIsSent(t *testing.T) {
	call := serveAll(t)
	sent := map[string]string{
		"partnerId": "102", "name": "n", "systemName": "s", "description": "d", "tags": "a,b", "sourceAssetParamsIds": "0", "mediaParserType": "1",
		"sourceRemoteStorageProfileId": "3", "remoteStorageProfileIds": "4", "videoCodec": "h264m", "videoBitrate": "700", "audioCodec": "aac", "audioBitrate": "64",
		"audioChannels": "2", "audioSampleRate": "48000", "width": "640", "height": "360", "frameRate": "25", "gopSize": "50", "conversionEngines": "2",
		"conversionEnginesExtraParams": "x", "twoPass": "true", "deinterlice": "1", "rotate": "1", "operators": "o", "engineVersion": "1", "format": "mp4",
		"aspectRatioProcessingMode": "2", "forceFrameToMultiplication16": "1", "isGopInSec": "1", "isAvoidVideoShrinkFramesizeToSource": "1",
		"isAvoidVideoShrinkBitrateToSource": "1", "isVideoFrameRateForLowBrAppleHls": "1", "multiStream": "m", "anamorphicPixels": "1.5",
		"isAvoidForcedKeyFrames": "1", "forcedKeyFramesMode": "1", "isCropIMX": "1", "optimizationPolicy": "1", "maxFrameRate": "30",
		"videoConstantBitrate": "1", "videoBitrateTolerance": "9", "watermarkData": "w", "subtitlesData": "s", "isEncrypted": "1", "contentAwareness": "0.5",
		"chunkedEncodeMode": "1", "clipOffset": "1", "clipDuration": "2", "cropData": "c",
	}
	var pairs []string
	for name, value := range sent {
		pairs = append(pairs, "flavorParams["+name+"]", value)
	}
	got := call("flavorparams", "get", "102", "id", text(call("flavorparams", "add", "102", pairs...), "id"))
	for name, want := range sent {
		if text(got, name) != want {
			t.Errorf("%s is %v, want %s", name, got[name], want)
		}
	}
	if got := call("flavorparams", "update", "102", "id", text(got, "id"), "flavorParams[partnerId]", "103"); text(got, "code") != "PARTNER_ACCESS_FORBIDDEN" {
		t.Errorf("given to another account: %v", got)
	}
	for filter, want := range map[string]string{"0": "1", "1": "9"} {
		if list := call("flavorparams", "list", "102", "filter[isSystemDefaultEqual]", filter); text(list, "totalCount") != want {
			t.Errorf("isSystemDefault %s: %v, want %s", filter, list["totalCount"], want)
		}
	}
	cp := call("conversionprofile", "add", "102", "conversionProfile[name]", "p", "conversionProfile[defaultReplacementOptions][keepManualThumbnails]", "1")
	if o, _ := cp["defaultReplacementOptions"].(map[string]any); text(o, "keepManualThumbnails") != "1" || text(o, "objectType") != "KalturaEntryReplacementOptions" {
		t.Errorf("replacement options %v", cp["defaultReplacementOptions"])
	}
}
