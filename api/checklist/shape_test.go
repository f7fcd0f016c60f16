package checklist

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// ours are the additions to the protocol: what the official client knows nothing of, and may ignore.
var ours = []string{
	"class KalturaBulkUploadJsonJobData",
	"class KalturaBulkUploadResultListResponse",
	"class KalturaDetachedResponseProfileFilter",
	"class KalturaDropFolderExtras",
	"class KalturaDropFolderFileExtras",
	"class KalturaEventNameCondition",
	"class KalturaEventNotificationDelivery",
	"class KalturaEventNotificationDeliveryFilter",
	"class KalturaEventNotificationDeliveryListResponse",
	"class KalturaThumbServeOptions", // the client has no serve actions
	"property KalturaBaseUserFilter.idEqual",
	"property KalturaBaseUserFilter.idIn",
	"property KalturaBulkUpload.dryRun",
	"property KalturaBulkUpload.numOfErrorObjects",
	"property KalturaBulkUpload.numOfHandledObjects",
	"property KalturaBulkUploadResult.fileLine",
	"property KalturaCaptionAssetFilter.sourceEqual",
	"property KalturaCaptionAssetFilter.sourceIn",
	"property KalturaCaptionAssetFilter.usageEqual",
	"property KalturaCaptionAssetFilter.usageIn",
	"property KalturaCategoryFilter.referenceIdIn",
	"property KalturaDropFolder.x",
	"property KalturaDropFolderFile.x",
	"property KalturaDropFolderFileFilter.parsedUserIdEqual",
	"property KalturaDropFolderFileFilter.parsedUserIdIn",
	"property KalturaFlavorParams.audioLanguages",
	"property KalturaHttpNotificationObjectData.responseProfileId",
	"property KalturaMetadataProfileFilter.idIn",
	"property KalturaPlayableEntryFilter.msDurationGreaterThan",
	"property KalturaPlayableEntryFilter.msDurationGreaterThanOrEqual",
	"property KalturaPlayableEntryFilter.msDurationLessThan",
	"property KalturaPlayableEntryFilter.msDurationLessThanOrEqual",
	"property KalturaPlaybackContext.activeLiveStreamTime",
	"property KalturaRemoteDropFolder.host",
	"property KalturaRemoteDropFolder.password",
	"property KalturaRemoteDropFolder.port",
	"property KalturaRemoteDropFolder.username",
	"property KalturaTextualAttachmentAsset.associatedCaptionId",
	"property KalturaUploadToken.minimumChunkSize",
}

// TestClientsKnowWhatIsPublished holds the schema against the official client: a typed client finds no class that an answer
// names, and no property, under another name than the protocol's.
func TestClientsKnowWhatIsPublished(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what runs the real server; make test does not")
	}
	client(t)
	s := start(t, account)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "--no-deprecation", filepath.Join("run", "shape.mjs"))
	cmd.Env = append(os.Environ(), "BASE="+s.base)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, what := range got {
		if !slices.Contains(ours, what) {
			t.Errorf("the client does not know the %s", what)
		}
	}
	for _, what := range ours {
		if !slices.Contains(got, what) {
			t.Errorf("the client knows the %s, or there is none", what)
		}
	}
}
