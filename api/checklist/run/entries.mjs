// Items 18 to 25, 36 to 43, 57: entries, multirequests, lists, response profiles.

import assert from 'node:assert/strict'
import { kaltura, fails } from './api.mjs'

const { media, uploadToken, system } = kaltura.services
const o = kaltura.objects

const entry = (name, more = {}) => new o.MediaEntry({ name, mediaType: 1, ...more })

export default [
	[18, 'media.add*', async (c) => {
		const e = await c.admin.call(media.add(entry('first')))
		assert.match(e.id, /^\d_[0-9a-z]{8}$/)
		assert.equal(c.api.number(e.status), 7)
		assert.equal(e.status.toString(), '7')
		assert.equal(e.objectType, 'KalturaMediaEntry')
		if (c.api.json) assert.ok(Object.values(e).every((v) => v !== null))
		c.entry = e
	}],
	[19, 'media.add with brackets and with colons', async (c) => {
		const a = await c.admin.form('media', 'add', 'entry[name]=same&entry[mediaType]=1&entry[tags]=x')
		const b = await c.admin.form('media', 'add', 'entry:name=same&entry:mediaType=1&entry:tags=x')
		assert.notEqual(a.id, b.id)
		for (const e of [a, b]) for (const k of ['id', 'createdAt', 'updatedAt', 'dataUrl', 'downloadUrl', 'thumbnailUrl', 'searchText', 'rootEntryId']) delete e[k]
		assert.deepEqual(a, b)
	}],
	[20, 'media.add of an unknown class', async (c) => {
		const e = await c.admin.form('media', 'add', 'entry[objectType]=Nonsense&entry[name]=x&entry[mediaType]=1')
		assert.equal(e.objectType, 'KalturaMediaEntry')
	}],
	[21, 'media.add with a read-only field', async (c) => {
		const e = await fails('PROPERTY_VALIDATION_NOT_UPDATABLE', c.admin.form('media', 'add', 'entry[name]=x&entry[status]=2'))
		assert.equal(e.args.PROP_NAME, 'KalturaMediaEntry::status')
	}],
	[22, 'media.add with a bad enum value', async (c) => {
		const e = await fails('INVALID_ENUM_VALUE', c.admin.form('media', 'add', 'entry[name]=x&entry[licenseType]=999'))
		assert.equal(e.args.ENUM_VAL, '999')
		assert.equal(Object.keys(e.args).length, 3)
	}],
	[23, 'media.update clears a field', async (c) => {
		const e = await c.admin.call(media.add(entry('kept', { description: 'to go' })))
		const was = await c.admin.call(media.get(e.id))
		assert.equal(was.description, 'to go')
		await c.admin.form('media', 'update', `entryId=${e.id}&mediaEntry[description__null]=`)
		const is = await c.admin.call(media.get(e.id))
		assert.ok(!is.description)
		assert.equal(is.name, 'kept')
	}],
	[24, 'media.get of an unknown id', async (c) => {
		const e = await fails('ENTRY_ID_NOT_FOUND', c.admin.call(media.get('0_zzzzzzzz')))
		assert.equal(e.args.ENTRY_ID, '0_zzzzzzzz')
	}],
	[25, 'the same in XML', async (c) => {
		const text = await (await fetch(`${c.base}/api_v3/service/media/action/get/entryId/0_zzzzzzzz?ks=${encodeURIComponent(c.admin.ks)}`)).text()
		assert.match(text, /<result><error><code>ENTRY_ID_NOT_FOUND<\/code>/)
		assert.match(text, /<args><item><objectType>KalturaApiExceptionArg<\/objectType><name>ENTRY_ID<\/name><value>0_zzzzzzzz<\/value><\/item><\/args>/)
	}],
	[36, 'multirequest: entry, token, content, upload', async (c) => {
		const m = c.admin.client.startMultiRequest()
			.add(media.add(entry('by multirequest'))).add(uploadToken.add())
			.add(media.addContent('{1:result:id}', new o.UploadedFileTokenResource({ token: '{2:result:id}' })))
			.add(uploadToken.upload('{2:result:id}', c.clip))
		const r = await c.admin.call(m)
		assert.deepEqual(r.map((v) => Number(v.status)), [7, 0, 0, 3], JSON.stringify(r).slice(0, 600))
	}],
	[37, 'multirequest: a failure, then a success', async (c) => {
		const r = await c.admin.call(c.admin.client.startMultiRequest().add(media.get('0_zzzzzzzz')).add(system.ping()))
		assert.equal(r.length, 2)
		assert.equal(r[0].code, 'ENTRY_ID_NOT_FOUND')
		assert.equal(c.api.bool(r[1]), true)
	}],
	[38, 'multirequest: a call that depends on a failed one', async (c) => {
		const r = await c.admin.call(c.admin.client.startMultiRequest().add(media.get('0_zzzzzzzz')).add(media.get('{1:result:id}')))
		assert.equal(r.length, 2)
		for (const v of r) assert.equal(v.objectType, 'KalturaAPIException')
	}],
	[39, 'multirequest as a form, with the session of its first call', async (c) => {
		const r = await c.api.form('multirequest', '', '1:service=session&1:action=startWidgetSession&1:widgetId=_102&2:service=session&2:action=get&2:ks={1:result:ks}')
		assert.match(r[1].privileges, /widget:1/)
	}],
	[40, 'multirequest in XML', async (c) => {
		const text = await (await fetch(`${c.base}/api_v3/?service=multirequest&format=2&1:service=system&1:action=ping&2:service=system&2:action=ping`)).text()
		assert.match(text, /<result><item>1<\/item><item>1<\/item><\/result>/)
	}],
	[41, 'idIn and idEqual of an entry without content', async (c) => {
		const list = (f) => c.admin.call(media.listAction(new o.MediaEntryFilter(f)))
		assert.equal(c.api.list((await list({ idIn: c.entry.id })).objects).length, 0)
		assert.equal(c.api.list((await list({ idEqual: c.entry.id })).objects).length, 1)
	}],
	[42, 'the second page of a list', async (c) => {
		const page = (index) => c.admin.call(media.listAction(new o.MediaEntryFilter({ orderBy: '-createdAt', statusEqual: '7' }), new o.FilterPager({ pageSize: 2, pageIndex: index })))
		const one = await page(1)
		const two = await page(2)
		assert.equal(two.objects.length, 2)
		const all = [...one.objects, ...two.objects]
		assert.equal(new Set(all.map((e) => e.id)).size, 4)
		for (let i = 1; i < all.length; i++) assert.ok(Number(all[i - 1].createdAt) >= Number(all[i].createdAt))
		assert.equal(c.api.number(one.totalCount), c.api.number(two.totalCount))
	}],
	[43, 'a relative time in a filter', async (c) => {
		const total = async (seconds) => c.api.number((await c.admin.form('media', 'list', `filter[statusEqual]=7&filter[createdAtGreaterThanOrEqual]=${seconds}`)).totalCount)
		assert.ok((await total(-3600)) > 0)
		assert.equal(await total(3600), 0)
	}],
	[57, 'a detached response profile', async (c) => {
		const b = media.get(c.entry.id)
		b.setResponseProfile(new o.DetachedResponseProfile({ type: 1, fields: 'id,name' }))
		assert.deepEqual(Object.keys(await c.admin.call(b)).sort(), ['id', 'name', 'objectType'])
	}],
]
