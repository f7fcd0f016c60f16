package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/catalog"
)

// category applies a line about a category.
func (l *line) category() error {
	id, full, err := l.categoryMeant()
	if err != nil {
		return err
	}
	c := catalog.Category{}
	switch {
	case l.r.Action == catalog.BulkAdd || l.r.Action == catalog.BulkAddOrUpdate && id == 0:
		l.r.Action = catalog.BulkAdd
		c, err = l.addCategory(full)
	case id == 0:
		return refuse(codeNotFound, "there is no category %q", cmp.Or(full, l.it.text("referenceId")))
	case l.r.Action == catalog.BulkDelete:
		if c, err = l.Catalog.Category(l.ctx, l.job.Account, id); err == nil {
			err = l.tx.DeleteCategory(l.ctx, l.job.Account, id, true)
		}
		c.Status = catalog.CategoryDeleted
	default:
		l.r.Action = catalog.BulkUpdate
		c, err = l.tx.UpdateCategory(l.ctx, l.job.Account, id, l.changeCategory)
	}
	if err != nil {
		return err
	}
	l.r.ObjectID, l.r.ObjectStatus, l.r.Title, l.r.ReferenceID = fmt.Sprint(c.ID), int(c.Status), c.FullName, c.ReferenceID
	l.coming(strings.ToLower(c.FullName))
	return nil
}

// categoryMeant is the category that a line is about, 0 when there is none, and its full name as far as that is given.
func (l *line) categoryMeant() (catalog.CategoryID, string, error) {
	name := l.it.text("name")
	if name != "" && l.has("relativePath") {
		parts, err := catalog.SplitCategory(l.it.text("relativePath"))
		if err != nil {
			return 0, "", err
		}
		name = strings.Join(append(parts, name), catalog.CategorySeparator)
	}
	var c catalog.Category
	var err error
	switch {
	case l.has("categoryId") && l.r.Action == catalog.BulkAdd:
		return 0, "", refuse(codeInvalid, "a category that is added cannot have a categoryId")
	case l.has("categoryId"):
		c, err = l.Catalog.Category(l.ctx, l.job.Account, catalog.CategoryID(number(l.it.text("categoryId"))))
	case name != "":
		c, err = l.Catalog.CategoryByName(l.ctx, l.job.Account, name)
		if errors.Is(err, catalog.ErrNotFound) {
			return 0, name, nil
		}
	case l.has("referenceId") && l.r.Action != catalog.BulkAdd:
		c, err = l.byReference(l.it.text("referenceId"))
	default:
		return 0, "", refuse(codeMissing, "the line needs a name")
	}
	return c.ID, name, err
}

// byReference is the category of a reference id.
func (l *line) byReference(id string) (catalog.Category, error) {
	rows, total, err := l.Catalog.Categories(l.ctx, l.job.Account, catalog.Query{Limit: 1, Conds: []catalog.Cond{
		{Field: "referenceId", Op: catalog.OpEq, Values: []any{id}},
	}})
	switch {
	case err != nil:
		return catalog.Category{}, err
	case total == 0:
		return catalog.Category{}, refuse(codeNotFound, "there is no category with reference id %q", id)
	case total > 1:
		return catalog.Category{}, refuse(codeAmbiguous, "%d categories have the reference id %q", total, id)
	}
	return rows[0], nil
}

func (l *line) addCategory(full string) (catalog.Category, error) {
	c := catalog.Category{}
	if i := strings.LastIndex(full, catalog.CategorySeparator); i >= 0 {
		parent, err := l.Catalog.CategoryByName(l.ctx, l.job.Account, full[:i])
		if errors.Is(err, catalog.ErrNotFound) && l.rehearsal && l.names.coming[strings.ToLower(full[:i])] {
			parent, err = l.tx.EnsureCategory(l.ctx, l.job.Account, full[:i])
		}
		if errors.Is(err, catalog.ErrNotFound) {
			return c, refuse(codeNotFound, "there is no category %q to lie in", full[:i])
		}
		if err != nil {
			return c, err
		}
		c.Parent = parent.ID
	}
	if err := l.changeCategory(&c); err != nil {
		return c, err
	}
	c, err := l.tx.AddCategory(l.ctx, l.job.Account, c)
	if errors.Is(err, catalog.ErrConflict) {
		return c, refuse(codeInvalid, "there is a category %q already", full)
	}
	return c, err
}

// changeCategory makes a category what the line says of it.
func (l *line) changeCategory(c *catalog.Category) error {
	for column, dst := range map[string]*string{"name": &c.Name, "tags": &c.Tags, "description": &c.Description, "referenceId": &c.ReferenceID, "owner": &c.Owner} {
		l.set(dst, column)
	}
	if l.has("partnerSortValue") {
		c.SortValue = number(l.it.text("partnerSortValue"))
	}
	more := map[string]any{}
	if len(c.More) > 0 {
		if err := json.Unmarshal(c.More, &more); err != nil {
			return err
		}
	}
	for _, name := range []string{"contributionPolicy", "privacy", "inheritanceType", "userJoinPolicy", "appearInList", "defaultPermissionLevel"} {
		if l.has(name) {
			more[name] = number(l.it.text(name))
		}
	}
	if l.has("partnerData") {
		more["partnerData"] = l.it.text("partnerData")
	}
	if l.has("moderation") {
		more["moderation"] = map[string]int{"true": 1, "1": 1}[l.it.text("moderation")]
	}
	c.More = encode(more)
	return nil
}

// user applies a line about a user.
func (l *line) user() error {
	id := l.it.text("userId")
	for column, what := range map[string]string{"group": "groups", "capabilities": "capabilities"} {
		if l.has(column) {
			return refuse(codeInvalid, "column %s: %s of users are not kept", column, what)
		}
	}
	_, err := l.Catalog.User(l.ctx, l.job.Account, id)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	there := err == nil
	l.r.ObjectID, l.r.ObjectStatus = id, int(catalog.UserActive)
	switch {
	case l.r.Action == catalog.BulkAdd && there:
		return refuse(codeInvalid, "there is a user %q already", id)
	case l.r.Action == catalog.BulkAdd, l.r.Action == catalog.BulkAddOrUpdate && !there:
		l.r.Action = catalog.BulkAdd
		u := catalog.User{ID: id, Status: catalog.UserActive, StatusAt: catalog.StampOf(time.Now())}
		if err := l.changeUser(&u); err != nil {
			return err
		}
		u, err = l.tx.AddUser(l.ctx, l.job.Account, u)
		l.r.Title = u.ScreenName
	case l.r.Action == catalog.BulkDelete:
		l.r.ObjectStatus = int(catalog.UserDeleted)
		err = l.tx.DeleteUser(l.ctx, l.job.Account, id)
	default:
		l.r.Action = catalog.BulkUpdate
		var u catalog.User
		u, err = l.tx.UpdateUser(l.ctx, l.job.Account, id, l.changeUser)
		l.r.Title, l.r.ObjectStatus = u.ScreenName, int(u.Status)
	}
	return err
}

// changeUser makes a user what the line says of it.
func (l *line) changeUser(u *catalog.User) error {
	d := &u.Details
	for column, dst := range map[string]*string{
		"screenName": &u.ScreenName, "firstName": &u.FirstName, "lastName": &u.LastName, "email": &u.Email, "tags": &u.Tags, "zip": &d.Zip,
		"country": &d.Country, "state": &d.State, "city": &d.City, "partnerData": &d.Data, "externalId": &d.ExternalID,
	} {
		l.set(dst, column)
	}
	if u.LoginEnabled && l.has("email") && u.Email != u.Login {
		return refuse(codeInvalid, "user %q logs in with the address: it is changed by user.update only", u.ID)
	}
	if l.has("gender") {
		d.Gender = int(number(l.it.text("gender")))
	}
	if l.has("dateOfBirth") {
		born, err := birth(l.it.text("dateOfBirth"))
		if err != nil {
			return err
		}
		d.DateOfBirth = born
	}
	if !l.has("userRole") {
		return nil
	}
	role, err := l.Catalog.RoleBySystemName(l.ctx, l.job.Account, l.it.text("userRole"))
	if errors.Is(err, catalog.ErrNotFound) {
		role, err = l.Catalog.Role(l.ctx, l.job.Account, number(l.it.text("userRole")))
	}
	if errors.Is(err, catalog.ErrNotFound) {
		return refuse(codeNotFound, "there is no role %q", l.it.text("userRole"))
	}
	u.Role = role.ID
	return err
}

// birth reads a day of birth as seconds since 1970, which it may lie before.
func birth(s string) (int64, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Unix(), nil
		}
	}
	return 0, refuse(codeInvalid, "dateOfBirth %q is not a date such as 1980-05-17", s)
}

// categoryUser applies a line about a member of a category.
func (l *line) categoryUser() error {
	category, user, err := l.member()
	if err != nil {
		return err
	}
	if category.Policy().Inherits {
		return refuse(codeInvalid, "category %d inherits its members", category.ID)
	}
	l.r.ObjectID, l.r.Title = fmt.Sprintf("%d:%s", category.ID, user), category.FullName
	old, err := l.Catalog.CategoryUser(l.ctx, l.job.Account, category.ID, user)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	there := err == nil
	switch {
	case l.r.Action == catalog.BulkAdd && there:
		return refuse(codeInvalid, "user %q is a member of category %d already", user, category.ID)
	case l.r.Action == catalog.BulkAdd, l.r.Action == catalog.BulkAddOrUpdate && !there:
		l.r.Action = catalog.BulkAdd
		u := catalog.CategoryUser{
			Category: category.ID, User: user, Level: category.Policy().Default, Status: catalog.MemberActive, Method: catalog.MemberAutomatic,
		}
		if err := l.changeMember(&u); err != nil {
			return err
		}
		if err := l.tx.EnsureUser(l.ctx, l.job.Account, user); err != nil {
			return err
		}
		l.r.ObjectStatus = u.Status
		return l.tx.AddCategoryUser(l.ctx, l.job.Account, &u)
	case !there:
		return refuse(codeNotFound, "user %q is no member of category %d", user, category.ID)
	case l.r.Action == catalog.BulkDelete:
		l.r.ObjectStatus = 4 // deleted
		return l.tx.RemoveCategoryUser(l.ctx, l.job.Account, category.ID, user)
	case old.Method == catalog.MemberManual && l.it.text("updateMethod") == "1":
		return refuse(codeInvalid, "the membership was made by hand: a line that says automatic does not change it")
	}
	u, err := l.tx.UpdateCategoryUser(l.ctx, l.job.Account, category.ID, user, l.changeMember)
	l.r.ObjectStatus = u.Status
	return err
}

// member is what a line is about: a category and a user.
func (l *line) member() (catalog.Category, string, error) {
	id, user := l.it.text("categoryId"), l.it.text("userId")
	if both := l.it.text("categoryUserId"); both != "" {
		of, who, ok := strings.Cut(both, ":")
		if n, err := strconv.ParseInt(of, 10, 64); !ok || err != nil || id != "" && number(id) != n || user != "" && user != who {
			return catalog.Category{}, "", refuse(codeInvalid, "categoryUserId %q is not the category, a colon and the user", both)
		}
		id, user = of, who
	}
	if user == "" {
		return catalog.Category{}, "", refuse(codeMissing, "the line needs a userId")
	}
	if reference := l.it.text("categoryReferenceId"); id == "" && reference != "" {
		c, err := l.byReference(reference)
		return c, user, err
	}
	if id == "" {
		return catalog.Category{}, "", refuse(codeMissing, "the line needs categoryId or categoryReferenceId")
	}
	c, err := l.Catalog.Category(l.ctx, l.job.Account, catalog.CategoryID(number(id)))
	return c, user, err
}

// changeMember makes a membership what the line says of it.
func (l *line) changeMember(u *catalog.CategoryUser) error {
	if l.has("permissionLevel") && l.r.Action != catalog.BulkUpdateStatus {
		u.Level = catalog.MemberLevel(number(l.it.text("permissionLevel")))
	}
	if l.has("updateMethod") {
		u.Method = int(number(l.it.text("updateMethod")))
	}
	switch {
	case l.r.Action == catalog.BulkActivate:
		u.Status = catalog.MemberActive
	case l.r.Action == catalog.BulkReject:
		u.Status = catalog.MemberNotActive
	case l.has("status"):
		u.Status = int(number(l.it.text("status")))
	case l.r.Action == catalog.BulkUpdateStatus:
		return refuse(codeMissing, "the line needs a status")
	}
	return nil
}

// categoryEntry applies a line about an entry in a category.
func (l *line) categoryEntry() error {
	e, err := l.names.entry(l.ctx, l.it.text("entryId"))
	if errors.Is(err, errAbsent) {
		return refuse(codeNotFound, "there is no entry %q", l.it.text("entryId"))
	}
	if err != nil {
		return err
	}
	c, err := l.Catalog.Category(l.ctx, l.job.Account, catalog.CategoryID(number(l.it.text("categoryId"))))
	if err != nil {
		return err
	}
	l.r.ObjectID, l.r.Title, l.r.ReferenceID = fmt.Sprintf("%d:%s", c.ID, e.ID), e.Name, e.ReferenceID
	l.r.ObjectStatus = map[catalog.BulkAction]int{catalog.BulkDelete: 3, catalog.BulkReject: catalog.CategoryEntryRejected}[l.r.Action]
	l.r.ObjectStatus = cmp.Or(l.r.ObjectStatus, catalog.CategoryEntryActive)
	switch l.r.Action {
	case catalog.BulkAdd:
		err = l.tx.AddCategoryEntry(l.ctx, l.job.Account, &catalog.CategoryEntry{Category: c.ID, Entry: e.ID, Status: catalog.CategoryEntryActive, User: l.job.User})
		if errors.Is(err, catalog.ErrConflict) {
			return refuse(codeInvalid, "entry %s is in category %d already", e.ID, c.ID)
		}
	case catalog.BulkDelete:
		err = l.tx.RemoveCategoryEntry(l.ctx, l.job.Account, c.ID, e.ID)
	default:
		err = l.tx.SetCategoryEntry(l.ctx, l.job.Account, c.ID, e.ID, l.r.ObjectStatus)
	}
	return err
}
