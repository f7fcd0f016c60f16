package rpc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/api/rpc"
	"sluice/catalog"
)

// add calls box_thing.add and returns the answer.
func (f *fixture) add(t *testing.T, kind, body string) string {
	t.Helper()
	_, got := f.post(t, "/api_v3/service/box_thing/action/add?format=1&p=102", kind, body)
	return got
}

func TestValuesAreReadByTheProtocolsRules(t *testing.T) {
	f := start(t)
	const class = `"objectType":"KalturaThing"}`
	for _, c := range []struct{ name, kind, body, want string }{
		{"json", jsonType, `{"thing":{"name":"abc","count":5,"on":true}}`, `{"name":"abc","on":true,"count":5,` + class},
		{"brackets", formType, `thing[name]=abc&thing[count]=5&thing[on]=1`, `{"name":"abc","on":true,"count":5,` + class},
		{"colons", formType, `thing:name=abc&thing:count=5&thing:on=true`, `{"name":"abc","on":true,"count":5,` + class},
		{"colons in json", jsonType, `{"thing:name":"abc","thing:count":"5","thing:on":"True"}`, `{"name":"abc","on":true,"count":5,` + class},
		{"class by name, any case", jsonType, `{"thing":{"objectType":"kalturathing","name":"abc"}}`, `{"name":"abc",` + class},
		{"unknown class", jsonType, `{"thing":{"objectType":"Nonsense","name":"abc"}}`, `{"name":"abc",` + class},
		{"unrelated class", jsonType, `{"thing":{"objectType":"KalturaSquare","name":"abc"}}`, `{"name":"abc",` + class},
		{"null is not sent", jsonType, `{"thing":{"name":null,"count":1}}`, `{"count":1,` + class},
		{"unknown fields", jsonType, `{"thing":{"nope":{"a":1},"count":1}}`, `{"count":1,` + class},
		{"numbers", jsonType, `{"thing":{"count":"12abc","weight":"1.5e1x"}}`, `{"weight":15,"count":12,` + class},
		{"junk numbers", jsonType, `{"thing":{"count":"abc","weight":""}}`, `{"weight":0,"count":0,` + class},
		{"floats as ints", jsonType, `{"thing":{"count":7.9}}`, `{"count":7,` + class},
		{"booleans as ints", jsonType, `{"thing":{"count":true}}`, `{"count":1,` + class},
		{"false in many ways", jsonType, `{"thing":{"on":"FALSE"}}`, `{"on":false,` + class},
		{"0 is false", formType, `thing[on]=0`, `{"on":false,` + class},
		{"empty is false", formType, `thing[on]=`, `{"on":false,` + class},
		{"anything else is true", formType, `thing[on]=no`, `{"on":true,` + class},
		{"nullable boolean", jsonType, `{"thing":{"heavy":true}}`, `{"heavy":true,` + class},
		{"nullable boolean 0", jsonType, `{"thing":{"heavy":"0"}}`, `{"heavy":false,` + class},
		{"nullable boolean null", jsonType, `{"thing":{"heavy":-1,"count":1}}`, `{"count":1,` + class},
		{"nullable boolean empty", jsonType, `{"thing":{"heavy":""}}`, `{"heavy":false,` + class},
		{"time", jsonType, `{"thing":{"from":1700000000}}`, `{"from":1700000000,` + class},
		{"relative time", jsonType, `{"thing":{"from":"-60"}}`, fmt.Sprintf(`{"from":%d,`, testNow-60) + class},
		{"relative time ahead", jsonType, `{"thing":{"from":315360000}}`, fmt.Sprintf(`{"from":%d,`, testNow+315360000) + class},
		{"time cleared", jsonType, `{"thing":{"from":-1,"count":1}}`, `{"count":1,` + class},
		{"empty time", jsonType, `{"thing":{"from":""}}`, `{"from":0,` + class},
		{"string enum as number", jsonType, `{"thing":{"kind":1}}`, `{"kind":1,` + class},
		{"plugin enum", jsonType, `{"thing":{"kind":"box.Round"}}`, `{"kind":"box.Round",` + class},
		{"empty enum is not sent", jsonType, `{"thing":{"kind":"","count":1}}`, `{"count":1,` + class},
		{"array", jsonType, `{"thing":{"tags":["a","b"]}}`, `{"tags":["a","b"],` + class},
		{"array by index", formType, `thing[tags][10]=c&thing[tags][9]=b&thing[tags][1]=a`, `{"tags":["a","b","c"],` + class},
		{"array by name", formType, `thing:tags:item10=b&thing:tags:item2=c&thing:tags:item1=a`, `{"tags":["a","b","c"],` + class},
		{"array by empty brackets", formType, `thing[tags][]=a&thing[tags][]=b`, `{"tags":["a","b"],` + class},
		{"empty array", formType, `thing[tags][-]=`, `{"tags":[],` + class},
		{"empty array in json", jsonType, `{"thing":{"tags":{"-":""},"parts":[]}}`, `{"tags":[],"parts":[],` + class},
		{"empty map", jsonType, `{"thing":{"extra":{"-":""}}}`, `{"extra":[],` + class},
		{"map", formType, `thing[extra][k][label]=v`, `{"extra":{"k":{"label":"v","objectType":"KalturaPart"}},` + class},
		{"nested", formType, `thing:parts:item0:inner:label=x`, `{"parts":[{"inner":{"label":"x","objectType":"KalturaPart"},"objectType":"KalturaPart"}],` + class},
		{"multi-lingual text", jsonType, `{"thing":{"name":[{"language":"multi","value":"abc"}]}}`, `{"name":"abc",` + class},
		{"concrete class of an interface", jsonType, `{"thing":{"shape":{"objectType":"KalturaSquare","side":2}}}`, `{"shape":{"side":2,"objectType":"KalturaSquare"},` + class},
		{"invalid bytes are stripped", formType, `thing[name]=ab%FFc`, `{"name":"abc",` + class},
		{"empty object", jsonType, `{"thing":[]}`, `{"objectType":"KalturaThing"}`},
	} {
		if got := f.add(t, c.kind, c.body); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.body, got, c.want)
		}
	}
}

func TestBadValuesAreRefusedByName(t *testing.T) {
	f := start(t)
	for _, c := range []struct{ name, body, code, args string }{
		{"missing", `{}`, "MISSING_MANDATORY_PARAMETER", `{"PARAM_NAME":"thing"}`},
		{"null", `{"thing":null}`, "MISSING_MANDATORY_PARAMETER", `{"PARAM_NAME":"thing"}`},
		{"no object", `{"thing":"x"}`, "PROPERTY_VALIDATION_WRONG_FORMAT", `{"PROP_NAME":"thing","FORMAT":"array"}`},
		{"no array", `{"thing":{"tags":"x"}}`, "PROPERTY_VALIDATION_WRONG_FORMAT", `{"PROP_NAME":"tags","FORMAT":"array"}`},
		{"read-only", `{"thing":{"state":2}}`, "PROPERTY_VALIDATION_NOT_UPDATABLE", `{"PROP_NAME":"KalturaThing::state"}`},
		{"enum", `{"thing":{"kind":999}}`, "INVALID_ENUM_VALUE", `{"ENUM_VAL":"999","PARAM_NAME":"kind","ENUM_TYPE":"KalturaKind"}`},
		{"nullable boolean", `{"thing":{"heavy":7}}`, "INVALID_ENUM_VALUE", `{"ENUM_VAL":"7","PARAM_NAME":"heavy","ENUM_TYPE":"KalturaNullableBoolean"}`},
		{"too long", `{"thing":{"name":"ééééééééééééé"}}`, "PROPERTY_VALIDATION_MAX_LENGTH", `{"PROP_NAME":"KalturaThing::name","MAX_LEN":"12"}`},
		{"too short", `{"thing":{"name":"x"}}`, "PROPERTY_VALIDATION_MIN_LENGTH", `{"PROP_NAME":"KalturaThing::name","MIN_LEN":"2"}`},
		{"too much", `{"thing":{"weight":101}}`, "PROPERTY_VALIDATION_MAX_VALUE", `{"PROP_NAME":"KalturaThing::weight","MAX_VAL":"100"}`},
		{"control character", `{"thing":{"name":"a\u0001b"}}`, "INVALID_PARAMETER_CHAR", `{"XML_FIELD":"name"}`},
		{"abstract", `{"thing":{"shape":{"side":1}}}`, "OBJECT_TYPE_ABSTRACT", `{"OBJ_TYPE":"KalturaBaseShape"}`},
		{"abstract, unknown class", `{"thing":{"shape":{"objectType":"KalturaPart"}}}`, "OBJECT_TYPE_ABSTRACT", `{"OBJ_TYPE":"KalturaBaseShape"}`},
	} {
		got := f.add(t, jsonType, c.body)
		if !strings.HasPrefix(got, `{"code":"`+c.code+`",`) || !strings.HasSuffix(got, `"objectType":"KalturaAPIException","args":`+c.args+`}`) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func TestUpdateChangesOnlyWhatWasSent(t *testing.T) {
	f := start(t)
	const path = "/api_v3/service/box_thing/action/update?format=1&p=102&id=t1"
	_, got := f.post(t, path, formType, "thing[name__null]=&thing[weight]=2&thing[count]=3")
	for _, want := range []string{`"weight":2`, `"count":3`, `"kind":1`, `"id":"t1"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	if strings.Contains(got, `{"name"`) || strings.Contains(got, `,"name"`) {
		t.Errorf("name is not cleared: %s", got)
	}
	if _, got = f.post(t, path, formType, "thing[kind]=1"); !strings.Contains(got, `"PROP_NAME":"KalturaThing::kind"`) {
		t.Errorf("insert-only field on update: %s", got)
	}
}

func TestFiltersBecomeConditions(t *testing.T) {
	for _, c := range []struct {
		name, body string
		conds      []catalog.Cond
		order      []catalog.Order
		extra      map[string]string
		search     map[string]any
	}{
		{name: "nothing", body: `{"filter":{}}`},
		{name: "operators", body: `{"filter":{"idEqual":"a","idIn":" a, b,,","nameLike":"x","createdAtGreaterThanOrEqual":-3600,"stateEqual":"2","stateIn":"2,-1"}}`,
			conds: []catalog.Cond{
				{Field: "id", Op: catalog.OpEq, Values: []any{"a"}}, {Field: "id", Op: catalog.OpIn, Values: []any{"a", "b"}},
				{Field: "name", Op: catalog.OpLike, Values: []any{"x"}},
				{Field: "createdAt", Op: catalog.OpGTE, Values: []any{int64(testNow - 3600)}},
				{Field: "state", Op: catalog.OpEq, Values: []any{int64(2)}}, {Field: "state", Op: catalog.OpIn, Values: []any{int64(2), int64(-1)}},
			}},
		{name: "empty texts restrict nothing", body: `{"filter":{"idEqual":"","idIn":"","stateEqual":""}}`},
		{name: "a list of nothing matches nothing", body: `{"filter":{"idIn":" , "}}`, conds: []catalog.Cond{{Field: "id", Op: catalog.OpIn, Values: []any{}}}},
		{name: "fields of a subclass need its filter", body: `{"filter":{"kindEqual":"1"}}`},
		{name: "subclass", body: `{"filter":{"objectType":"KalturaThingFilter","kindEqual":1,"heavyEqual":true,"heavyEmpty":1,"fromGreaterThanOrEqualOrNull":5,"weightGreaterThanOrEqual":"1.5","tagsMatchOr":"a,b"}}`,
			conds: []catalog.Cond{
				{Field: "kind", Op: catalog.OpEq, Values: []any{"1"}}, {Field: "heavy", Op: catalog.OpEq, Values: []any{int64(1)}},
				{Field: "heavy", Op: catalog.OpEmpty, Values: []any{int64(1)}}, {Field: "from", Op: catalog.OpGTEOrNull, Values: []any{int64(testNow + 5)}},
				{Field: "weight", Op: catalog.OpGTE, Values: []any{1.5}}, {Field: "tags", Op: catalog.OpMatchOr, Values: []any{"a", "b"}},
			}},
		{name: "order", body: `{"filter":{"orderBy":"-createdAt,+name, name,nope,-id"}}`,
			order: []catalog.Order{{Field: "createdAt", Desc: true}, {Field: "name"}, {Field: "name"}}},
		{name: "extras", body: `{"filter":{"freeText":"hi","other":"x"}}`, extra: map[string]string{"freeText": "hi"}},
		{name: "search", body: `{"filter":{"advancedSearch":{"objectType":"KalturaSearchOperator","type":1,"items":[{"value":"x"}]}}}`,
			search: map[string]any{"objectType": "KalturaSearchOperator", "type": int64(1), "items": []any{map[string]any{"value": "x"}}}},
	} {
		f := start(t)
		if _, got := f.post(t, "/api_v3/service/box_thing/action/list?format=1&p=102", jsonType, c.body); !strings.Contains(got, "totalCount") {
			t.Errorf("%s: %s", c.name, got)
			continue
		}
		in := f.service.got[0].(*rpc.FilterOf[Base])
		for _, d := range []string{cmp.Diff(c.conds, in.Conds), cmp.Diff(c.order, in.Order), cmp.Diff(c.extra, in.Extra), cmp.Diff(c.search, in.Search)} {
			if d != "" {
				t.Errorf("%s: %s", c.name, d)
			}
		}
	}
}

func TestFilterFieldsListsWhatAFilterCanHold(t *testing.T) {
	r := rpc.NewRegistry()
	(&service{}).register(r)
	conds, orders, err := rpc.FilterFields[Base](r)
	if err != nil || len(conds) != 11 || !cmp.Equal(orders, []string{"createdAt", "name"}) {
		t.Errorf("conds %v, orders %v, %v", conds, orders, err)
	}
}

func TestPagesAreClamped(t *testing.T) {
	for _, c := range []struct{ size, index, offset, limit int }{{10, 3, 20, 10}, {501, 1, 0, 500}, {-1, 0, 0, 0}, {0, 2, 0, 0}} {
		p := &rpc.Pager{PageSize: &c.size, PageIndex: &c.index}
		if o, l := p.Page(); o != c.offset || l != c.limit {
			t.Errorf("%+v: %d, %d", c, o, l)
		}
	}
	if o, l := (*rpc.Pager)(nil).Page(); o != 0 || l != 30 {
		t.Errorf("nil: %d, %d", o, l)
	}
	huge := 1 << 62
	if o, _ := (&rpc.Pager{PageSize: new(500), PageIndex: &huge}).Page(); o < 0 {
		t.Errorf("offset overflows to %d", o)
	}
}
