package manifest

// column is a column of a document about other things than entries.
func column(name string, k kind, max int, doc string) *element {
	return leaf(name, k, max, doc).from(name)
}

func choice(name, doc string, values ...string) *element {
	return oneOf(name, doc, values...).from(name)
}

func levelColumn(name string) *element {
	return choice(name, "0 manager, 1 moderator, 2 contributor, 3 member, 4 none.", "0", "1", "2", "3", "4")
}

// Tables of the lines about categories, users, and who and what is in categories.
var (
	categorySchema = &element{name: "category", kind: group, children: []*element{
		choice("action", "add unless given.", "add", "update", "delete", "addorupdate"),
		column("categoryId", integer, 0, "The category to be changed or deleted."),
		column("name", text, 255, "Its name."),
		column("relativePath", text, 0, "The full name of the category that it lies in, with > between names; at the top unless given."),
		column("tags", text, maxText, "Separated by commas."),
		column("description", text, maxText, "What it is about."),
		column("referenceId", text, 512, "An id of another system. With neither categoryId nor name it says which category is meant."),
		choice("contributionPolicy", "1 all add entries, 2 contributors only.", "1", "2"),
		choice("privacy", "Whom entries are for: 1 all, 2 users, 3 members.", "1", "2", "3"),
		choice("inheritanceType", "1 inherits members, 2 has its own.", "1", "2"),
		column("owner", text, maxUser, "A user."),
		choice("userJoinPolicy", "1 users join by themselves, 2 they ask, 3 they do not.", "1", "2", "3"),
		choice("appearInList", "1 for all, 3 for members.", "1", "3"),
		levelColumn("defaultPermissionLevel"),
		column("partnerSortValue", integer, 0, "A number to sort by."),
		column("partnerData", text, maxText, "Anything."),
		column("moderation", boolean, 0, "Whether entries wait for a moderator."),
	}}
	userSchema = &element{name: "user", kind: group, children: []*element{
		choice("action", "add unless given.", "add", "update", "delete", "addorupdate"),
		column("userId", text, maxUser, "The id.").need(),
		column("screenName", text, 1000, "The name that is shown."),
		column("firstName", text, 1000, ""), column("lastName", text, 1000, ""), column("email", text, 1000, ""),
		column("tags", text, 4096, "Separated by commas."),
		choice("gender", "0 unknown, 1 male, 2 female.", "0", "1", "2"),
		column("zip", text, 1000, ""), column("country", text, 1000, ""), column("state", text, 1000, ""), column("city", text, 1000, ""),
		column("dateOfBirth", text, 40, "A date, or seconds since 1970."),
		column("partnerData", text, 4096, "Anything."),
		column("group", text, 0, "Groups are not kept: a line that names one is refused."),
		column("groupUserCreationMode", text, 0, "Says how users come into groups; of no effect without one."),
		column("userRole", text, 100, "The id or the system name of a role."),
		column("externalId", text, 1000, "An id of another system."),
		column("capabilities", text, 0, "Capabilities are not kept: a line that names one is refused."),
	}}
	categoryUserSchema = &element{name: "member", kind: group, children: []*element{
		choice("action", "add unless given.", "add", "update", "delete", "addorupdate", "activate", "reject", "updatestatus"),
		column("categoryUserId", text, 0, "Category and user with a colon between them, instead of the two."),
		column("categoryId", integer, 0, "The category."),
		column("categoryReferenceId", text, 512, "The category's reference id, instead."),
		column("userId", text, maxUser, "The user, who is made when there is none."),
		choice("status", "1 active, 2 pending, 3 not active.", "1", "2", "3"),
		levelColumn("permissionLevel"),
		choice("updateMethod", "0 manual, 1 automatic.", "0", "1"),
	}}
	categoryEntrySchema = &element{name: "entry", kind: group, children: []*element{
		choice("action", "add unless given.", "add", "delete", "activate", "reject"),
		column("entryId", text, 20, "The entry.").need(),
		column("categoryId", integer, 0, "The category.").need(),
	}}
)
