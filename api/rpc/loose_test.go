package rpc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/api/rpc"
)

func TestFiltersOfProfilesAreShownAsTheyWereSent(t *testing.T) {
	sent := `{"name":"p","filter":{"idEqual":"<1>","list":[{"x":1.5,"objectType":"KalturaX"},true],"none":null,"not an element":1,"objectType":"KalturaFooFilter"}}`
	for _, c := range []struct{ name, json, xml string }{
		{sent, `{"name":"p","filter":{"idEqual":"<1>","list":[{"x":1.5,"objectType":"KalturaX"},true],"not an element":1,"objectType":"KalturaFooFilter"},"objectType":"KalturaDetachedResponseProfile"}`,
			`<objectType>KalturaDetachedResponseProfile</objectType><name>p</name><filter><objectType>KalturaFooFilter</objectType><idEqual>&lt;1&gt;</idEqual>` +
				`<list><item><objectType>KalturaX</objectType><x>1.5</x></item><item>1</item></list></filter>`},
		{`{"filter":{}}`, `{"filter":{},"objectType":"KalturaDetachedResponseProfile"}`, `<objectType>KalturaDetachedResponseProfile</objectType><filter></filter>`},
	} {
		reg := rpc.NewRegistry()
		var p rpc.DetachedResponseProfile
		if err := reg.Unmarshal([]byte(c.name), &p); err != nil {
			t.Fatal(err)
		}
		got, err := reg.Marshal(&p)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.json, string(got)); d != "" {
			t.Errorf("JSON: %s", d)
		}
		if got, err = reg.XML(&p, true); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.xml, string(got)); d != "" {
			t.Errorf("XML: %s", d)
		}
	}
}
