package rpc_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/api/rpc"
	"sluice/catalog"
)

// profiles has one stored profile.
type profiles struct{}

func (profiles) ResponseProfile(_ context.Context, account catalog.AccountID, id int64, name string) (*rpc.DetachedResponseProfile, error) {
	if account == 102 && (id == 5 || name == "brief") {
		return &rpc.DetachedResponseProfile{Type: new(1), Fields: new("id")}, nil
	}
	return nil, nil
}

func TestResponseProfiles(t *testing.T) {
	const get = `"service":"box_thing","action":"get","id":"t9"`
	const list = `"service":"box_thing","action":"list"`
	related := `"relatedProfiles":[{"name":"twins","filter":{"objectType":"KalturaBaseFilter"},"type":1,"fields":"id","mappings":[{"parentProperty":"id","filterProperty":"idEqual"}]}]`
	const twins = `{"objects":[{"id":"a","objectType":"KalturaThing"},{"id":"b","objectType":"KalturaThing"}],"totalCount":7,"objectType":"KalturaThingListResponse"}`
	for _, c := range []struct{ name, body, want string }{
		{"include", get + `,"responseProfile":{"objectType":"KalturaDetachedResponseProfile","type":1,"fields":"id, name,nope"}`,
			`{"id":"t9","name":"a \"b\" <c> & é","objectType":"KalturaThing"}`},
		{"only the object itself", get + `,"responseProfile":{"type":1,"fields":"parts"}`,
			`{"parts":[{"label":"p","inner":{"objectType":"KalturaPart"},"objectType":"KalturaPart"}],"objectType":"KalturaThing"}`},
		{"exclude", get + `,"responseProfile":{"type":2,"fields":"name,createdAt,state,kind,format,weight,size,heavy,on,tags,parts,extra,shape"}`,
			`{"id":"t9","objectType":"KalturaThing"}`},
		{"items of a list", list + `,"responseProfile":{"type":1,"fields":"name"}`,
			`{"objects":[{"objectType":"KalturaThing"},{"objectType":"KalturaThing"}],"totalCount":7,"objectType":"KalturaThingListResponse"}`},
		{"stored, by name", get + `,"responseProfile":{"objectType":"KalturaResponseProfileHolder","systemName":"brief"}`, `{"id":"t9","objectType":"KalturaThing"}`},
		{"stored, by id", get + `,"responseProfile":{"id":"5"}`, `{"id":"t9","objectType":"KalturaThing"}`},
		{"unknown", get + `,"responseProfile":{"systemName":"other"}`, thingJSON},
		{"empty", get + `,"responseProfile":{}`, thingJSON},
		{"related list", get + `,"responseProfile":{"type":1,"fields":"id",` + related + `}`,
			`{"id":"t9","relatedObjects":{"twins":` + twins + `},"objectType":"KalturaThing"}`},
		{"null property", get + `,"responseProfile":{"type":1,"fields":"id",` + strings.Replace(related, `"parentProperty":"id"`, `"parentProperty":"count"`, 1) + `}`,
			`{"id":"t9","relatedObjects":[],"objectType":"KalturaThing"}`},
		{"null property that may be", get + `,"responseProfile":{"type":1,"fields":"id",` + strings.Replace(related, `"parentProperty":"id"`, `"parentProperty":"count","allowNull":true`, 1) + `}`,
			`{"id":"t9","relatedObjects":{"twins":` + twins + `},"objectType":"KalturaThing"}`},
		{"two levels", get + `,"responseProfile":{"type":1,"fields":"id",` + strings.Replace(related, `"type":1`, `"type":1,`+strings.Replace(related, "twins", "more", 1), 1) + `}`,
			`{"id":"t9","relatedObjects":{"twins":{"objects":[{"id":"a","relatedObjects":{"more":` + twins + `},"objectType":"KalturaThing"},{"id":"b","relatedObjects":{"more":` + twins + `},"objectType":"KalturaThing"}],"totalCount":7,"objectType":"KalturaThingListResponse"}},"objectType":"KalturaThing"}`},
	} {
		f := start(t, func(c *rpc.Config) { c.Profiles = profiles{} })
		_, got := f.post(t, "/api_v3/", jsonType, `{"format":1,"partnerId":102,"ks":"user",`+c.body+"}")
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if c.name == "related list" {
			filter := f.service.got[2].(*rpc.FilterOf[Base])
			if v, ok := filter.Cond("id", catalog.OpEq); !ok || v[0] != "t9" {
				t.Errorf("filter of the related list: %+v", filter.Conds)
			}
		}
	}
}

func TestBadResponseProfiles(t *testing.T) {
	f := start(t)
	deep := `{}`
	for range 3 {
		deep = `{"relatedProfiles":[` + deep + `],"filter":{"objectType":"KalturaBaseFilter"}}`
	}
	for _, c := range []struct{ profile, code string }{
		{deep, "RESPONSE_PROFILE_MAX_NESTING_LEVEL"},
		{`{"relatedProfiles":[{"name":"x","filter":{"objectType":"KalturaNopeFilter"}}]}`, "INVALID_OBJECT_TYPE"},
		{`"x"`, "PROPERTY_VALIDATION_WRONG_FORMAT"},
	} {
		_, got := f.post(t, "/api_v3/service/box_thing/action/get?id=1", jsonType, `{"format":1,"ks":"user","responseProfile":`+c.profile+"}")
		if !strings.Contains(got, `"code":"`+c.code+`"`) {
			t.Errorf("%s: %s", c.profile, got)
		}
	}
}

func TestObjectsSurviveStorage(t *testing.T) {
	r := rpc.NewRegistry()
	(&service{}).register(r)
	was := thing()
	b, err := r.Marshal(was)
	if err != nil {
		t.Fatal(err)
	}
	var is Thing
	if err := r.Unmarshal(b, &is); err != nil {
		t.Fatal(err)
	}
	again, err := r.Marshal(&is)
	if err != nil || string(again) != string(b) {
		t.Errorf("%v\n%s\n%s", err, b, again)
	}
	if err := r.Unmarshal([]byte("nope"), &is); err == nil {
		t.Error("read what is no JSON")
	}
}
