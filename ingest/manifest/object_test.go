package manifest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/ingest/manifest"
)

// about says what the lines of a document are about.
func about(object int) func(*manifest.Add) {
	return func(a *manifest.Add) { a.Object = object }
}

// told are the results of a document: what each line came to.
func told(rows []catalog.BulkResult) []string {
	var out []string
	for _, r := range rows {
		if r.Status == catalog.BulkItemOK {
			out = append(out, fmt.Sprintf("%s %s=%d", manifest.ActionWord(r.Action), r.ObjectID, r.ObjectStatus))
			continue
		}
		out = append(out, r.ErrorCode+" "+r.ErrorText)
	}
	return out
}

// hold compares what lines came to with what they should have: errors by their beginning or, after "…", by a part.
func hold(t *testing.T, rows []catalog.BulkResult, want ...string) {
	t.Helper()
	got := told(rows)
	if len(got) != len(want) {
		t.Fatalf("%d results, want %d: %q", len(got), len(want), got)
	}
	for i := range want {
		code, part, partly := strings.Cut(want[i], "…")
		if got[i] != want[i] && (!partly || !strings.HasPrefix(got[i], code) || !strings.Contains(got[i], part)) {
			t.Errorf("line %d: %q, want %q", i+1, got[i], want[i])
		}
	}
}

func TestLinesMakeCategories(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		j, rows := r.run(manifest.CSV, "*action,categoryId,name,relativePath,tags,referenceId,contributionPolicy,privacy,inheritanceType,owner,defaultPermissionLevel,moderation,partnerData,colour\n"+
			",,Shows,,a b,ref-1,2,3,,ann,contributor,1,\"x,y\",\n"+
			"add,,News,Shows,,,,,inherit,,,,,\n"+
			"1,,Deep,Shows > News,,,,,,,,,,\n"+
			",,Lost,Nowhere,,,,,,,,,,\n"+
			",,Shows,,,,,,,,,,,\n"+
			",,,,,,,,,,,,,\n"+
			",,\"a,b\",,,,,,,,,,,\n"+
			"6,,News,Shows,t,,,,,,,,,\n"+
			"update,2,Late,,,,,,,,,,,\n"+
			"6,,Extra,,,ref-2,,,,,,,,\n"+
			"update,,,,t2,ref-1,,,,,,,,\n"+
			"delete,,Extra,,,,,,,,,,,\n"+
			"delete,999,,,,,,,,,,,,\n"+
			"replace,1,,,,,,,,,,,,\n"+
			",,X,,,,7,,,,,maybe,,\n"+
			",,Y,,,,,,,,,,,red\n"+
			",,Z\n", about(catalog.BulkCategories))
		hold(t, rows, "add 1=2", "add 2=2", "add 3=2", "BULK_ITEM_NOT_FOUND…\"Nowhere\"", "BULK_ITEM_VALIDATION_FAILED…already",
			"BULK_MISSING_MANDATORY_PARAMETER…name", "BULK_ITEM_VALIDATION_FAILED…comma",
			"update 2=2", "update 2=1", "add …=2", "update 1=2", "delete …=3", "BULK_ITEM_NOT_FOUND…999", "BULK_ITEM_VALIDATION_FAILED…action is \"replace\"",
			"BULK_ITEM_VALIDATION_FAILED…contributionPolicy is \"7\"", "BULK_ITEM_VALIDATION_FAILED…column \"colour\"", "BULK_ITEM_VALIDATION_FAILED…3 values, not 14")
		if j.Status != catalog.BulkFinishedPartially || j.Failed != 9 || j.ObjectType != catalog.BulkCategories {
			t.Errorf("%+v", j)
		}
		c, err := r.db.Category(t.Context(), account, 1)
		if err != nil {
			t.Fatal(err)
		}
		p := c.Policy()
		if c.Name != "Shows" || c.Tags != "t2" || c.ReferenceID != "ref-1" || c.Owner != "ann" || !p.MembersContribute || p.Privacy != 3 ||
			p.Default != catalog.LevelContributor || !p.Moderated || !strings.Contains(string(c.More), `"partnerData":"x,y"`) {
			t.Errorf("%+v", c)
		}
		if c, err = r.db.Category(t.Context(), account, 2); err != nil || c.FullName != "Shows>Late" || !c.Policy().Inherits || c.Tags != "t" {
			t.Errorf("%+v, %v", c, err)
		}
		if d := cmp.Diff(`{"name":"News","relativePath":"Shows","action":"add","inheritanceType":"1"}`, rows[1].Cells, cmp.Transformer("", sorted)); d != "" {
			t.Error(d)
		}
	})
}

// sorted is JSON without an order.
func sorted(s string) string {
	parts := strings.Split(strings.Trim(s, "{}"), ",")
	for range parts {
		for i := 1; i < len(parts); i++ {
			if parts[i] < parts[i-1] {
				parts[i], parts[i-1] = parts[i-1], parts[i]
			}
		}
	}
	return strings.Join(parts, ",")
}

func TestLinesMakeUsers(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		if _, err := r.db.AddRole(t.Context(), account, catalog.Role{Name: "Editors", SystemName: "EDITORS", Status: catalog.RoleActive}); err != nil {
			t.Fatal(err)
		}
		_, rows := r.run(manifest.CSV, "action,userId,screenName,firstName,lastName,email,tags,gender,zip,country,state,city,dateOfBirth,partnerData,group,groupUserCreationMode,userRole,externalId,capabilities\n"+
			",ann,Ann,A,N,a@example.test,\"x,y\",female,1000,CH,VD,Lausanne,1960-02-03,p,,,EDITORS,ext,\n"+
			",ann,,,,,,,,,,,,,,,,,\n"+
			"update,ann,Anna,,,,,,,,,,,,,,,,\n"+
			"addorupdate,ann,,,,,,,,,,Bern,,,,,,,\n"+
			"addorupdate,bob,,,,,,,,,,,-86400,,,,,,\n"+
			"update,cid,,,,,,,,,,,,,,,,,\n"+
			"delete,bob,,,,,,,,,,,,,,,,,\n"+
			",,Nobody,,,,,,,,,,,,,,,,\n"+
			",dan,,,,,,,,,,,,,staff,,,,\n"+
			",dan,,,,,,,,,,,,,,,,,chat\n"+
			",dan,,,,,,,,,,,soon,,,,,,\n"+
			",dan,,,,,,,,,,,,,,,NONE,,\n"+
			",dan,,,,,5,,,,,,,,,,,,\n", about(catalog.BulkUsers))
		hold(t, rows, "add ann=1", "BULK_ITEM_VALIDATION_FAILED…already", "update ann=1", "update ann=1", "add bob=1", "BULK_ITEM_NOT_FOUND…cid", "delete bob=2",
			"BULK_MISSING_MANDATORY_PARAMETER…userId", "BULK_ITEM_VALIDATION_FAILED…column group", "BULK_ITEM_VALIDATION_FAILED…column capabilities",
			"BULK_ITEM_VALIDATION_FAILED…dateOfBirth \"soon\"", "BULK_ITEM_NOT_FOUND…role \"NONE\"", "add dan=1")
		u, err := r.db.User(t.Context(), account, "ann")
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(u.ScreenName, u.FirstName, u.LastName, u.Email, u.Tags, u.Role != 0, u.Details)
		if want := fmt.Sprint("Anna", "A", "N", "a@example.test", "x,y", true, catalog.UserDetails{
			Gender: 2, Zip: "1000", Country: "CH", State: "VD", City: "Bern", Data: "p", ExternalID: "ext",
			DateOfBirth: time.Date(1960, 2, 3, 0, 0, 0, 0, time.UTC).Unix(),
		}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if _, err := r.db.User(t.Context(), account, "bob"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("bob: %v", err)
		}
	})
}

func TestLinesMakeMembersAndPutEntriesIntoCategories(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		for _, c := range []catalog.Category{{Name: "a", ReferenceID: "ref"}, {Name: "heir", Parent: 1, More: []byte(`{"inheritanceType":1}`)}, {Name: "x", ReferenceID: "two"}, {Name: "y", ReferenceID: "two"}} {
			if _, err := r.db.AddCategory(t.Context(), account, c); err != nil {
				t.Fatal(err)
			}
		}
		hand := catalog.CategoryUser{Category: 1, User: "hand", Level: catalog.LevelMember, Status: catalog.MemberActive}
		if _, err := r.db.AddCategoryUser(t.Context(), account, hand); err != nil {
			t.Fatal(err)
		}
		_, rows := r.run(manifest.CSV, "*action;categoryUserId;categoryId;categoryReferenceId;userId;status;permissionLevel;updateMethod\n"+
			";;1;;ann;;manager;\n"+
			";;;ref;bob;pending;;manual\n"+
			";;1;;ann;;;\n"+
			";;;two;ann;;;\n"+
			";;;none;ann;;;\n"+
			";;99;;ann;;;\n"+
			";;2;;ann;;;\n"+
			";;1;;;;;\n"+
			";;;;ann;;;\n"+
			"activate;1:bob;;;;;;\n"+
			"update;;1;;bob;;1;\n"+
			"reject;;1;;bob;;;\n"+
			"9;;1;;bob;1;0;\n"+
			"updatestatus;;1;;bob;;;\n"+
			"update;1:hand;;;;;1;automatic\n"+
			"addorupdate;;1;;cid;;contributor;\n"+
			"delete;;1;;cid;;;\n"+
			"delete;;1;;cid;;;\n"+
			"update;1-ann;;;;;;\n", about(catalog.BulkCategoryUsers))
		hold(t, rows, "add 1:ann=1", "add 1:bob=2", "BULK_ITEM_VALIDATION_FAILED…already", "AMBIGUOUS_REFERENCE_ID…two", "BULK_ITEM_NOT_FOUND…none", "BULK_ITEM_NOT_FOUND…99",
			"BULK_ITEM_VALIDATION_FAILED…inherits", "BULK_MISSING_MANDATORY_PARAMETER…userId", "BULK_MISSING_MANDATORY_PARAMETER…categoryId",
			"activate 1:bob=1", "update 1:bob=1", "reject 1:bob=3", "updateStatus 1:bob=1", "BULK_MISSING_MANDATORY_PARAMETER…status", "BULK_ITEM_VALIDATION_FAILED…by hand",
			"add 1:cid=1", "delete 1:cid=4", "BULK_ITEM_NOT_FOUND…cid", "BULK_ITEM_VALIDATION_FAILED…1-ann")
		if u, err := r.db.CategoryUser(t.Context(), account, 1, "bob"); err != nil || u.Level != catalog.LevelModerator || u.Method != catalog.MemberManual {
			t.Errorf("%+v, %v", u, err)
		}
		if u, err := r.db.CategoryUser(t.Context(), account, 1, "ann"); err != nil || u.Level != catalog.LevelManager || u.Method != catalog.MemberAutomatic {
			t.Errorf("%+v, %v", u, err)
		}

		e := catalog.BlankEntry(account)
		e.Name = "e"
		e, err := r.db.AddEntry(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		id := string(e.ID)
		_, rows = r.run(manifest.CSV, strings.ReplaceAll("action,entryId,categoryId\n,E,1\nadd,E,1\nadd,E,3\nreject,E,3\nactivate,E,3\ndelete,E,1\ndelete,E,1\nadd,E,99\nadd,0_zzzzzzzz,1\nadd,,1\nupdate,E,1\n", "E", id),
			about(catalog.BulkCategoryEntries))
		hold(t, rows, "add 1:"+id+"=2", "BULK_ITEM_VALIDATION_FAILED…already", "add 3:"+id+"=2", "reject 3:"+id+"=4", "activate 3:"+id+"=2", "delete 1:"+id+"=3",
			"BULK_ITEM_NOT_FOUND…", "BULK_ITEM_NOT_FOUND…99", "BULK_ITEM_NOT_FOUND…zzz", "BULK_MISSING_MANDATORY_PARAMETER…entryId", "BULK_ITEM_VALIDATION_FAILED…action")
		if e := r.entry(id); strings.Join(e.Categories, ",") != "x" {
			t.Errorf("in the end in %q", e.Categories)
		}
	})
}

func TestDryRunsOfLinesChangeNothing(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		text := "action,name,relativePath\nadd,a,\nadd,b,a\nadd,c,A>b\nadd,d,gone\n"
		for name, c := range map[string]struct {
			option func(*manifest.Add)
			status catalog.BulkStatus
			want   []string
		}{
			"dry":    {dryRun, catalog.BulkFinishedPartially, []string{"ok", "ok", "ok", "BULK_ITEM_NOT_FOUND in line 5"}},
			"strict": {strict, catalog.BulkFailed, []string{"BULK_ITEM_NOT_FOUND in line 5"}},
		} {
			j, rows := r.run(manifest.CSV, text, about(catalog.BulkCategories), c.option)
			if d := cmp.Diff(c.want, codes(rows)); d != "" || j.Status != c.status {
				t.Errorf("%s: %+v: %s", name, j, d)
			}
			if _, n, err := r.db.Categories(t.Context(), account, catalog.Query{}); n != 0 || err != nil {
				t.Errorf("%s: %d categories, %v", name, n, err)
			}
		}
	})
}

// TestInterruptedLinesAreDoneOnce ends the process that runs a job again and again: a line that was done twice would say that its
// user is a member already.
func TestInterruptedLinesAreDoneOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		if _, err := r.db.AddCategory(t.Context(), account, catalog.Category{Name: "a"}); err != nil {
			t.Fatal(err)
		}
		const n = 40
		text := "categoryId,userId\n"
		for i := range n {
			text += fmt.Sprintf("1,user-%d\n", i)
		}
		j := r.add(manifest.CSV, text, about(catalog.BulkCategoryUsers))
		for !j.Status.Ended() {
			ctx, cancel := context.WithCancel(t.Context())
			id, before, watched := j.ID, j.Done, make(chan struct{})
			go func() {
				defer close(watched)
				for ctx.Err() == nil {
					if now, err := r.db.BulkJob(ctx, account, id); err == nil && (now.Done >= before+3 || now.Status.Ended()) {
						cancel()
					}
					time.Sleep(time.Millisecond)
				}
			}()
			if err := r.jobs.Run(ctx); err != nil {
				t.Fatal(err)
			}
			cancel()
			<-watched
			var err error
			if j, err = r.db.BulkJob(t.Context(), account, j.ID); err != nil {
				t.Fatal(err)
			}
		}
		j, rows := r.wait(j)
		if j.Status != catalog.BulkFinished || len(rows) != n || j.Failed != 0 {
			t.Errorf("%+v, %d results: %q", j, len(rows), told(rows))
		}
		_, members, err := r.db.CategoryUsers(t.Context(), account, catalog.MemberQuery{})
		if err != nil || members != n {
			t.Errorf("%d members, %v", members, err)
		}
	})
}

func TestLogsOfLinesNameTheirObjects(t *testing.T) {
	r := newRig(t)
	j, _ := r.run(manifest.CSV, "userId,screenName\nann,Ann\n,=1\n", about(catalog.BulkUsers))
	for format, want := range map[manifest.LogFormat]string{
		manifest.LogCSV: "line,fileLine,status,action,objectId,referenceId,title,errorCode,errorDescription,rowData\n" +
			"1,2,ok,add,ann,,Ann,,,\"ann,Ann\"\n2,3,error,add,,,,BULK_MISSING_MANDATORY_PARAMETER,line 3:1: user needs userId,\",=1\"\n",
		manifest.LogNDJSON: `{"line":1,"fileLine":2,"status":"ok","action":"add","objectId":"ann","name":"Ann"}` + "\n" +
			`{"line":2,"fileLine":3,"status":"error","action":"add","errorCode":"BULK_MISSING_MANDATORY_PARAMETER","error":"line 3:1: user needs userId"}` + "\n",
	} {
		var got bytes.Buffer
		if err := r.jobs.WriteLog(t.Context(), &got, j, format); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got.String()); d != "" {
			t.Errorf("%s: %s", format, d)
		}
	}
	for _, a := range []manifest.Add{
		{Format: manifest.XML, Object: catalog.BulkUsers, Document: strings.NewReader("<mrss/>")},
		{Format: manifest.CSV, Object: 6, Document: strings.NewReader("userId\nx\n")},
	} {
		if _, err := r.jobs.Add(t.Context(), account, a); !errors.Is(err, manifest.ErrDocument) {
			t.Errorf("%s about %d: %v", a.Format, a.Object, err)
		}
	}
}
