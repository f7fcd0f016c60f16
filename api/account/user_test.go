package account_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/api/account"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

var localOrigin = ks.Origin{}

func parsePrivileges(text string) []ks.Privilege { return ks.ParsePrivileges(text) }

func TestUsersAreKept(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		admin := f.admin()
		made := f.object("user.add", params{"ks": admin, "user": params{
			"id": "zoë", "screenName": "Zoë", "firstName": "Zoë", "email": "zoe@example.test", "tags": "a,b", "city": "Bern", "dateOfBirth": 631152000, "gender": 2,
		}})
		if made["id"] != "zoë" || made["city"] != "Bern" || made["status"] != 1.0 || made["dateOfBirth"] != 631152000.0 || made["password"] != nil {
			t.Errorf("made %v", made)
		}
		changed := f.object("user.update", params{"ks": admin, "userId": "zoë", "user": params{"city": "Thun", "tags__null": "", "status": 0}})
		if changed["city"] != "Thun" || changed["tags"] != nil || changed["firstName"] != "Zoë" || changed["status"] != 0.0 {
			t.Errorf("changed to %v", changed)
		}
		f.call("user.add", params{"ks": admin, "user": params{"id": "bob", "firstName": "Bob"}})
		for filter, want := range map[string]float64{"idEqual=bob": 1, "firstNameStartsWith=Zo": 1, "statusEqual=0": 1, "statusIn=0,1": 2, "isAdminEqual=1": 0} {
			name, value, _ := strings.Cut(filter, "=")
			if got := f.object("user.list", params{"ks": admin, "filter": params{name: value}})["totalCount"]; got != want {
				t.Errorf("%s finds %v", filter, got)
			}
		}
		if got := f.object("user.delete", params{"ks": admin, "userId": "bob"}); got["status"] != 2.0 {
			t.Errorf("deleted %v", got)
		}
		for action, in := range map[string]params{
			"user.get": {"userId": "bob"}, "user.update": {"userId": "bob", "user": params{"city": "x"}}, "user.delete": {"userId": "bob"},
		} {
			in["ks"] = admin
			if got := f.refused(action, in); got != "INVALID_USER_ID" {
				t.Errorf("%s: %s", action, got)
			}
		}
		for want, fields := range map[string]params{
			"DUPLICATE_USER_BY_ID[UID:zoë]":                                 {"id": "zoë"},
			"PROPERTY_VALIDATION_CANNOT_BE_NULL[PROP_NAME:KalturaUser::id]": {"city": "x"},
			"UNKNOWN_ROLE_ID": {"id": "x", "roleIds": "4711"},
			"PROPERTY_VALIDATION_CANNOT_BE_NULL[PROP_NAME:KalturaUser::email]":                                        {"id": "x", "password": "long enough"},
			"PROPERTY_VALIDATION_CANNOT_BE_NULL[PROP_NAME:KalturaUser::password]":                                     {"id": "x", "email": "e", "loginEnabled": true},
			"PROPERTY_VALIDATION_WRONG_FORMAT[FORMAT:a password has 8 to 1000 bytes PROP_NAME:KalturaUser::password]": {"id": "x", "email": "e", "password": "short"},
		} {
			if got := f.refused("user.add", params{"ks": admin, "user": fields}); got != want {
				t.Error(got)
			}
		}
	})
}

func TestUsersSeeThemselvesOnly(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		admin := f.admin()
		for _, id := range []string{"ann", "bob"} {
			f.call("user.add", params{"ks": admin, "user": params{"id": id}})
		}
		ann := f.start(0, "ann", "*")
		if got := f.object("user.get", params{"ks": ann}); got["id"] != "ann" {
			t.Errorf("ann is %v", got)
		}
		if got := f.object("user.update", params{"ks": ann, "userId": "ann", "user": params{"city": "Bern"}}); got["city"] != "Bern" {
			t.Errorf("ann is %v", got)
		}
		for _, field := range []string{"isAdmin", "roleIds", "ksPrivileges", "adminTags", "status"} {
			got := f.refused("user.update", params{"ks": ann, "userId": "ann", "user": params{field: "1"}})
			if got != "PROPERTY_VALIDATION_ADMIN_PROPERTY[PROP_NAME:KalturaUser::"+field+"]" {
				t.Error(got)
			}
		}
		if got := f.refused("user.update", params{"ks": admin, "userId": "ann", "user": params{"id": "eve"}}); got != "PROPERTY_VALIDATION_NOT_UPDATABLE[PROP_NAME:KalturaUser::id]" {
			t.Error(got)
		}
		for _, id := range []string{"bob", "nobody"} {
			if got := f.refused("user.get", params{"ks": ann, "userId": id}); got != "INVALID_USER_ID" {
				t.Error(got)
			}
		}
		if got := f.refused("user.get", params{"ks": f.start(0, "", "")}); got != "INVALID_USER_ID" {
			t.Error(got)
		}
	})
}

func TestUsersLogIn(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		admin := f.admin()
		role, err := f.db.AddRole(t.Context(), 102, catalog.Role{Name: "users", Status: 1, Permissions: "user.*,session.get"})
		if err != nil {
			t.Fatal(err)
		}
		made := f.object("user.add", params{"ks": admin, "user": params{
			"id": "ann", "email": "ann@example.test", "password": "correct horse", "isAdmin": true, "roleIds": fmt.Sprint(role.ID), "ksPrivileges": "edit:0_a",
		}})
		if made["roleNames"] != "users" || made["loginEnabled"] != true {
			t.Errorf("made %v", made)
		}
		for action, in := range map[string]params{
			"user.login":          {"partnerId": 102, "userId": "ann", "privileges": "list:*,setrole:1"},
			"user.loginByLoginId": {"loginId": "ann@example.test", "partnerId": 102, "privileges": "list:*,widget:1"},
		} {
			in["password"] = "correct horse"
			info := f.object("session.get", params{"ks": f.call(action, in)})
			if info["userId"] != "ann" || info["sessionType"] != 2.0 || info["privileges"] != fmt.Sprintf("list:*,edit:0_a,setrole:%d", role.ID) {
				t.Errorf("%s: %v", action, info)
			}
		}
		if f.object("user.get", params{"ks": admin, "userId": "ann"})["lastLoginTime"] == nil {
			t.Error("nobody noticed that ann logged in")
		}
		f.call("user.add", params{"ks": admin, "user": params{"id": "bob", "email": "bob@example.test", "password": "battery staple"}})
		info := f.object("session.get", params{"ks": f.call("user.loginByLoginId", params{"loginId": "bob@example.test", "password": "battery staple"})})
		if info["userId"] != "bob" || info["sessionType"] != 0.0 || info["privileges"] != "*" {
			t.Errorf("bob's session is %v", info)
		}
		f.call("user.update", params{"ks": admin, "userId": "bob", "user": params{"password": "another one"}})
		for want, in := range map[string]params{
			"USER_WRONG_PASSWORD": {"loginId": "bob@example.test", "password": "battery staple"},
			"USER_NOT_FOUND":      {"loginId": "eve@example.test", "password": "battery staple"},
		} {
			if got := f.refused("user.loginByLoginId", in); got != want {
				t.Error(got)
			}
		}
		if got := f.refused("user.loginByLoginId", params{"loginId": "bob@example.test", "password": "another one", "partnerId": 103}); got != "USER_NOT_FOUND" {
			t.Errorf("in another account: %s", got)
		}
		f.call("user.update", params{"ks": admin, "userId": "bob", "user": params{"status": 0}})
		if got := f.refused("user.login", params{"partnerId": 102, "userId": "bob", "password": "another one"}); got != "USER_IS_BLOCKED" {
			t.Error(got)
		}
	})
}

func TestGuessingPasswordsIsStopped(t *testing.T) {
	f := newFixture(t, "sqlite://"+t.TempDir()+"/catalog.db")
	f.call("user.add", params{"ks": f.admin(), "user": params{"id": "ann", "email": "a@b", "password": "correct horse"}})
	in := params{"partnerId": 102, "userId": "ann", "password": "guess"}
	var got []string
	for range 11 {
		got = append(got, f.refused("user.login", in))
	}
	want := strings.Repeat("USER_WRONG_PASSWORD ", 9) + "LOGIN_RETRIES_EXCEEDED LOGIN_BLOCKED"
	if strings.Join(got, " ") != want {
		t.Errorf("guesses: %v", got)
	}
	in["password"] = "correct horse"
	if got := f.refused("user.login", in); got != "LOGIN_BLOCKED" {
		t.Error(got)
	}
}

func TestPasswordsAreHashed(t *testing.T) {
	a, err := account.HashPassword(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(a, err)
	}
	if b, err := account.HashPassword(t.Context(), "correct horse"); err != nil || a == b {
		t.Errorf("a hash repeats: %v", err)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horsf": false, "": false, strings.Repeat("x", 1001): false} {
		if ok, err := account.CheckPassword(t.Context(), a, password); err != nil || ok != want {
			t.Errorf("%.20q: %v, %v", password, ok, err)
		}
	}
	if ok, err := account.CheckPassword(t.Context(), "", "correct horse"); err != nil || ok {
		t.Errorf("nobody's password: %v, %v", ok, err)
	}
	for _, hash := range []string{"plain", "$argon2id$v=19$m=19456,t=2,p=1$AAAA", "$argon2id$v=18$m=19456,t=2,p=1$AAAA$AAAA", a[:len(a)-4] + "!!!!"} {
		if _, err := account.CheckPassword(t.Context(), hash, "x"); err == nil {
			t.Errorf("%q passes for a hash", hash)
		}
	}
	if _, err := account.HashPassword(t.Context(), "short"); err == nil {
		t.Error("a short password is taken")
	}
}
