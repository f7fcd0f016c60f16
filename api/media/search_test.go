package media_test

import (
	"testing"

	"sluice/catalog"
)

func TestEntriesAreFoundByTheirMetadata(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		profile, err := f.db.AddMetadataProfile(t.Context(), 101, catalog.MetadataProfile{Name: "Films", ObjectType: catalog.MetadataOfEntries, XSD: "<x/>"})
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range map[string]string{
			"drama":  "<m:metadata xmlns:m='urn:m'><m:Genre>Drama &amp; War</m:Genre><Cast><Name>Ann</Name><Name>Bob</Name></Cast><Year>1999</Year></m:metadata>",
			"comedy": "<metadata><Genre>Comedy</Genre><Cast><Name>Bob</Name></Cast><Year>2010</Year></metadata>",
			"gone":   "<metadata><Genre>Comedy</Genre></metadata>",
			"none":   "",
		} {
			id := f.ready(admin, obj{"name": name})
			if values == "" {
				continue
			}
			m, err := f.db.AddMetadata(t.Context(), 101, catalog.Metadata{Profile: profile.ID, ObjectType: catalog.MetadataOfEntries, Object: id, XML: values})
			if err != nil {
				t.Fatal(err)
			}
			if name == "gone" {
				if err := f.db.DeleteMetadata(t.Context(), 101, m.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		local := func(names ...string) (path string) {
			for _, n := range names {
				path += "/*[local-name()='" + n + "']"
			}
			return path
		}
		genre, year, cast := local("metadata", "Genre"), local("metadata", "Year"), local("metadata", "Cast", "Name")
		search := func(kind int, items ...any) obj {
			return obj{"objectType": "KalturaMetadataSearchItem", "metadataProfileId": profile.ID, "type": kind, "items": items}
		}
		is := func(field, value string) obj {
			return obj{"objectType": "KalturaSearchCondition", "field": field, "value": value}
		}
		number := func(field, value string, comparison int) obj {
			return obj{"objectType": "KalturaSearchComparableCondition", "field": field, "value": value, "comparison": comparison}
		}
		for name, tt := range map[string]struct {
			search obj
			want   string
		}{
			"value":              {search(1, is(genre, "drama & war")), "drama"},
			"plain path":         {search(1, is("/metadata/Genre", "Comedy")), "comedy"},
			"part of a value":    {search(1, is(genre, "drama")), ""},
			"beginning":          {search(1, is(genre, "dra*")), "drama"},
			"one of several":     {search(1, is(cast, "bob")), "comedy drama"},
			"all":                {search(1, is(cast, "bob"), is(cast, "ann")), "drama"},
			"any":                {search(2, is(genre, "comedy"), is(cast, "ann")), "comedy drama"},
			"greater":            {search(1, number(year, "1999", 2)), "comedy"},
			"at least":           {search(1, number(year, "1999", 3)), "comedy drama"},
			"less":               {search(1, number(year, "2010", 4)), "drama"},
			"no number":          {search(1, number(year, "x", 4)), ""},
			"not":                {search(1, obj{"objectType": "KalturaSearchMatchCondition", "field": genre, "value": "comedy", "not": true}), "drama gone none"},
			"unequal":            {search(1, number(year, "1999", 6)), "comedy gone none"},
			"within an operator": {obj{"objectType": "KalturaSearchOperator", "type": 2, "items": obj{"item0": search(1, is(genre, "comedy")), "item1": search(1, is(cast, "ann"))}}, "comedy drama"},
			"of another profile": {obj{"objectType": "KalturaMetadataSearchItem", "metadataProfileId": profile.ID + 1, "items": []any{is(genre, "comedy")}}, ""},
			"nothing":            {search(1), "comedy drama gone none"},
		} {
			if got := f.names(admin, "media.list", obj{"filter": obj{"orderBy": "+name", "advancedSearch": tt.search}}); got != tt.want {
				f.Errorf("%s: %q, want %q", name, got, tt.want)
			}
		}
		for name, tt := range map[string]struct {
			search obj
			want   string
		}{
			"path":       {search(1, is("//Genre", "x")), `INVALID_PARAMETER_VALUE{"PARAM_NAME":"advancedSearch:field"}`},
			"comparison": {search(1, number(year, "1", 9)), `INVALID_ENUM_VALUE{"ENUM_TYPE":"KalturaSearchConditionComparison","ENUM_VAL":"9","PARAM_NAME":"comparison"}`},
		} {
			if got := f.fails(admin, "media.list", obj{"filter": obj{"advancedSearch": tt.search}}); got != tt.want {
				f.Errorf("%s: %s, want %s", name, got, tt.want)
			}
		}
	})
}
