package rpc_test

import (
	"regexp"
	"testing"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

var executionTime = regexp.MustCompile(`<executionTime>[0-9.]+</executionTime>`)

const thingJSON = `{"id":"t9","name":"a \"b\" <c> & é","createdAt":1700000000,"state":2,"kind":1,"format":"1","weight":1.5,"size":"1099511627776","heavy":true,"on":false,"tags":["x","y"],"parts":[{"label":"p","inner":{"objectType":"KalturaPart"},"objectType":"KalturaPart"}],"extra":{"k":{"label":"v","objectType":"KalturaPart"}},"shape":{"side":3,"objectType":"KalturaSquare"},"objectType":"KalturaThing"}`

const thingXML = `<objectType>KalturaThing</objectType><id>t9</id><name>a &quot;b&quot; &lt;c&gt; &amp; é</name><createdAt>1700000000</createdAt><state>2</state><kind>1</kind><format>1</format><weight>1.5</weight><size>1099511627776</size><heavy>1</heavy><on>0</on><from></from><count></count><tags><item>x</item><item>y</item></tags><parts><item><objectType>KalturaPart</objectType><label>p</label><inner><objectType>KalturaPart</objectType><label></label><inner></inner></inner></item></parts><extra><item><itemKey>k</itemKey><objectType>KalturaPart</objectType><label>v</label><inner></inner></item></extra><shape><objectType>KalturaSquare</objectType><side>3</side></shape>`

func TestEveryShapeOfRequestReachesTheAction(t *testing.T) {
	f := start(t)
	multipart := "\r\n--B\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n" + `{"id":"t9","format":1,"partnerId":102}` + "\r\n--B\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\nignored\r\n--B--"
	for _, c := range []struct{ name, method, path, kind, body string }{
		{"json", "POST", "/api_v3/service/box_thing/action/get", jsonType, `{"id":"t9","format":1,"partnerId":102,"junk":{"a":[1]}}`},
		{"json, charset", "POST", "/api_v3/service/box_thing/action/get", jsonType + "; charset=utf-8", ` {"id":"t9","format":"1","p":"102"} `},
		{"index.php", "POST", "/api_v3/index.php/service/box_thing/action/get", jsonType, `{"id":"t9","format":1,"partnerId":102}`},
		{"query", "GET", "/api_v3/index.php?service=box_thing&action=get&id=t9&format=1&partnerId=102", "", ""},
		{"short alias", "GET", "/api/service/box_thing/action/get?id=t9&format=1&p=102", "", ""},
		{"path pairs", "GET", "/api_v3/service/box_thing/action/get/id/t9/format/1/p/102", "", ""},
		{"path pairs escaped", "GET", "/api_v3/service/box_thing/action/get/id/t%39/format/1/p/102", "", ""},
		{"double slash", "POST", "//api_v3//service/box_thing/action/get", jsonType, `{"id":"t9","format":1,"partnerId":102}`},
		{"upper case", "GET", "/api_v3/service/BOX_Thing/action/GET/id/t9/format/1/p/102", "", ""},
		{"other method", "PUT", "/api_v3/service/box_thing/action/get", formType, "id=t9&format=1&p=102"},
		{"form", "POST", "/api_v3/service/box_thing/action/get", formType, "id=t9&format=1&p=102"},
		{"form without a type", "POST", "/api_v3/service/box_thing/action/get", "", "id=t9&format=1&p=102"},
		{"form of text", "POST", "/api_v3/service/box_thing/action/get", "text/plain", "id=t9&format=1&p=102"},
		{"multipart json", "POST", "/api_v3/service/box_thing/action/get", "multipart/form-data; boundary=B", multipart},
		{"path over query over body", "POST", "/api_v3/service/box_thing/action/get/id/t9?id=q&format=1", jsonType, `{"id":"b","format":2,"p":102}`},
		{"query over body", "POST", "/api_v3/service/box_thing/action/get?id=t9", jsonType, `{"id":"b","format":1,"p":102}`},
		{"first of a path, last of a query", "GET", "/api_v3/service/box_thing/action/get/p/102/p/5?id=x&id=t9&format=1", "", ""},
	} {
		res, got := f.do(t, c.method, c.path, c.kind, c.body)
		if got != thingJSON || res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s\n%s", c.name, res.StatusCode, res.Header, got)
		}
	}
}

func TestAnswersInEveryFormat(t *testing.T) {
	f := start(t)
	const get = "/api_v3/service/box_thing/action/get/id/t9/p/102"
	for _, c := range []struct{ path, kind, want string }{
		{get + "/format/1", "application/json", thingJSON},
		{get, "text/xml", `<?xml version="1.0" encoding="utf-8"?><xml><result>` + thingXML + `</result><executionTime/></xml>`},
		{get + "?format=9&callback=a.b_1", "application/javascript", "a.b_1(" + thingJSON + ");"},
		{get + "?format=9&callback=a(b", "application/javascript", ""},
		{get + "?format=77", "", ""},
		{"/api_v3/?service=system&action=ping", "text/xml", `<?xml version="1.0" encoding="utf-8"?><xml><result>1</result><executionTime/></xml>`},
		{"/api_v3/?service=system&action=ping&format=1", "application/json", "true"},
		{"/api_v3/?service=system&action=word&format=1", "application/json", `"w<&>"`},
		{"/api_v3/?service=system&action=word", "text/xml", `<?xml version="1.0" encoding="utf-8"?><xml><result>w&lt;&amp;&gt;</result><executionTime/></xml>`},
		{"/api_v3/?service=box_thing&action=delete&id=1&ks=user&format=1", "application/json", "null"},
		{"/api_v3/?service=box_thing&action=delete&id=1&ks=user", "text/xml", `<?xml version="1.0" encoding="utf-8"?><xml><result></result><executionTime/></xml>`},
		{"/api_v3/?service=box_thing&action=list&p=102&format=1", "application/json", `{"objects":[{"id":"a","objectType":"KalturaThing"},{"id":"b","objectType":"KalturaThing"}],"totalCount":7,"objectType":"KalturaThingListResponse"}`},
		{"/api_v3/?service=box_thing&action=list&p=102&ignoreNull=1", "text/xml", `<?xml version="1.0" encoding="utf-8"?><xml><result><objectType>KalturaThingListResponse</objectType><objects><item><objectType>KalturaThing</objectType><id>a</id></item><item><objectType>KalturaThing</objectType><id>b</id></item></objects><totalCount>7</totalCount></result><executionTime/></xml>`},
	} {
		res, got := f.do(t, "GET", c.path, "", "")
		got = executionTime.ReplaceAllString(got, "<executionTime/>")
		if got != c.want || res.StatusCode != 200 || res.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s: %d %q\n got %s\nwant %s", c.path, res.StatusCode, res.Header.Get("Content-Type"), got, c.want)
		}
	}
}
