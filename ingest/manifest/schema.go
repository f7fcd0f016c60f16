package manifest

// kind is how an element's text is read.
type kind int

const (
	group    kind = iota // children only
	text                 // any text, up to max letters
	integer              // 64 bits
	boolean              // true, false, 1, 0
	dateTime             // xs:dateTime, RFC 3339
	clock                // xs:time: a moment of the media, hh:mm:ss.fff
	enum                 // one of values
	free                 // one XML element of anyone's choosing, or in JSON an object; kept as XML
)

// element is an element or attribute of an item: the one description of which everything else is made.
type element struct {
	name string // in XML
	json string // in JSON; "" as in XML
	// column is the CSV column that gives its text.
	column string
	attr   bool
	kind   kind
	max    int // letters of a text, members of a list
	// required elements must be there; many may be there up to max times, or without bound.
	required, many bool
	// choice names the elements of which at most one may be there, one of them exactly when it ends in "!".
	choice string
	values []string // of an enum
	// loose children come in any order, after all others.
	loose bool
	// onlyJSON is not part of the XML form.
	onlyJSON bool
	doc      string
	children []*element
}

// jsonName is the element's name in JSON.
func (e *element) jsonName() string {
	if e.json != "" {
		return e.json
	}
	return e.name
}

// child returns the child or attribute of a name in XML, or nil.
func (e *element) child(name string, attr bool) *element {
	for _, c := range e.children {
		if c.name == name && c.attr == attr && !c.onlyJSON {
			return c
		}
	}
	return nil
}

// jsonChild returns the child of a name in JSON, or nil.
func (e *element) jsonChild(name string) *element {
	for _, c := range e.children {
		if c.jsonName() == name {
			return c
		}
	}
	return nil
}

// members are the children that an array in JSON is made of.
func (e *element) members() []*element {
	var out []*element
	for _, c := range e.children {
		if c.many && !c.attr {
			out = append(out, c)
		}
	}
	return out
}

// Limits of texts, in letters, and of lists.
const (
	maxName       = 256
	maxReference  = 2000
	maxSystemName = 120
	maxUser       = 100
	maxText       = 60000
	maxCategories = 32
	maxTags       = 1000
	maxPath       = 500
	maxURL        = 4000
	maxKey        = 16 << 10 // a private key
)

func attr(name string, k kind, max int) *element {
	return &element{name: name, attr: true, kind: k, max: max}
}

// as gives an element another name in JSON.
func (e *element) as(json string) *element { e.json = json; return e }

// from gives an element a CSV column.
func (e *element) from(column string) *element { e.column = column; return e }

func (e *element) need() *element { e.required = true; return e }

// of puts an element among those of which there is one at most.
func (e *element) of(choice string) *element { e.choice = choice; return e }

func leaf(name string, k kind, max int, doc string) *element {
	return &element{name: name, kind: k, max: max, doc: doc}
}

func oneOf(name string, doc string, values ...string) *element {
	return &element{name: name, kind: enum, values: values, doc: doc}
}

// list is an element that holds members of one text each.
func list(name, member string, k kind, maxLength, maxMembers int, column, doc string) *element {
	return &element{name: name, doc: doc, children: []*element{{name: member, kind: k, max: maxLength, many: true, column: column}}}
}

// checksums are the algorithms that a document may give a file's checksum in.
var checksums = []string{"md5", "sha1", "sha256", "blake3", "xxh64"}

// file is what a document says of a file besides where it is.
func file() []*element {
	out := []*element{
		leaf("fileSize", integer, 0, "Bytes of the file; another size is refused.").as("size"),
		{name: "fileChecksum", json: "checksum", kind: text, max: 128, doc: "Checksum of the file in hexadecimal digits; another content is refused.",
			children: []*element{{name: "type", attr: true, kind: enum, values: checksums, doc: "The algorithm; md5 unless given."}}},
	}
	for _, name := range checksums {
		out = append(out, &element{name: name, kind: text, max: 128, onlyJSON: true, doc: "Checksum of the file in hexadecimal digits."})
	}
	return out
}

// resources are the places that content may come from; one of them.
func resources(choice string) []*element {
	out := []*element{
		{name: "dropFolderFileContentResource", json: "dropFolderFile", doc: "A file of the drop folder that the document came by.", children: append([]*element{
			attr("filePath", text, maxPath).as("path").need(), attr("dropFolderFileId", text, 20),
		}, file()...)},
		{name: "urlContentResource", json: "url", doc: "A file that is downloaded: http, https, ftp, sftp, scp.", children: []*element{attr("url", text, maxURL).need()}},
		{name: "sshUrlContentResource", json: "sshUrl", doc: "A file that is downloaded with a key.", children: []*element{
			attr("url", text, maxURL).need(), attr("keyPassphrase", text, 1000),
			leaf("privateKey", text, maxKey, "The private key; it is never shown again.").need(), leaf("publicKey", text, maxKey, "The public key."),
		}},
		{name: "remoteStorageContentResource", json: "remoteStorage", doc: "A file that stays where it is.", children: []*element{
			attr("url", text, maxURL).need(), leaf("storageProfileId", integer, 0, "The storage, by id.").of("storage"),
			leaf("storageProfile", text, maxSystemName, "The storage, by system name.").of("storage"),
		}},
		{name: "serverFileContentResource", json: "serverFile", doc: "A file of the server, under one of the configured roots.", children: append([]*element{
			attr("filePath", text, 4096).as("path").need(),
		}, file()...)},
		{name: "entryContentResource", json: "entry", doc: "The content of another entry.", children: []*element{
			attr("entryId", text, 20).need(), leaf("flavorParamsId", integer, 0, "Which flavor; the source unless given.").of("flavor"),
			leaf("flavorParams", text, maxSystemName, "Which flavor, by system name.").of("flavor"),
		}},
		{name: "assetContentResource", json: "asset", doc: "The content of another asset.", children: []*element{attr("assetId", text, 20).need()}},
	}
	for _, e := range out {
		e.choice = choice
	}
	return out
}

func tags() *element {
	return list("tags", "tag", text, maxName, maxTags, "", "Tags of the asset.")
}

// change is an element that says what happens to what there is.
func change(values ...string) *element {
	return oneOf("action", "What happens to those that the entry has.", values...)
}

var contentAssets = &element{name: "contentAssets", json: "content", doc: "The entry's content: its original, or renditions.", children: []*element{
	change("update", "replace"),
	{name: "content", many: true, required: true, doc: "One file.", children: append(append([]*element{
		attr("flavorParamsId", integer, 0).from("flavorParamsId").of("params"), attr("flavorParams", text, maxSystemName).of("params"), attr("assetId", text, 20), tags(),
	}, resources("resource!")...),
		&element{name: "assetInfo", choice: "resource!", doc: "What is said of an asset that has content already.", children: []*element{
			attr("language", text, 50), attr("label", text, maxName),
		}},
		&element{name: "streams", doc: "What the streams of the file are.", children: []*element{{name: "stream", many: true, required: true, children: []*element{
			attr("type", text, 20).need(), attr("trackIndex", integer, 0).need(), attr("language", text, 50), attr("channelIndex", integer, 0),
			attr("label", text, maxName), attr("channelLayout", text, 50),
		}}}},
	)},
}}

var thumbnails = &element{name: "thumbnails", doc: "Pictures of the entry.", children: []*element{
	change("update", "replace"),
	{name: "thumbnail", many: true, required: true, doc: "One picture.", children: append([]*element{
		attr("assetId", text, 20), attr("isDefault", boolean, 0).as("default"), attr("thumbParamsId", integer, 0).of("params"),
		attr("thumbParams", text, maxSystemName).of("params"), tags(),
	}, resources("resource!")...)},
}}

var subTitles = &element{name: "subTitles", json: "subtitles", doc: "Captions.", loose: true, children: []*element{
	change("update", "replace", "delete"),
	{name: "subTitle", many: true, required: true, doc: "One caption file.", children: append([]*element{
		attr("captionParamsId", integer, 0).of("params"), attr("captionParams", text, maxSystemName).of("params"), attr("captionAssetId", text, 20),
		attr("isDefault", boolean, 0).as("default"),
		{name: "format", attr: true, kind: enum, values: []string{"1", "2", "3", "4", "5", "srt", "dfxp", "vtt", "webvtt", "cap", "scc"}},
		attr("lang", text, 50), attr("label", text, maxName), tags(),
	}, resources("resource")...)},
}}

var attachments = &element{name: "attachments", doc: "Files that go with the entry.", loose: true, children: []*element{
	change("update", "replace", "delete"),
	{name: "attachment", many: true, required: true, doc: "One file.", children: append([]*element{
		attr("attachmentAssetId", text, 20), {name: "format", attr: true, kind: enum, values: []string{"1", "2", "3", "4", "5"}}, tags(),
		leaf("filename", text, 255, "Its name for those who download it."), leaf("title", text, maxName, "Its title."), leaf("description", text, maxText, "What it is."),
	}, resources("resource")...)},
}}

var customDataItems = &element{name: "customDataItems", json: "metadata", doc: "Custom metadata, by the account's schemas.", loose: true, children: []*element{
	change("update", "replace"),
	{name: "customData", many: true, required: true, doc: "The values of one schema.", children: []*element{
		attr("metadataId", integer, 0).as("id"), attr("metadataProfile", text, maxSystemName).as("profile").of("profile"),
		attr("metadataProfileId", integer, 0).as("profileId").of("profile"), oneOf("action", "Only replace is done.", "replace", "transformXslt"),
		leaf("xslt", text, maxText, "Refused: style sheets are not run."), {name: "xmlData", json: "data", kind: free, required: true, doc: "The values."},
	}},
}}

// scene is a cue point with what all have.
func scene(name, json, doc string, children ...*element) *element {
	all := []*element{
		attr("sceneId", text, 20).as("id"), attr("systemName", text, maxSystemName),
		leaf("sceneStartTime", clock, 0, "When it begins.").as("start").need(),
	}
	for _, c := range children {
		if c.kind == clock { // the end follows the beginning
			all = append(all, c)
		}
	}
	all = append(all, leaf("userId", text, maxUser, "Whose it is."), tags())
	for _, c := range children {
		if c.kind != clock {
			all = append(all, c)
		}
	}
	return &element{name: name, json: json, many: true, doc: doc, children: all}
}

func sceneEnd() *element { return leaf("sceneEndTime", clock, 0, "When it ends.").as("end") }

var scenes = &element{name: "scenes", json: "cuePoints", doc: "Moments and spans of the media.", loose: true, children: []*element{
	change("update", "replace"),
	scene("scene-ad-cue-point", "ad", "An advertisement.", sceneEnd(), leaf("sceneTitle", text, 250, "Its title.").as("title"),
		leaf("sourceUrl", text, maxURL, "Where it comes from."), leaf("adType", text, 20, "1 video, 2 overlay.").need(), leaf("protocolType", text, 20, "How it is asked for.").need()),
	scene("scene-annotation", "annotation", "A note.", sceneEnd().need(), leaf("sceneText", text, maxText, "The note.").as("text"),
		leaf("parent", text, maxSystemName, "The note that it answers, by system name.").of("parent"), leaf("parentId", text, 250, "The note that it answers.").of("parent")),
	scene("scene-code-cue-point", "code", "A code for programs.", sceneEnd(), leaf("code", text, 250, "The code.").need(), leaf("description", text, maxText, "What it means.")),
	scene("scene-thumb-cue-point", "thumb", "A slide or chapter.", append([]*element{leaf("title", text, 250, "Its title.").need(),
		leaf("description", text, maxText, "What it shows.").need(), oneOf("subType", "1 slide, 2 chapter.", "1", "2")}, resources("resource")...)...),
	scene("scene-session-cue-point", "session", "A session.", sceneEnd()),
}}

var distributions = &element{name: "distributions", doc: "Where the entry is distributed to; kept for the distribution.", loose: true, children: []*element{
	change("update", "delete"),
	{name: "distribution", many: true, required: true, children: []*element{
		attr("entryDistributionId", integer, 0), attr("submitWhenReady", boolean, 0), leaf("distributionProvider", text, 120, "").of("profile"),
		leaf("distributionProfileId", integer, 0, "").of("profile"), leaf("distributionProfile", text, maxSystemName, "").of("profile"),
		leaf("sunrise", dateTime, 0, "When it begins."), leaf("sunset", dateTime, 0, "When it ends."),
		list("flavorAssetIds", "flavorAssetId", text, 20, 100, "", ""), list("thumbAssetIds", "thumbAssetId", text, 20, 100, "", ""),
		{name: "distribution-extension", json: "extension", kind: free},
	}},
}}

// itemSchema describes an item.
var itemSchema = &element{name: "item", doc: "An entry that shall be added, changed or deleted.", children: []*element{
	oneOf("action", "What shall happen; update when there is an entry of that id or reference id, else add.", "add", "update", "delete", "replace").from("action"),
	oneOf("type", "The type of the entry; media.", "1").of("target"),
	oneOf("licenseType", "The license, as on the wire.", "-1", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13").of("target+type"),
	leaf("entryId", text, 20, "The entry to be changed or deleted.").of("target").from("entryId"),
	leaf("referenceId", text, maxReference, "The id of the entry in its owner's system.").from("referenceId"),
	leaf("parentReferenceId", text, 100, "The entry that this belongs to, by reference id."),
	leaf("userId", text, maxUser, "The owner.").from("ownerId"),
	list("entitledUsersEdit", "user", text, maxUser, maxTags, "entitledUsersEdit", "Who may change the entry besides its owner."),
	list("entitledUsersPublish", "user", text, maxUser, maxTags, "entitledUsersPublish", "Who may publish the entry."),
	list("entitledUsersView", "user", text, maxUser, maxTags, "entitledUsersView", "Who may see the entry."),
	leaf("name", text, maxName, "The name.").from("title"),
	leaf("description", text, maxText, "The description.").from("description"),
	leaf("keepManualThumbnails", boolean, 0, "Keep the pictures that were added by hand when the content is replaced."),
	list("tags", "tag", text, maxName, maxTags, "tags", "Tags."),
	{name: "categories", doc: "The categories; a path that does not exist is made.", children: []*element{
		{name: "category", kind: text, max: 1000, many: true, choice: "category", column: "category", doc: "A full name, with > between the parts."},
		{name: "categoryId", kind: integer, many: true, choice: "category", doc: "An id."},
	}},
	leaf("partnerData", text, 4000, "Text for the owner's own use.").from("partnerData"),
	leaf("partnerSortData", integer, 0, "A number to sort by."),
	leaf("accessControlId", integer, 0, "Who may play it, by the id of a profile.").of("access").from("accessControlProfileId"),
	leaf("accessControl", text, maxSystemName, "Who may play it, by the system name of a profile.").of("access"),
	leaf("conversionProfileId", integer, 0, "What is made of the content, by the id of a profile; -1 is the account's default.").of("conversion").from("conversionProfileId"),
	leaf("conversionProfile", text, maxSystemName, "What is made of the content, by the system name of a profile.").of("conversion"),
	leaf("startDate", dateTime, 0, "When it may be played first.").from("scheduleStartDate"),
	leaf("endDate", dateTime, 0, "When it may be played last.").from("scheduleEndDate"),
	leaf("templateEntryId", text, 20, "An entry to take what is not given from.").of("template").from("templateEntryId"),
	leaf("templateEntry", text, maxReference, "An entry to take what is not given from, by reference id.").of("template"),
	{name: "media", doc: "What kind of media it is.", children: []*element{oneOf("mediaType", "1 video, 2 image, 5 audio.", "1", "2", "5").from("contentType").need()}},
	leaf("msDuration", integer, 0, "The duration in milliseconds, of an entry without content."),
	contentAssets, thumbnails,
	subTitles, attachments, customDataItems, scenes, distributions,
	{name: "pluginReplacementOptions", loose: true, doc: "What of the entry goes over to its next content.", children: []*element{
		{name: "metadataReplacementOptionsItem", many: true, children: []*element{leaf("shouldCopyMetadata", boolean, 0, "").need()}},
	}},
	{name: "sharing", kind: free, loose: true, doc: "Whom the entry is shared with; kept for the sharing."},
	{name: "widevineAssets", kind: free, loose: true, doc: "Ignored."},
	{name: "externalId", kind: text, max: maxReference, onlyJSON: true, doc: "An id of the sender's, which the log repeats."},
	{name: "idempotencyKey", kind: text, max: 250, onlyJSON: true, doc: "The same key never makes two entries."},
	{name: "onDuplicate", kind: enum, values: []string{"skip", "update", "error"}, onlyJSON: true, doc: "What happens when an entry has the key already; skip."},
	{name: "priority", kind: integer, onlyJSON: true, doc: "Whether work on the entry comes before (below 0) or after that of the account's others: -10 to 10."},
}}
