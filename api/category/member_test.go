package category_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// members are those that a session lists, with their levels and states.
func (h *house) members(session string, filter obj) string {
	h.Helper()
	list, _ := h.call(session, "categoryUser.list", obj{"filter": filter}).(obj)
	objects, ok := list["objects"].([]any)
	if !ok {
		h.Fatalf("%v", list)
	}
	var out []string
	for _, o := range objects {
		u, _ := o.(obj)
		out = append(out, fmt.Sprintf("%v/%v:%v:%v", u["categoryId"], u["userId"], u["permissionLevel"], u["status"]))
	}
	if int(list["totalCount"].(float64)) != len(out) {
		h.Errorf("%v counted, %d listed", list["totalCount"], len(out))
	}
	return strings.Join(out, " ")
}

func (h *house) category(fields obj) any {
	h.Helper()
	return h.get("category.add", obj{"category": fields})["id"]
}

func TestMembersComeByTheirCategorysPolicy(t *testing.T) {
	h := newHouse(t)
	closed := h.category(obj{"name": "closed", "owner": "own"})
	open := h.category(obj{"name": "open", "userJoinPolicy": 1, "defaultPermissionLevel": 2})
	asked := h.category(obj{"name": "asked", "userJoinPolicy": 2})
	heir := h.category(obj{"name": "heir", "parentId": closed, "inheritanceType": 1})
	member := func(category any, user string, more obj) obj {
		u := obj{"categoryId": category, "userId": user}
		for k, v := range more {
			u[k] = v
		}
		return obj{"categoryUser": u}
	}
	for _, c := range []struct {
		session, action string
		params          obj
		want            string // an exception, or level:status
	}{
		{"admin:root", "add", member(closed, "ann", obj{"permissionLevel": 0, "permissionNames": "X"}), "0:1"},
		{"admin:root", "add", member(closed, "ann", nil), "CATEGORY_USER_ALREADY_EXISTS"},
		{"admin:root", "add", member(999, "ann", nil), "CATEGORY_NOT_FOUND"},
		{"admin:root", "add", member(heir, "ann", nil), "CATEGORY_INHERIT_MEMBERS"},
		{"admin:root", "add", obj{"categoryUser": obj{"userId": "x"}}, "PROPERTY_VALIDATION_CANNOT_BE_NULL"},
		{"admin:root", "add", member(closed, "bob", obj{"permissionLevel": 9}), "INVALID_ENUM_VALUE"},
		{"user:bob", "add", member(closed, "bob", nil), "CATEGORY_USER_JOIN_NOT_ALLOWED"},
		{"user:bob", "add", member(open, "cid", nil), "CATEGORY_USER_JOIN_NOT_ALLOWED"},
		{"user:bob", "add", member(open, "bob", obj{"permissionLevel": 0}), "2:1"},
		{"user:bob", "add", member(asked, "bob", nil), "3:2"},
		{"user:ann", "add", member(closed, "bob", nil), "3:1"}, // by a manager
		{"user:own", "add", member(closed, "cid", obj{"permissionLevel": 1}), "1:1"},
		{"user:bob", "activate", obj{"categoryId": asked, "userId": "bob"}, "CANNOT_UPDATE_CATEGORY_USER"},
		{"admin:root", "activate", obj{"categoryId": asked, "userId": "bob"}, "3:1"},
		{"admin:root", "activate", obj{"categoryId": asked, "userId": "zoe"}, "INVALID_CATEGORY_USER_ID"},
		{"user:bob", "deactivate", obj{"categoryId": asked, "userId": "bob"}, "3:3"}, // one's own
		{"user:cid", "deactivate", obj{"categoryId": closed, "userId": "bob"}, "CANNOT_UPDATE_CATEGORY_USER"},
		{"user:bob", "get", obj{"categoryId": heir, "userId": "bob"}, "3:1"},
		{"user:bob", "get", obj{"categoryId": heir, "userId": "ann"}, "INVALID_CATEGORY_USER_ID"},
		{"user:ann", "get", obj{"categoryId": heir, "userId": "cid"}, "1:1"},
		{"admin:root", "get", obj{"categoryId": open, "userId": "ann"}, "INVALID_CATEGORY_USER_ID"},
		{"user:bob", "update", obj{"categoryId": open, "userId": "bob", "categoryUser": obj{"permissionLevel": 0}}, "CANNOT_UPDATE_CATEGORY_USER"},
		{"user:ann", "update", obj{"categoryId": closed, "userId": "bob", "categoryUser": obj{"permissionLevel": 2}}, "2:1"},
		{"user:ann", "update", obj{"categoryId": closed, "userId": "bob", "categoryUser": obj{"permissionLevel": 3, "updateMethod": 1}}, "CANNOT_OVERRIDE_MANUAL_CHANGES"},
		{"user:ann", "update", obj{"categoryId": closed, "userId": "bob", "override": true, "categoryUser": obj{"permissionLevel": 3, "updateMethod": 1}}, "3:1"},
		{"user:ann", "update", obj{"categoryId": closed, "userId": "bob", "categoryUser": obj{"userId": "zoe"}}, "PROPERTY_VALIDATION_NOT_UPDATABLE"},
		{"admin:root", "update", obj{"categoryId": heir, "userId": "bob", "categoryUser": obj{"permissionLevel": 0}}, "CATEGORY_INHERIT_MEMBERS"},
		{"user:cid", "delete", obj{"categoryId": closed, "userId": "bob"}, "CANNOT_UPDATE_CATEGORY_USER"},
		{"user:cid", "delete", obj{"categoryId": closed, "userId": "cid"}, ""},
		{"user:ann", "delete", obj{"categoryId": closed, "userId": "cid"}, "INVALID_CATEGORY_USER_ID"},
		{"admin:root", "list", nil, "MUST_FILTER_USERS_OR_CATEGORY"},
		{"admin:root", "copyFromCategory", obj{"categoryId": closed}, "PARENT_CATEGORY_NOT_FOUND"},
	} {
		got, _ := h.call(c.session, "categoryUser."+c.action, c.params).(obj)
		code, failed := got["code"].(string)
		if !failed && got != nil {
			code = fmt.Sprintf("%v:%v", got["permissionLevel"], got["status"])
		}
		if code != c.want {
			t.Errorf("%s %s %v: %v, want %s", c.session, c.action, c.params, got, c.want)
		}
	}
	for _, c := range []struct {
		session string
		filter  obj
		want    string
	}{
		{"admin:root", obj{"categoryIdEqual": closed, "orderBy": "+createdAt"}, "1/ann:0:1 1/bob:3:1"},
		{"admin:root", obj{"categoryIdEqual": heir, "orderBy": "+createdAt"}, "1/ann:0:1 1/bob:3:1"},
		{"admin:root", obj{"categoryIdEqual": heir, "categoryDirectMembers": true}, ""},
		{"admin:root", obj{"userIdEqual": "bob", "orderBy": "+createdAt"}, "2/bob:2:1 3/bob:3:3 1/bob:3:1"},
		{"admin:root", obj{"userIdEqual": "bob", "updateMethodEqual": 1}, "1/bob:3:1"},
		{"admin:root", obj{"relatedGroupsByUserId": "bob", "statusEqual": 3}, "3/bob:3:3"},
		{"admin:root", obj{"categoryFullIdsStartsWith": "1", "permissionNamesMatchAnd": "X,CATEGORY_EDIT"}, "1/ann:0:1"},
		{"admin:root", obj{"categoryIdEqual": closed, "freeText": "AN"}, "1/ann:0:1"},
		{"user:ann", obj{"categoryIdEqual": heir, "orderBy": "-createdAt"}, "1/bob:3:1 1/ann:0:1"},
		{"user:bob", obj{"categoryIdEqual": closed}, "1/bob:3:1"},
		{"user:bob", obj{"userIdEqual": "ann"}, ""},
		{"user:bob", obj{"relatedGroupsByUserId": "ann"}, ""},
		{"user:", obj{"userIdIn": "ann,bob"}, ""},
	} {
		if d := cmp.Diff(c.want, h.members(c.session, c.filter)); d != "" {
			t.Errorf("%s lists %v: %s", c.session, c.filter, d)
		}
	}
	for id, want := range map[any]string{closed: "2 0", heir: "2 0", open: "1 0", asked: "0 0"} {
		got := h.get("category.get", obj{"id": id})
		if s := fmt.Sprint(got["membersCount"], " ", got["pendingMembersCount"]); s != want {
			t.Errorf("category %v has %s members, want %s", id, s, want)
		}
	}
	h.call("admin:root", "category.update", obj{"id": heir, "category": obj{"inheritanceType": 2}})
	h.call("admin:root", "categoryUser.copyFromCategory", obj{"categoryId": heir})
	if got := h.members("admin:root", obj{"categoryIdEqual": heir, "orderBy": "+userId,+createdAt"}); got != "4/ann:0:1 4/bob:3:1" {
		t.Errorf("copied: %s", got)
	}
}

func TestEntriesComeByTheirCategorysPolicy(t *testing.T) {
	h := newHouse(t)
	open := h.category(obj{"name": "open"})
	members := h.category(obj{"name": "members", "contributionPolicy": 2})
	moderated := h.category(obj{"name": "moderated", "moderation": 1})
	for user, level := range map[string]int{"mia": 3, "con": 2, "mod": 1} {
		for _, category := range []any{members, moderated} {
			h.get("categoryUser.add", obj{"categoryUser": obj{"categoryId": category, "userId": user, "permissionLevel": level}})
		}
	}
	entries := map[string]catalog.Entry{}
	for _, user := range []string{"zoe", "mia", "con", "mod", "root"} {
		entries[user] = h.entry("of "+user, user)
	}
	for _, c := range []struct {
		session  string
		category any
		want     string
	}{
		{"user:zoe", open, "2"},
		{"user:zoe", members, "CANNOT_ASSIGN_ENTRY_TO_CATEGORY"},
		{"user:mia", members, "CANNOT_ASSIGN_ENTRY_TO_CATEGORY"},
		{"user:con", members, "2"},
		{"admin:root", members, "2"},
		{"user:zoe", moderated, "1"},
		{"user:con", moderated, "1"},
		{"user:mod", moderated, "2"},
		{"admin:root", moderated, "2"},
	} {
		_, user, _ := strings.Cut(c.session, ":")
		got, _ := h.call(c.session, "categoryEntry.add", obj{"categoryEntry": obj{"categoryId": c.category, "entryId": entries[user].ID}}).(obj)
		s := fmt.Sprint(got["status"])
		if code, ok := got["code"].(string); ok {
			s = code
		}
		if s != c.want {
			t.Errorf("%s adds to %v: %v, want %s", c.session, c.category, got, c.want)
		}
	}
	if got := h.get("category.get", obj{"id": moderated})["pendingEntriesCount"]; got != 2.0 {
		t.Errorf("%v entries wait, want 2", got)
	}
	link := func(user string) obj { return obj{"categoryId": moderated, "entryId": entries[user].ID} }
	for _, c := range []struct{ session, action, of, want string }{
		{"user:con", "activate", "con", "CANNOT_ACTIVATE_CATEGORY_ENTRY"},
		{"user:zoe", "reject", "zoe", "CANNOT_REJECT_CATEGORY_ENTRY"},
		{"user:mod", "activate", "con", ""},
		{"user:mod", "reject", "zoe", ""},
		{"user:mod", "activate", "mia", "ENTRY_IS_NOT_ASSIGNED_TO_CATEGORY"},
		{"user:mod", "delete", "root", ""},
		{"user:mia", "delete", "mod", "INVALID_KS"},
	} {
		if got := h.code(c.session, "categoryEntry."+c.action, link(c.of)); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.session, c.action, got, c.want)
		}
	}
	if got := h.names(entries["con"].ID); got != "members,moderated|2,3" {
		t.Errorf("an approved entry is in %s", got)
	}
}
