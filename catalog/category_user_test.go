package catalog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// tree makes categories by their full names, each with what the wire keeps of it.
func tree(t *testing.T, db *catalog.DB, nodes ...[2]string) map[string]catalog.Category {
	t.Helper()
	if _, _, err := db.EnsureAccount(t.Context(), 102, "test"); err != nil {
		t.Fatal(err)
	}
	out := map[string]catalog.Category{}
	for _, n := range nodes {
		parent, name := "", n[0]
		if i := strings.LastIndex(n[0], ">"); i >= 0 {
			parent, name = n[0][:i], n[0][i+1:]
		}
		c, err := db.AddCategory(t.Context(), 102, catalog.Category{Parent: out[parent].ID, Name: name, Owner: "own-" + name, More: []byte(n[1])})
		if err != nil {
			t.Fatal(err)
		}
		out[n[0]] = c
	}
	return out
}

func join(t *testing.T, db *catalog.DB, c catalog.Category, user string, level catalog.MemberLevel, status int) {
	t.Helper()
	if _, err := db.AddCategoryUser(t.Context(), 102, catalog.CategoryUser{Category: c.ID, User: user, Level: level, Status: status}); err != nil {
		t.Fatal(err)
	}
}

func TestCategoriesHaveMembers(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		c := tree(t, db, [2]string{"a", "{}"}, [2]string{"a>b", `{"inheritanceType":1}`}, [2]string{"a>b>c", `{"inheritanceType":1}`}, [2]string{"a>d", "{}"})
		join(t, db, c["a"], "ann", catalog.LevelMember, catalog.MemberActive)
		join(t, db, c["a"], "bob", catalog.LevelModerator, catalog.MemberActive)
		join(t, db, c["a"], "cid", catalog.LevelManager, catalog.MemberPending)
		join(t, db, c["a>d"], "ann", catalog.LevelContributor, catalog.MemberActive)
		for _, wrong := range []struct {
			u    catalog.CategoryUser
			want error
		}{
			{catalog.CategoryUser{Category: c["a"].ID, User: "ann", Level: 3, Status: 1}, catalog.ErrConflict},
			{catalog.CategoryUser{Category: 999, User: "ann", Level: 3, Status: 1}, catalog.ErrNotFound},
			{catalog.CategoryUser{Category: c["a"].ID, User: "dan", Level: 5, Status: 1}, catalog.ErrInvalid},
			{catalog.CategoryUser{Category: c["a"].ID, User: "dan", Level: 3, Status: 4}, catalog.ErrInvalid},
			{catalog.CategoryUser{Category: c["a"].ID, Level: 3, Status: 1}, catalog.ErrInvalid},
		} {
			if _, err := db.AddCategoryUser(ctx, 102, wrong.u); !errors.Is(err, wrong.want) {
				t.Errorf("%+v: %v, want %v", wrong.u, err, wrong.want)
			}
		}
		u, err := db.UpdateCategoryUser(ctx, 102, c["a"].ID, "ann", func(u *catalog.CategoryUser) error {
			u.Permissions += ", OTHER,CATEGORY_EDIT"
			u.Level = catalog.LevelContributor
			return nil
		})
		if err != nil || u.Permissions != "CATEGORY_CONTRIBUTE,CATEGORY_VIEW,OTHER" {
			t.Errorf("permissions %q, %v", u.Permissions, err)
		}
		levels := func(category string) string {
			var out []string
			for _, user := range []string{"ann", "bob", "cid", "own-a", "own-c", ""} {
				level, err := db.Level(ctx, c[category], user)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, fmt.Sprint(level))
			}
			return strings.Join(out, " ")
		}
		for category, want := range map[string]string{"a": "2 1 4 0 4 4", "a>b": "2 1 4 0 4 4", "a>b>c": "2 1 4 0 0 4", "a>d": "2 4 4 4 4 4"} {
			if got := levels(category); got != want {
				t.Errorf("levels in %s: %s, want %s", category, got, want)
			}
		}
		for category, want := range map[string]string{"a": "2 1", "a>b>c": "2 1", "a>d": "1 0"} {
			n, err := db.CountCategory(ctx, c[category])
			if got := fmt.Sprint(n.Members, n.Pending); err != nil || got != want {
				t.Errorf("members of %s: %s, %v, want %s", category, got, err, want)
			}
		}
		if err := db.CopyMembers(ctx, 102, c["a"].ID, c["a>d"].ID); err != nil {
			t.Fatal(err)
		}
		if got, want := levels("a>d"), "2 1 4 4 4 4"; got != want {
			t.Errorf("levels in a copy: %s, want %s", got, want)
		}
		if err := db.RemoveCategoryUser(ctx, 102, c["a>d"].ID, "bob"); err != nil {
			t.Error(err)
		}
		if err := db.RemoveCategoryUser(ctx, 102, c["a>d"].ID, "bob"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("removed again: %v", err)
		}
		if _, err := db.CategoryUser(ctx, 103, c["a"].ID, "ann"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("of another account: %v", err)
		}
	})
}

func TestMembersAreFound(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		c := tree(t, db, [2]string{"a", "{}"}, [2]string{"a>b", "{}"}, [2]string{"d", "{}"})
		for user, screen := range map[string]string{"ann": "Ann Smith", "bob": "Bob", "smithers": "X"} {
			if _, err := db.AddUser(ctx, 102, catalog.User{ID: user, ScreenName: screen, Status: catalog.UserActive}); err != nil {
				t.Fatal(err)
			}
			join(t, db, c["a"], user, catalog.LevelMember, catalog.MemberActive)
		}
		join(t, db, c["a>b"], "ann", catalog.LevelManager, catalog.MemberActive)
		join(t, db, c["d"], "bob", catalog.LevelMember, catalog.MemberPending)
		for name, tt := range map[string]struct {
			q    catalog.MemberQuery
			want string
		}{
			"all":        {catalog.MemberQuery{}, "1/ann 1/bob 1/smithers 2/ann 3/bob"},
			"a category": {catalog.MemberQuery{Query: catalog.Query{Conds: []catalog.Cond{{Field: "categoryId", Op: catalog.OpEq, Values: []any{int64(1)}}}}}, "1/ann 1/bob 1/smithers"},
			"a user":     {catalog.MemberQuery{Query: catalog.Query{Conds: []catalog.Cond{{Field: "userId", Op: catalog.OpIn, Values: []any{"bob"}}}}}, "1/bob 3/bob"},
			"names":      {catalog.MemberQuery{Query: catalog.Query{Conds: []catalog.Cond{{Field: "permissionNames", Op: catalog.OpMatchOr, Values: []any{"CATEGORY_EDIT"}}}}}, "2/ann"},
			"a tree":     {catalog.MemberQuery{FullIDs: []catalog.Cond{{Field: "fullIds", Op: catalog.OpStartsWith, Values: []any{"1"}}}}, "1/ann 1/bob 1/smithers 2/ann"},
			"a text":     {catalog.MemberQuery{Text: "smith", FullIDs: []catalog.Cond{{Field: "fullIds", Op: catalog.OpEq, Values: []any{"1"}}}}, "1/ann 1/smithers"},
		} {
			tt.q.Limit = catalog.Everything
			tt.q.Order = []catalog.Order{{Field: "categoryId"}, {Field: "userId"}}
			rows, total, err := db.CategoryUsers(ctx, 102, tt.q)
			if err != nil {
				t.Fatal(name, err)
			}
			var got []string
			for _, u := range rows {
				got = append(got, fmt.Sprintf("%d/%s", u.Category, u.User))
			}
			if d := cmp.Diff(tt.want, strings.Join(got, " ")); d != "" || total != len(got) {
				t.Errorf("%s, %d: %s", name, total, d)
			}
		}
	})
}

func TestMembershipsEndWithUsersAndCategories(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		c := tree(t, db, [2]string{"a", "{}"}, [2]string{"a>b", "{}"}, [2]string{"d", "{}"})
		for _, user := range []string{"ann", "bob"} {
			if _, err := db.EnsureUser(ctx, 102, user); err != nil {
				t.Fatal(err)
			}
			for _, category := range c {
				join(t, db, category, user, catalog.LevelMember, catalog.MemberActive)
			}
		}
		left := func() int {
			_, total, err := db.CategoryUsers(ctx, 102, catalog.MemberQuery{Query: catalog.Query{Limit: 1}})
			if err != nil {
				t.Fatal(err)
			}
			return total
		}
		if err := db.DeleteUser(ctx, 102, "bob"); err != nil {
			t.Fatal(err)
		}
		if n := left(); n != 3 {
			t.Errorf("%d memberships without one of two users, want 3", n)
		}
		if err := db.DeleteCategory(ctx, 102, c["a"].ID, false); err != nil {
			t.Fatal(err)
		}
		if n := left(); n != 1 {
			t.Errorf("%d memberships without two of three categories, want 1", n)
		}
	})
}

func TestPrivateCategoriesKnowTheirMembers(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		c := tree(t, db,
			[2]string{"plain", "{}"},
			[2]string{"plain>room", `{"privacyContext":"x","privacy":3,"inheritanceType":1}`}, // members of one without a context
			[2]string{"club", `{"privacyContext":"x","privacy":3}`},
			[2]string{"club>heir", `{"privacy":3,"inheritanceType":1}`},
			[2]string{"club>own", `{"privacy":3}`},
			[2]string{"club>users", `{"privacy":2}`})
		join(t, db, c["plain"], "ann", catalog.LevelMember, catalog.MemberActive)
		join(t, db, c["club"], "bob", catalog.LevelContributor, catalog.MemberActive)
		join(t, db, c["club"], "cid", catalog.LevelNone, catalog.MemberActive)
		join(t, db, c["club"], "dan", catalog.LevelManager, catalog.MemberPending)
		join(t, db, c["club>own"], "eve", catalog.LevelMember, catalog.MemberActive)
		var ids []catalog.CategoryID
		names := map[catalog.CategoryID]string{}
		for name, row := range c {
			ids, names[row.ID] = append(ids, row.ID), name
		}
		for user, want := range map[string]string{
			"": "", "ann": "plain>room", "bob": "club club>heir", "cid": "", "dan": "", "eve": "club>own", "own-club": "club club>heir", "own-plain": "plain>room",
		} {
			all, err := db.AllPrivacies(ctx, 102, user)
			if err != nil || len(all) != 5 {
				t.Fatalf("%d private categories, %v", len(all), err)
			}
			some, err := db.Privacies(ctx, 102, ids, user)
			if err != nil {
				t.Fatal(err)
			}
			for _, list := range [][]catalog.Privacy{all, some} {
				in := map[string]bool{}
				for _, p := range list {
					if p.Member {
						in[names[p.ID]] = true
					}
				}
				var got []string
				for _, name := range []string{"plain", "plain>room", "club", "club>heir", "club>own", "club>users"} {
					if in[name] {
						got = append(got, name)
					}
				}
				if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
					t.Errorf("%q: %s", user, d)
				}
			}
		}
	})
}
