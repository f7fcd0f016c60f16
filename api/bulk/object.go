package bulk

import (
	"encoding/json"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/manifest"
)

// Objects that a document may be about, on the wire: nothing holds for all of a document.
type (
	BulkUploadCategoryData      struct{ BulkUploadObjectData }
	BulkUploadCategoryUserData  struct{ BulkUploadObjectData }
	BulkUploadCategoryEntryData struct{ BulkUploadObjectData }
	BulkUploadUserData          struct{ BulkUploadObjectData }
)

// BulkUploadResultCategory is what became of a line about a category, with what the line said, here and below.
type BulkUploadResultCategory struct {
	BulkUploadResult
	RelativePath           *string `k:"relativePath,ro"`
	Name                   *string `k:"name,ro"`
	ReferenceID            *string `k:"referenceId,ro"`
	Description            *string `k:"description,ro"`
	Tags                   *string `k:"tags,ro"`
	AppearInList           *int64  `k:"appearInList,ro"`
	Privacy                *int64  `k:"privacy,ro"`
	InheritanceType        *int64  `k:"inheritanceType,ro"`
	UserJoinPolicy         *int64  `k:"userJoinPolicy,ro"`
	DefaultPermissionLevel *int64  `k:"defaultPermissionLevel,ro"`
	Owner                  *string `k:"owner,ro"`
	ContributionPolicy     *int64  `k:"contributionPolicy,ro"`
	PartnerSortValue       *int64  `k:"partnerSortValue,ro"`
	Moderation             *bool   `k:"moderation,ro"`
}

// BulkUploadResultCategoryUser is what became of a line about a member of a category.
type BulkUploadResultCategoryUser struct {
	BulkUploadResult
	CategoryID           *int64  `k:"categoryId,ro"`
	CategoryReferenceID  *string `k:"categoryReferenceId,ro"`
	UserID               *string `k:"userId,ro"`
	PermissionLevel      *int64  `k:"permissionLevel,ro"`
	UpdateMethod         *int64  `k:"updateMethod,ro"`
	RequiredObjectStatus *int64  `k:"requiredObjectStatus,ro"`
}

// BulkUploadResultCategoryEntry is what became of a line about an entry in a category.
type BulkUploadResultCategoryEntry struct {
	BulkUploadResult
	CategoryID *int64  `k:"categoryId,ro"`
	EntryID    *string `k:"entryId,ro"`
}

// BulkUploadResultUser is what became of a line about a user.
type BulkUploadResultUser struct {
	BulkUploadResult
	UserID       *string `k:"userId,ro"`
	ScreenName   *string `k:"screenName,ro"`
	Email        *string `k:"email,ro"`
	Tags         *string `k:"tags,ro"`
	DateOfBirth  *int64  `k:"dateOfBirth,ro"`
	Country      *string `k:"country,ro"`
	State        *string `k:"state,ro"`
	City         *string `k:"city,ro"`
	Zip          *string `k:"zip,ro"`
	Gender       *int64  `k:"gender,ro"`
	FirstName    *string `k:"firstName,ro"`
	LastName     *string `k:"lastName,ro"`
	Group        *string `k:"group,ro"`
	ExternalID   *string `k:"externalId,ro"`
	Capabilities *string `k:"capabilities,ro"`
}

func (s *Service) registerObjects(r *rpc.Registry) {
	r.Classes(new(BulkUploadResultCategory), new(BulkUploadResultCategoryUser), new(BulkUploadResultCategoryEntry), new(BulkUploadResultUser))
	admin := rpc.For(rpc.AdminSession)
	rpc.Action(r.Extend("category"), "addFromBulkUpload", "Takes in a document in CSV that makes, changes and deletes categories.", s.addCategories, admin)
	rpc.Action(r.Extend("categoryUser"), "addFromBulkUpload", "Takes in a document in CSV that makes, changes and ends memberships.", s.addMembers, admin)
	rpc.Action(r.Extend("categoryEntry"), "addFromBulkUpload", "Takes in a document in CSV that puts entries into categories and takes them out.", s.addCategoryEntries, admin)
	rpc.Action(r.Extend("user"), "addFromBulkUpload", "Takes in a document in CSV that makes, changes and deletes users.", s.addUsers, admin)
}

func (s *Service) addCategories(c *rpc.Call, in struct {
	FileData   *rpc.Upload             `k:"fileData" required:"true"`
	Data       JobData                 `k:"bulkUploadData"`
	Object     *BulkUploadCategoryData `k:"bulkUploadCategoryData"`
	Validation string                  `k:"validation" default:"perItem"`
	DryRun     bool                    `k:"dryRun" default:"false"`
	Key        string                  `k:"idempotencyKey" default:"" ref:"-"`
}) (*BulkUpload, error) {
	return s.addObjects(c, catalog.BulkCategories, in.FileData, in.Data, in.Validation, in.DryRun, in.Key)
}

func (s *Service) addMembers(c *rpc.Call, in struct {
	FileData   *rpc.Upload                 `k:"fileData" required:"true"`
	Data       JobData                     `k:"bulkUploadData"`
	Object     *BulkUploadCategoryUserData `k:"bulkUploadCategoryUserData"`
	Validation string                      `k:"validation" default:"perItem"`
	DryRun     bool                        `k:"dryRun" default:"false"`
	Key        string                      `k:"idempotencyKey" default:"" ref:"-"`
}) (*BulkUpload, error) {
	return s.addObjects(c, catalog.BulkCategoryUsers, in.FileData, in.Data, in.Validation, in.DryRun, in.Key)
}

func (s *Service) addCategoryEntries(c *rpc.Call, in struct {
	FileData   *rpc.Upload                  `k:"fileData" required:"true"`
	Data       JobData                      `k:"bulkUploadData"`
	Object     *BulkUploadCategoryEntryData `k:"bulkUploadCategoryEntryData"`
	Validation string                       `k:"validation" default:"perItem"`
	DryRun     bool                         `k:"dryRun" default:"false"`
	Key        string                       `k:"idempotencyKey" default:"" ref:"-"`
}) (*BulkUpload, error) {
	return s.addObjects(c, catalog.BulkCategoryEntries, in.FileData, in.Data, in.Validation, in.DryRun, in.Key)
}

func (s *Service) addUsers(c *rpc.Call, in struct {
	FileData   *rpc.Upload         `k:"fileData" required:"true"`
	Data       JobData             `k:"bulkUploadData"`
	Object     *BulkUploadUserData `k:"bulkUploadUserData"`
	Validation string              `k:"validation" default:"perItem"`
	DryRun     bool                `k:"dryRun" default:"false"`
	Key        string              `k:"idempotencyKey" default:"" ref:"-"`
}) (*BulkUpload, error) {
	return s.addObjects(c, catalog.BulkUsers, in.FileData, in.Data, in.Validation, in.DryRun, in.Key)
}

// addObjects takes a document about other things than entries in: they are told in CSV, unless the class says otherwise, which is
// refused.
func (s *Service) addObjects(c *rpc.Call, object int, file *rpc.Upload, data JobData, validation string, dryRun bool, key string) (*BulkUpload, error) {
	a := manifest.Add{Format: manifest.CSV, Object: object, FileName: file.Name, DryRun: dryRun, Key: key}
	if err := described(&a, data, validation); err != nil {
		return nil, err
	}
	return s.take(c, a, file)
}

// objectResult is the result of a line about another thing than an entry.
func objectResult(base BulkUploadResult, r catalog.BulkResult) Result {
	cells := map[string]string{}
	_ = json.Unmarshal([]byte(r.Cells), &cells) // written by the engine; a rehearsal that broke off may have none
	text := func(column string) *string { return kaltura.Opt(cells[column]) }
	number := func(column string) *int64 {
		if n, err := strconv.ParseInt(cells[column], 10, 64); err == nil {
			return &n
		}
		return nil
	}
	switch r.ObjectType {
	case catalog.BulkCategories:
		out := &BulkUploadResultCategory{
			BulkUploadResult: base, RelativePath: text("relativePath"), Name: text("name"), ReferenceID: text("referenceId"), Description: text("description"),
			Tags: text("tags"), AppearInList: number("appearInList"), Privacy: number("privacy"), InheritanceType: number("inheritanceType"),
			UserJoinPolicy: number("userJoinPolicy"), DefaultPermissionLevel: number("defaultPermissionLevel"), Owner: text("owner"),
			ContributionPolicy: number("contributionPolicy"), PartnerSortValue: number("partnerSortValue"),
		}
		if yes, err := strconv.ParseBool(cells["moderation"]); err == nil {
			out.Moderation = &yes
		}
		return out
	case catalog.BulkCategoryUsers:
		return &BulkUploadResultCategoryUser{
			BulkUploadResult: base, CategoryID: number("categoryId"), CategoryReferenceID: text("categoryReferenceId"), UserID: text("userId"),
			PermissionLevel: number("permissionLevel"), UpdateMethod: number("updateMethod"), RequiredObjectStatus: number("status"),
		}
	case catalog.BulkCategoryEntries:
		return &BulkUploadResultCategoryEntry{BulkUploadResult: base, CategoryID: number("categoryId"), EntryID: text("entryId")}
	case catalog.BulkUsers:
		return &BulkUploadResultUser{
			BulkUploadResult: base, UserID: text("userId"), ScreenName: text("screenName"), Email: text("email"), Tags: text("tags"),
			DateOfBirth: number("dateOfBirth"), Country: text("country"), State: text("state"), City: text("city"), Zip: text("zip"),
			Gender: number("gender"), FirstName: text("firstName"), LastName: text("lastName"), Group: text("group"),
			ExternalID: text("externalId"), Capabilities: text("capabilities"),
		}
	}
	return &base
}
