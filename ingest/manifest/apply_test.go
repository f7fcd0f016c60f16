package manifest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/ingest/manifest"
)

func TestAnItemBecomesAnEntryWithEverythingThatItSays(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		r.file("s1/film.mp4", "not really a film")
		r.file("s1/film.de.srt", "1\n00:00:01,000 --> 00:00:02,000\nHallo\n")
		r.file("s1/notes.txt", "notes")
		j, rows := r.run(manifest.XML, `<mrss version="1.0"><channel><item>
			<action>add</action><type>1</type><licenseType>3</licenseType><referenceId>ep-1</referenceId><userId>ann</userId>
			<entitledUsersEdit><user>bob</user></entitledUsersEdit><name>Episode 1</name><description>About</description>
			<tags><tag>a</tag><tag>b</tag></tags><categories><category>Shows&gt;News</category><category>New</category></categories>
			<partnerData>pd</partnerData><partnerSortData>5</partnerSortData><startDate>2026-01-02T03:04:05Z</startDate><endDate>2027-01-01T00:00:00+01:00</endDate>
			<media><mediaType>1</mediaType></media>
			<contentAssets><content><dropFolderFileContentResource filePath="s1/film.mp4"><fileSize>17</fileSize></dropFolderFileContentResource></content></contentAssets>
			<subTitles><subTitle lang="de" isDefault="true" label="Deutsch"><dropFolderFileContentResource filePath="s1/film.de.srt"/></subTitle></subTitles>
			<attachments><attachment format="1"><filename>notes.txt</filename><title>Notes</title><dropFolderFileContentResource filePath="s1/notes.txt"/></attachment></attachments>
			<scenes><scene-code-cue-point systemName="ad1"><sceneStartTime>00:01:30.500</sceneStartTime><tags><tag>x</tag></tags><code>AD</code></scene-code-cue-point></scenes>
			<distributions><distribution><distributionProfileId>4</distributionProfileId></distribution></distributions>
		</item></channel></mrss>`)
		if j.Status != catalog.BulkFinished || len(rows) != 1 || rows[0].Status != catalog.BulkItemOK {
			t.Fatalf("job %+v\nresults %+v", j, rows)
		}
		e := r.entry(rows[0].ObjectID)
		got := map[string]any{
			"name": e.Name, "description": e.Description, "reference": e.ReferenceID, "owner": e.Owner, "editors": e.Editors, "tags": e.Tags,
			"categories": e.Categories, "partnerData": e.Details.PartnerData, "sort": e.SortValue, "start": e.StartAt.Unix(), "end": e.EndAt.Unix(),
			"license": *e.Details.License, "media": e.MediaType, "status": e.Status,
		}
		want := map[string]any{
			"name": "Episode 1", "description": "About", "reference": "ep-1", "owner": "ann", "editors": []string{"bob"}, "tags": []string{"a", "b"},
			"categories": []string{"Shows>News", "New"}, "partnerData": "pd", "sort": int64(5), "start": int64(1767323045), "end": int64(1798758000),
			"license": 3, "media": catalog.MediaVideo, "status": catalog.EntryPreconvert,
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		ctx := t.Context()
		assets, err := r.db.Assets(ctx, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, a := range assets {
			kinds = append(kinds, string(a.Type)+" "+a.Language+" "+a.Title)
		}
		if d := cmp.Diff([]string{"flavor  ", "caption de Deutsch", "attachment  Notes"}, kinds); d != "" {
			t.Error(d)
		}
		cues, _, err := r.db.ListCuePoints(ctx, account, catalog.Query{Limit: 10})
		if err != nil || len(cues) != 1 || cues[0].StartMS != 90500 || cues[0].SystemName != "ad1" || string(cues[0].More) != `{"code":"AD"}` {
			t.Errorf("cue points %+v, %v", cues, err)
		}
		if body, err := r.db.EntryExtension(ctx, account, e.ID, catalog.ExtensionDistributions); err != nil || body == "" {
			t.Errorf("distributions %q, %v", body, err)
		}
		if _, err := r.db.CategoryByName(ctx, account, "shows"); err != nil {
			t.Error(err)
		}
	})
}
