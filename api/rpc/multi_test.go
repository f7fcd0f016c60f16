package rpc_test

import (
	"net/http"
	"strings"
	"testing"
)

const notFound = `{"code":"THING_NOT_FOUND","message":"Thing not found [nope]","objectType":"KalturaAPIException","args":{"ID":"nope"}}`

func TestMultirequest(t *testing.T) {
	f := start(t)
	get := func(id string) string { return strings.Replace(thingJSON, `"t9"`, `"`+id+`"`, 1) }
	for _, c := range []struct{ name, kind, body, want string }{
		{"zero-based", jsonType, `{"0":{"service":"box_thing","action":"get","id":"a"},"1":{"service":"system","action":"ping"}}`, "[" + get("a") + ",true]"},
		{"one-based", jsonType, `{"1":{"service":"box_thing","action":"get","id":"a"},"2":{"service":"system","action":"ping"}}`, "[" + get("a") + ",true]"},
		{"array", jsonType, `[{"service":"system","action":"word"},{"service":"system","action":"ping"}]`, `["w<&>",true]`},
		{"colons", formType, `1:service=box_thing&1:action=get&1:id=a&2:service=system&2:action=ping`, "[" + get("a") + ",true]"},
		{"brackets", formType, `1[service]=box_thing&1[action]=get&1[id]=a&2[service]=system&2[action]=ping`, "[" + get("a") + ",true]"},
		{"failure in between", jsonType, `{"0":{"service":"box_thing","action":"get","id":"nope"},"1":{"service":"system","action":"ping"}}`, "[" + notFound + ",true]"},
		{"gap", jsonType, `{"1":{"service":"system","action":"ping"},"3":{"service":"system","action":"ping"}}`, "[true]"},
		{"starts late", jsonType, `{"2":{"service":"system","action":"ping"}}`, "[]"},
		{"nothing", jsonType, `{}`, "[]"},
		{"placeholder, zero-based", jsonType, `{"0":{"service":"box_thing","action":"get","id":"a"},"1":{"service":"box_thing","action":"get","id":"{1:result:id}"}}`, "[" + get("a") + "," + get("a") + "]"},
		{"placeholder inside a text, twice", jsonType, `{"1":{"service":"box_thing","action":"get","id":"a"},"2":{"service":"box_thing","action":"get","id":"x{1:result:id}-{1:result:shape:side}."}}`, "[" + get("a") + "," + get("xa-3.") + "]"},
		{"array index and all", jsonType, `{"1":{"service":"box_thing","action":"list"},"2":{"service":"box_thing","action":"get","id":"{1:result:objects:1:id}/{1:result:objects:_all:id}/{1:result:totalCount}"}}`,
			`[{"objects":[{"id":"a","objectType":"KalturaThing"},{"id":"b","objectType":"KalturaThing"}],"totalCount":7,"objectType":"KalturaThingListResponse"},` + get("b/a,b/7") + "]"},
		{"scalar", jsonType, `{"1":{"service":"system","action":"ping"},"2":{"service":"box_thing","action":"get","id":"{1:result}"}}`, "[true," + get("1") + "]"},
		{"path to nowhere", jsonType, `{"1":{"service":"system","action":"ping"},"2":{"service":"box_thing","action":"get","id":"{1:result:a:b}x"}}`, "[true," + get("x") + "]"},
		{"failed call", jsonType, `{"1":{"service":"box_thing","action":"get","id":"nope"},"2":{"service":"box_thing","action":"get","id":"{1:result:id}x"}}`, "[" + notFound + "," + get("x") + "]"},
		{"a later call stays literal", jsonType, `{"1":{"service":"box_thing","action":"get","id":"{2:result:id}"},"2":{"service":"system","action":"ping"}}`, "[" + get("{2:result:id}") + ",true]"},
		{"own session by placeholder", jsonType, `{"1":{"service":"box_thing","action":"get","id":"user"},"2":{"service":"box_thing","action":"look","ks":"{1:result:id}"}}`, "[" + get("user") + `,"joe"]`},
		{"shared session by placeholder", jsonType, `{"1":{"service":"system","action":"ping"},"2":{"service":"box_thing","action":"get","id":"user","ks":"admin"},"3":{"service":"box_thing","action":"look"},"ks":"{2:result:id}"}`, "[true," + get("user") + `,"joe"]`},
		{"format inside is ignored", jsonType, `{"1":{"service":"system","action":"ping","format":2}}`, "[true]"},
		{"abort on error does not exist", jsonType, `{"1":{"service":"box_thing","action":"get","id":"nope"},"2":{"service":"system","action":"ping"},"abortOnError":true}`, "[" + notFound + ",true]"},
		{"file", jsonType, `{"1":{"service":"system","action":"ping"},"2":{"service":"box_thing","action":"serve","id":"a"},"3":{"service":"system","action":"panic"}}`, "file of a"},
		{"no object", jsonType, `{"1":"x"}`, `{"code":"INTERNAL_SERVERL_ERROR","message":"An internal error happened","objectType":"KalturaAPIException","args":[]}`},
	} {
		res, got := f.post(t, "/api_v3/service/multirequest?format=1&partnerId=102", c.kind, c.body)
		if got != c.want || res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d\n got %s\nwant %s", c.name, res.StatusCode, got, c.want)
		}
	}
}

func TestMultirequestInXMLAndByQuery(t *testing.T) {
	f := start(t)
	_, got := f.do(t, "GET", "/api_v3/?service=multirequest&1:service=system&1:action=ping&2:service=box_thing&2:action=get&2:id=nope&2:p=102", "", "")
	want := `<?xml version="1.0" encoding="utf-8"?><xml><result><item>1</item><item><error><code>THING_NOT_FOUND</code><message>Thing not found [nope]</message><objectType>KalturaAPIException</objectType><args><item><objectType>KalturaApiExceptionArg</objectType><name>ID</name><value>nope</value></item></args></error></item></result><executionTime/></xml>`
	if got = executionTime.ReplaceAllString(got, "<executionTime/>"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestFilesReachTheCallTheyAreNamedFor(t *testing.T) {
	f := start(t)
	body := "--B\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n" +
		`{"0":{"service":"system","action":"ping"},"1":{"service":"box_thing","action":"upload","id":"a"},"format":1,"partnerId":102}` +
		"\r\n--B\r\nContent-Disposition: form-data; name=\"1:fileData\"; filename=\"../chunk\"\r\nContent-Type: application/octet-stream\r\n\r\nhello\r\n--B--"
	if _, got := f.post(t, "/api_v3/service/multirequest", "multipart/form-data; boundary=B", body); got != `[true,"a:chunk:hello"]` {
		t.Errorf("got %s", got)
	}
}

func TestMultirequestIsBounded(t *testing.T) {
	f := start(t)
	body := "[" + strings.Repeat(`{"service":"system","action":"ping"},`, 200) + `{"service":"system","action":"ping"}]`
	if _, got := f.post(t, "/api_v3/service/multirequest?format=1", jsonType, body); !strings.Contains(got, "INVALID_PARAMETER_VALUE") {
		t.Errorf("201 calls: %s", got)
	}
	// Each call doubles the text of the one before.
	body = `{"1":{"service":"box_thing","action":"get","id":"` + strings.Repeat("x", 1<<20) + `"}`
	for i := 2; i < 14; i++ {
		ref := "{" + string(rune('0'+(i-1)%10)) + ":result:id}"
		if i > 10 {
			ref = "{1" + string(rune('0'+(i-1)%10)) + ":result:id}"
		}
		body += `,"` + strings.TrimLeft(string([]rune{rune('0' + i/10), rune('0' + i%10)}), "0") + `":{"service":"box_thing","action":"get","id":"` + ref + ref + `"}`
	}
	res, got := f.post(t, "/api_v3/service/multirequest?format=1&partnerId=102", jsonType, body+"}")
	if res.StatusCode != 200 || !strings.Contains(got, "INVALID_PARAMETER_VALUE") || len(got) > 32<<20 {
		t.Errorf("status %d, %d bytes: %.600s", res.StatusCode, len(got), got)
	}
}
