package manifest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/fetch"
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

// xmlOf is a document of items.
func xmlOf(items ...string) string {
	doc := "<mrss><channel>"
	for _, it := range items {
		doc += "\n<item>" + it + "</item>"
	}
	return doc + "\n</channel></mrss>"
}

// codes are the results of a job: ok, or the code of the error with its line.
func codes(rows []catalog.BulkResult) []string {
	var out []string
	for _, r := range rows {
		if r.Status == catalog.BulkItemOK {
			out = append(out, "ok")
		} else {
			out = append(out, fmt.Sprintf("%s in line %d", r.ErrorCode, r.FileLine))
		}
	}
	return out
}

var badOf = flag.Int("items", 50, "how many items TestOneBadItemDoesNotKeepTheOthers has")

func TestOneBadItemDoesNotKeepTheOthers(t *testing.T) {
	n := *badOf
	middle := n/2 - 1
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf("<type>1</type><name>Item %d</name>", i+1))
	}
	items[middle] = "<type>1</type><name>bad</name><conversionProfile>unheard</conversionProfile>"
	r := newRig(t)
	j, rows := r.run(manifest.XML, xmlOf(items...))
	if j.Status != catalog.BulkFinishedPartially || j.Done != int64(n) || j.Failed != 1 || len(rows) != n {
		t.Fatalf("job %+v, %d results", j, len(rows))
	}
	for i, row := range rows {
		if bad := i == middle; (row.Status == catalog.BulkItemError) != bad || bad && (row.ErrorNumber != 79 || row.FileLine != int64(middle+2) ||
			row.ErrorText != fmt.Sprintf(`line %d:37: there is no conversion profile "unheard"`, middle+2)) {
			t.Errorf("item %d: %+v", i+1, row)
		}
	}
	j, rows = r.run(manifest.XML, xmlOf(items...), strict)
	if j.Status != catalog.BulkFailed || j.ErrorNumber != 72 || len(rows) != 1 || rows[0].Line != int64(middle+1) {
		t.Errorf("strict: job %+v, results %+v", j, rows)
	}
	if _, made, err := r.db.QueryEntries(t.Context(), account, catalog.Query{}); err != nil || made != n-1 {
		t.Errorf("%d entries, %v", made, err)
	}
}

func TestADryRunTellsEverythingAndChangesNothing(t *testing.T) {
	r := newRig(t)
	r.file("there.mp4", "x")
	j, rows := r.run(manifest.XML, xmlOf(
		"<type>1</type><referenceId>series</referenceId><name>ok</name><categories><category>New</category></categories>",
		"<type>1</type><parentReferenceId>series</parentReferenceId><name>child</name>",
		`<type>1</type><accessControl>none</accessControl><contentAssets><content><dropFolderFileContentResource filePath="gone.mp4"/></content></contentAssets>`,
		`<type>1</type><contentAssets><content><dropFolderFileContentResource filePath="there.mp4"><fileSize>2</fileSize></dropFolderFileContentResource></content></contentAssets>`,
		`<type>1</type><contentAssets><content><dropFolderFileContentResource filePath="../etc/passwd"/></content></contentAssets>`,
		`<type>1</type><contentAssets><content><serverFileContentResource filePath="/etc/passwd"/></content></contentAssets>`,
		`<type>1</type><contentAssets><content><urlContentResource url="gopher://h/x"/></content></contentAssets>`,
		`<type>1</type><contentAssets><content><dropFolderFileContentResource filePath="there.mp4"><fileChecksum>00</fileChecksum></dropFolderFileContentResource></content></contentAssets>`,
		"<entryId>0_zzzzzzzz</entryId>",
	), dryRun)
	want := []string{"ok", "ok", "BULK_ITEM_VALIDATION_FAILED in line 4", "OUTPUT_FILE_WRONG_SIZE in line 5", "NFS_FILE_DOESNT_EXIST in line 6",
		"NFS_FILE_DOESNT_EXIST in line 7", "BULK_ITEM_VALIDATION_FAILED in line 8", "FILE_CHECKSUM_MISMATCH in line 9", "BULK_ITEM_NOT_FOUND in line 10"}
	if d := cmp.Diff(want, codes(rows)); d != "" || j.Failed != 7 {
		t.Errorf("%+v: %s", j, d)
	}
	if text := rows[2].ErrorText; strings.Count(text, "\n") != 1 {
		t.Errorf("not everything is told: %q", text)
	}
	_, entries, err := r.db.QueryEntries(t.Context(), account, catalog.Query{})
	if _, cats, cerr := r.db.Categories(t.Context(), account, catalog.Query{}); entries != 0 || cats != 0 || err != nil || cerr != nil {
		t.Errorf("%d entries, %d categories, %v, %v", entries, cats, err, cerr)
	}
}

func TestRehearsalsAskWhetherURLsAreThere(t *testing.T) {
	r := newRig(t)
	var asked []string
	r.jobs.Reach = func(_ context.Context, req fetch.Request) error {
		asked = append(asked, req.URL)
		if strings.Contains(req.URL, "gone") {
			return &fetch.Error{Code: fetch.NotFound, URL: fetch.Redact(req.URL)}
		}
		return nil
	}
	item := func(url string) string {
		return `<type>1</type><name>n</name><contentAssets><content><urlContentResource url="` + url + `"/></content></contentAssets>`
	}
	there, gone := "https://media.example.com/there.mp4?key=secret", "https://media.example.com/gone.mp4?key=secret"
	text := xmlOf(item(there), item(gone))
	j, rows := r.run(manifest.XML, text, dryRun)
	if d := cmp.Diff([]string{"ok", "REMOTE_FILE_NOT_FOUND in line 3"}, codes(rows)); d != "" || j.Failed != 1 {
		t.Errorf("dry run: %+v: %s", j, d)
	}
	if strings.Contains(rows[1].ErrorText, "secret") {
		t.Errorf("the result tells the URL's secret: %s", rows[1].ErrorText)
	}
	if j, _ = r.run(manifest.XML, text, strict); j.Status == catalog.BulkFinished || j.Failed != 1 {
		t.Errorf("strict: %+v", j)
	}
	if _, n, err := r.db.QueryEntries(t.Context(), account, catalog.Query{}); n != 0 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
	if d := cmp.Diff([]string{there, gone, there, gone}, asked); d != "" {
		t.Error(d)
	}
	if j, _ = r.run(manifest.XML, text); len(asked) != 4 {
		t.Errorf("an ordinary job asked as well: %v, %+v", asked[4:], j)
	}
}

func TestItemsFindTheirEntryByReferenceID(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		_, rows := r.run(manifest.XML, xmlOf(
			"<action>add</action><type>1</type><referenceId>one</referenceId><name>1</name><tags><tag>a</tag></tags><categories><category>A&gt;B</category></categories>",
			"<action>add</action><type>1</type><referenceId>two</referenceId><name>2</name>",
			"<action>add</action><type>1</type><referenceId>two</referenceId><name>2 again</name>",
		))
		first := rows[0].ObjectID
		_, rows = r.run(manifest.XML, xmlOf(
			"<referenceId>one</referenceId><description>new</description><tags/>",
			"<referenceId>two</referenceId><name>which?</name>",
			"<referenceId>three</referenceId><name>3</name>",
			"<action>update</action><referenceId>four</referenceId><name>4</name>",
			"<action>delete</action><referenceId>three</referenceId>",
			"<entryId>"+first+"</entryId><parentReferenceId>one</parentReferenceId>",
		))
		want := []string{"ok", "AMBIGUOUS_REFERENCE_ID in line 3", "ok", "BULK_ITEM_NOT_FOUND in line 5", "ok", "BULK_ITEM_VALIDATION_FAILED in line 7"}
		if d := cmp.Diff(want, codes(rows)); d != "" {
			t.Error(d)
		}
		e := r.entry(first)
		if rows[0].ObjectID != first || e.Name != "1" || e.Description != "new" || len(e.Tags) != 0 || len(e.Categories) != 1 {
			t.Errorf("%+v", e)
		}
		if !strings.Contains(rows[1].ErrorText, "0_") || rows[2].Action != catalog.BulkAdd || rows[4].ObjectID != rows[2].ObjectID {
			t.Errorf("%+v", rows)
		}
		if e := r.entry(rows[4].ObjectID); e.Status != catalog.EntryDeleted {
			t.Errorf("status %d", e.Status)
		}
	})
}

func TestAUsersDocumentTouchesThatUsersEntriesOnly(t *testing.T) {
	r := newRig(t)
	_, rows := r.run(manifest.CSV, "*title,ownerId,referenceId\nhers,ann,a\nhis,bob,b\n")
	if d := cmp.Diff([]string{"ok", "ok"}, codes(rows)); d != "" {
		t.Fatal(d)
	}
	_, rows = r.run(manifest.CSV, "*title,ownerId,referenceId\nmine,,c\nother,bob,d\nnew name,,a\nstolen,,b\n", ofUser)
	want := []string{"ok", "SERVICE_FORBIDDEN in line 3", "ok", "SERVICE_FORBIDDEN in line 5"}
	if d := cmp.Diff(want, codes(rows)); d != "" {
		t.Error(d)
	}
	if e := r.entry(rows[0].ObjectID); e.Owner != "ann" {
		t.Errorf("owner %q", e.Owner)
	}
}

func TestIdempotencyKeysNeverMakeTwoEntries(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		_, rows := r.run(manifest.JSON, `{"name":"a","idempotencyKey":"k"}
			{"name":"b","idempotencyKey":"k"}
			{"name":"c","idempotencyKey":"k","onDuplicate":"update"}
			{"name":"d","idempotencyKey":"k","onDuplicate":"error"}`)
		if d := cmp.Diff([]string{"ok", "ok", "ok", "DUPLICATE_IDEMPOTENCY_KEY in line 4"}, codes(rows)); d != "" {
			t.Fatal(d)
		}
		if rows[1].ObjectID != rows[0].ObjectID || rows[2].ObjectID != rows[0].ObjectID || r.entry(rows[0].ObjectID).Name != "c" {
			t.Errorf("%+v", rows)
		}
	})
}

func TestItemsMayHavePriority(t *testing.T) {
	r := newRig(t)
	r.file("a.mp4", "a film")
	_, rows := r.run(manifest.JSON, `{"name":"a","priority":-2,"media":{"mediaType":1},"content":[{"dropFolderFile":"a.mp4"}]}
		{"name":"b","priority":11}`)
	if d := cmp.Diff([]string{"ok", "BULK_ITEM_VALIDATION_FAILED in line 2"}, codes(rows)); d != "" {
		t.Fatal(d)
	}
	tasks, err := r.db.Tasks(t.Context(), catalog.EntryID(rows[0].ObjectID))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	for _, task := range tasks {
		if task.Priority >= 0 {
			t.Errorf("%s has the priority %d", task.Stage, task.Priority)
		}
	}
}

func TestOneDeliveryIsOneJob(t *testing.T) {
	r := newRig(t)
	a, b := r.add(manifest.CSV, "*title\nx\n", with("d1")), r.add(manifest.CSV, "*title\nx\n", with("d1"))
	if a.ID != b.ID {
		t.Errorf("jobs %d and %d", a.ID, b.ID)
	}
	for _, doc := range []string{"", "<html/>", "<!DOCTYPE mrss><mrss/>"} {
		_, err := r.jobs.Add(t.Context(), account, manifest.Add{Format: manifest.XML, Document: strings.NewReader(doc)})
		if !errors.Is(err, manifest.ErrDocument) {
			t.Errorf("%q: %v", doc, err)
		}
	}
}

func TestABrokenDocumentAppliesNothing(t *testing.T) {
	r := newRig(t)
	j, rows := r.run(manifest.XML, "<mrss><channel>\n<item><type>1</type><name>a</name></item>\n<item></channel></mrss>")
	if j.Status != catalog.BulkFailed || j.ErrorNumber != 73 || !strings.HasPrefix(j.ErrorText, "MALFORMED_XML_FILE: line 3:17: ") || len(rows) != 0 {
		t.Errorf("%+v, %+v", j, rows)
	}
	if j, _ := r.run(manifest.XML, "<mrss><channel/></mrss>"); j.Status != catalog.BulkFailed || j.ErrorNumber != 76 {
		t.Errorf("%+v", j)
	}
}

func TestCustomMetadataMeetsItsSchema(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		p, err := r.db.AddMetadataProfile(t.Context(), account, catalog.MetadataProfile{
			ObjectType: catalog.MetadataOfEntries, Name: "Rights", SystemName: "rights",
			XSD: `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="metadata"><xs:complexType><xs:sequence>
				<xs:element name="Region"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="EU"/></xs:restriction></xs:simpleType></xs:element>
				</xs:sequence></xs:complexType></xs:element></xs:schema>`,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, rows := r.run(manifest.CSV, "*title,metadata::rights::Region\na,EU\nb,Mars\n")
		if d := cmp.Diff([]string{"ok", "BULK_ITEM_VALIDATION_FAILED in line 3"}, codes(rows)); d != "" {
			t.Fatal(d)
		}
		m, err := r.db.MetadataOf(t.Context(), account, p.ID, catalog.MetadataOfEntries, rows[0].ObjectID)
		if err != nil || m.XML != "<metadata><Region>EU</Region></metadata>" || m.ProfileVersion != 1 {
			t.Errorf("%+v, %v", m, err)
		}
	})
}

// TestAnInterruptedJobGoesOn stops the work at every item by ending the process's context, and lets it go on.
func TestAnInterruptedJobGoesOn(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		const n = 5
		var items []string
		for i := range n {
			r.file(fmt.Sprintf("%d.mp4", i), "film")
			r.file(fmt.Sprintf("%d.srt", i), "1\n00:00:01,000 --> 00:00:02,000\nx\n")
			items = append(items, fmt.Sprintf(`<action>add</action><type>1</type><referenceId>r%d</referenceId><name>%d</name>
				<contentAssets><content><dropFolderFileContentResource filePath="%d.mp4"/></content></contentAssets>
				<subTitles><subTitle lang="de"><dropFolderFileContentResource filePath="%d.srt"/></subTitle></subTitles>
				<scenes><scene-code-cue-point><sceneStartTime>00:00:01</sceneStartTime><code>x</code></scene-code-cue-point></scenes>`, i, i, i, i))
		}
		content := &stumbling{Content: r.jobs.Content}
		r.jobs.Content = content
		j := r.add(manifest.XML, xmlOf(items...))
		for j.Status == catalog.BulkPending || j.Status == catalog.BulkRetry || j.Status == catalog.BulkProcessing {
			ctx, cancel := context.WithCancel(t.Context())
			content.stumble = cancel
			id, watched := j.ID, make(chan struct{})
			go func() { // the last run ends with the job
				defer close(watched)
				for ctx.Err() == nil {
					if now, err := r.db.BulkJob(ctx, account, id); err == nil && now.Status.Ended() {
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
			now, err := r.db.BulkJob(t.Context(), account, j.ID)
			if err != nil {
				t.Fatal(err)
			}
			j = now
		}
		j, rows := r.wait(j)
		if j.Status != catalog.BulkFinished || len(rows) != n {
			t.Fatalf("%+v, %d results: %v", j, len(rows), codes(rows))
		}
		list, total, err := r.db.QueryEntries(t.Context(), account, catalog.Query{Limit: catalog.Everything})
		if err != nil || total != n {
			t.Fatalf("%d entries, %v", total, err)
		}
		for _, e := range list {
			assets, err := r.db.Assets(t.Context(), e.ID)
			if err != nil || len(assets) != 2 || assets[1].Revision != 1 {
				t.Errorf("entry %s: %d assets, %v", e.ReferenceID, len(assets), err)
			}
		}
		if _, cues, err := r.db.ListCuePoints(t.Context(), account, catalog.Query{}); err != nil || cues != n {
			t.Errorf("%d cue points, %v", cues, err)
		}
		if content.interrupted < n {
			t.Errorf("only %d interruptions", content.interrupted)
		}
	})
}

// stumbling is content whose every other call comes to nothing because the process ends, and whose others end it right after.
type stumbling struct {
	manifest.Content
	stumble     func()
	calls       int
	interrupted int
}

func (s *stumbling) trip(ctx context.Context, do func() error) error {
	if s.stumble == nil {
		return do()
	}
	s.calls++
	s.interrupted++
	if s.calls%2 == 0 {
		s.stumble()
		return ctx.Err()
	}
	err := do()
	s.stumble()
	return err
}

func (s *stumbling) SetEntry(ctx context.Context, a catalog.AccountID, e catalog.EntryID, p []content.Part, o content.Options) error {
	return s.trip(ctx, func() error { return s.Content.SetEntry(ctx, a, e, p, o) })
}

func (s *stumbling) SetAsset(ctx context.Context, a catalog.AccountID, id catalog.AssetID, src content.Source) error {
	return s.trip(ctx, func() error { return s.Content.SetAsset(ctx, a, id, src) })
}

func TestAnAbortedJobStopsAndKeepsWhatItDid(t *testing.T) {
	r := newRig(t)
	var items []string
	for i := range 400 {
		items = append(items, fmt.Sprintf("<type>1</type><name>%d</name>", i))
	}
	j := r.add(manifest.XML, xmlOf(items...))
	stop := r.start()
	for j.Done == 0 {
		var err error
		if j, err = r.db.BulkJob(t.Context(), account, j.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.db.AbortBulkJob(t.Context(), account, j.ID); err != nil && !errors.Is(err, catalog.ErrConflict) {
		t.Fatal(err)
	}
	stop()
	j, rows := r.wait(j)
	_, n, err := r.db.QueryEntries(t.Context(), account, catalog.Query{})
	if err != nil || n == 0 || n != int(j.Done) || n != len(rows) || j.Status == catalog.BulkAborted && n == 400 {
		t.Errorf("status %d, %d entries, %d done, %d results, %v", j.Status, n, j.Done, len(rows), err)
	}
	events, err := r.db.Events(t.Context(), 0, 10_000)
	ended := 0
	for _, e := range events {
		if e.Name == catalog.EventBulkFinished {
			ended++
		}
	}
	if err != nil || ended != 1 {
		t.Errorf("%d events tell the end, %v", ended, err)
	}
}

func TestNewContentTakesThePlaceOfTheOld(t *testing.T) {
	r := newRig(t)
	r.file("a.srt", "1\n00:00:01,000 --> 00:00:02,000\na\n")
	r.file("b.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nb\n")
	r.file("b.mp4", "film")
	_, rows := r.run(manifest.XML, xmlOf(`<type>1</type><referenceId>r</referenceId><name>n</name>
		<subTitles><subTitle lang="de" isDefault="true"><dropFolderFileContentResource filePath="a.srt"/></subTitle></subTitles>`))
	id := catalog.EntryID(rows[0].ObjectID)
	if err := r.db.UpdateEntry(t.Context(), id, func(e *catalog.Entry) error {
		e.Status, e.MediaType = catalog.EntryReady, catalog.MediaVideo
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, rows = r.run(manifest.XML, xmlOf(`<referenceId>r</referenceId>
		<contentAssets><content><dropFolderFileContentResource filePath="b.mp4"/></content></contentAssets>
		<subTitles><action>replace</action><subTitle lang="fr"><dropFolderFileContentResource filePath="b.vtt"/></subTitle></subTitles>`))
	if d := cmp.Diff([]string{"ok"}, codes(rows)); d != "" {
		t.Fatal(d, rows[0].ErrorText)
	}
	e := r.entry(string(id))
	if e.Status != catalog.EntryReady || e.Replacing == "" {
		t.Errorf("the entry does not play on: %+v", e)
	}
	captions, err := r.db.Assets(t.Context(), id, catalog.AssetCaption)
	if err != nil || len(captions) != 1 || captions[0].Language != "fr" || captions[0].Container != "vtt" {
		t.Errorf("captions %+v, %v", captions, err)
	}
}

func TestLogsAreSafeToOpen(t *testing.T) {
	r := newRig(t)
	j, _ := r.run(manifest.CSV, "*title,conversionProfileId\n=cmd|' /C calc'!A0,\n+1,77\n")
	for f, want := range map[manifest.LogFormat][]string{
		manifest.LogCSV:    {"line,fileLine,status", "'=cmd|' /C calc'!A0", ",error,add,,,'+1,BULK_ITEM_VALIDATION_FAILED,"},
		manifest.LogMRSS:   {`<item line="1" fileLine="2"><action>add</action>`, "<errorNumber>79</errorNumber>", "there is no conversion profile &#34;77&#34;"},
		manifest.LogNDJSON: {`{"line":1,"fileLine":2,"status":"ok","action":"add","entryId":"0_`, `"errorCode":"BULK_ITEM_VALIDATION_FAILED"`},
	} {
		var b strings.Builder
		if err := r.jobs.WriteLog(t.Context(), &b, j, f); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q in\n%s", f, w, b.String())
			}
		}
	}
}

// TestAccountsTakeTurns lets one account send many documents before another sends one.
func TestAccountsTakeTurns(t *testing.T) {
	r := newRig(t)
	const other catalog.AccountID = 102
	if _, _, err := r.db.EnsureAccount(t.Context(), other, "other"); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		r.add(manifest.CSV, "*title\nx\n")
	}
	late, err := r.jobs.Add(t.Context(), other, manifest.Add{Format: manifest.CSV, Document: strings.NewReader("*title\nx\n")})
	if err != nil {
		t.Fatal(err)
	}
	var order []catalog.AccountID
	for {
		j, err := r.db.ClaimBulkJob(t.Context(), "w", time.Hour, 4)
		if errors.Is(err, catalog.ErrNotFound) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, j.Account)
		if j.Account == other && j.ID != late.ID {
			t.Errorf("job %d", j.ID)
		}
	}
	if d := cmp.Diff([]catalog.AccountID{account, other, account, account, account}, order); d != "" {
		t.Error(d)
	}
}
