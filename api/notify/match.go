package notify

import (
	"encoding/json"
	"slices"

	"sluice/catalog"
)

// Kinds of objects, as the wire's event object types name them.
const (
	objectEntry   = "1"
	objectAsset   = "3"
	objectFlavor  = "4"
	objectThumb   = "5"
	objectCaption = "captionAssetEventNotifications.CaptionAsset"
)

// eventNames are the catalog's events that an event type of the wire stands for.
var eventNames = map[string][]string{
	"2":  {catalog.EventEntryCreated},                                                     // added
	"3":  {catalog.EventEntryUpdated, catalog.EventAssetReady},                            // changed
	"5":  {catalog.EventEntryCreated},                                                     // created
	"6":  {catalog.EventAssetReady},                                                       // data changed
	"7":  {catalog.EventEntryDeleted, catalog.EventAssetDeleted},                          // deleted
	"10": {catalog.EventEntryCreated, catalog.EventEntryUpdated, catalog.EventAssetReady}, // saved
	"11": {catalog.EventEntryUpdated, catalog.EventAssetReady},                            // updated
	"12": {catalog.EventEntryReplaced},                                                    // replaced
}

// known are the events that anything can be told of.
var known = []string{
	catalog.EventEntryCreated, catalog.EventEntryUpdated, catalog.EventEntryReady, catalog.EventEntryFailed, catalog.EventEntryDeleted,
	catalog.EventEntryReplaced, catalog.EventAssetReady, catalog.EventAssetDeleted,
}

// objectTypes are the wire's types of what an event happened to, the narrowest first.
func objectTypes(e catalog.Event) []string {
	if e.Object == string(e.Entry) {
		return []string{objectEntry}
	}
	var fact struct{ Type catalog.AssetType }
	_ = json.Unmarshal(e.Data, &fact) // an asset of no known type is just an asset
	switch fact.Type {
	case catalog.AssetFlavor:
		return []string{objectFlavor, objectAsset}
	case catalog.AssetThumb:
		return []string{objectThumb, objectAsset}
	case catalog.AssetCaption:
		return []string{objectCaption, objectAsset}
	}
	return []string{objectAsset}
}

// matches says whether a template tells of an event. Events from before the template was made are none of its business.
func matches(t *catalog.NotificationTemplate, e catalog.Event) bool {
	if e.At.Before(t.CreatedAt.Time()) || t.ObjectType != "" && !slices.Contains(objectTypes(e), t.ObjectType) {
		return false
	}
	if len(t.Spec.Events) > 0 {
		return slices.Contains(t.Spec.Events, e.Name)
	}
	return slices.Contains(eventNames[t.EventType], e.Name)
}
