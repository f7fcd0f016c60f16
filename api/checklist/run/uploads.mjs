// Items 26 to 35: upload tokens and content.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import { kaltura, fails, until } from './api.mjs'

const { media, uploadToken, flavorAsset } = kaltura.services
const o = kaltura.objects

const token = (more = {}) => uploadToken.add(new o.UploadToken(more))
const entry = (c, name) => c.admin.call(media.add(new o.MediaEntry({ name, mediaType: 1 })))
const content = (id) => new o.UploadedFileTokenResource({ token: id })

export default [
	[26, 'uploadToken.add', async (c) => {
		const t = await c.admin.call(uploadToken.add())
		assert.equal(c.api.number(t.status), 0)
		assert.match(t.id, /^\d+_[0-9a-f]{32}$/)
		c.pending = t
	}],
	[27, 'media.addContent of a pending token', async (c) => {
		c.importing = await entry(c, 'by token')
		const e = await c.admin.call(media.addContent(c.importing.id, content(c.pending.id)))
		assert.equal(e.status.toString(), '0')
	}],
	[28, 'uploadToken.upload of the whole file', async (c) => {
		const t = await c.admin.call(uploadToken.upload(c.pending.id, c.clip))
		assert.equal(c.api.number(t.status), 3)
	}],
	[29, 'uploadToken.upload of an empty first chunk', async (c) => {
		const t = await c.admin.call(token())
		const u = await c.admin.call(uploadToken.upload(t.id, Buffer.alloc(0), false, false, 0))
		assert.equal(c.api.number(u.status), 1)
	}],
	[30, 'chunks in parallel', async (c) => {
		const bytes = fs.readFileSync(c.clip)
		const t = await c.admin.call(token({ fileName: 'parallel.mp4', fileSize: bytes.length }))
		const size = Math.ceil(bytes.length / 6)
		const chunk = (i) => bytes.subarray(i * size, (i + 1) * size)
		await c.admin.call(uploadToken.upload(t.id, chunk(0), false, false, 0))
		const middle = await Promise.all([4, 2, 3, 1].map((i) => c.admin.call(uploadToken.upload(t.id, chunk(i), true, false, i * size))))
		for (const u of middle) assert.equal(c.api.number(u.status), 1)
		const last = await c.admin.call(uploadToken.upload(t.id, chunk(5), true, true, 5 * size))
		assert.equal(c.api.number(last.status), 2)
		const e = await entry(c, 'parallel')
		await c.admin.call(media.addContent(e.id, content(t.id)))
		const source = await until('the source', async () => {
			const list = await c.admin.call(flavorAsset.listAction(new o.AssetFilter({ entryIdEqual: e.id })))
			const original = c.api.list(list.objects).find((a) => c.api.bool(a.isOriginal))
			return [original && Number(original.status) === 2, original ?? list]
		})
		const url = await c.admin.call(flavorAsset.getUrl(source.id))
		const got = Buffer.from(await (await fetch(url)).arrayBuffer())
		assert.ok(got.equals(bytes), `${got.length} bytes of ${bytes.length} come back changed`)
	}],
	[31, 'the final chunk while one is missing', async (c) => {
		const t = await c.admin.call(token())
		const put = (text, final, at) => c.admin.call(uploadToken.upload(t.id, Buffer.from(text), at > 0, final, at))
		await put('0123456789', false, 0)
		await fails('UPLOAD_TOKEN_CANNOT_MATCH_EXPECTED_SIZE', put('KLMNO', true, 20))
		await put('ABCDEFGHIJ', false, 10)
		assert.equal(c.api.number((await put('KLMNO', true, 20)).status), 2)
	}],
	[32, 'uploadToken.upload to a closed token', async (c) => {
		await fails('UPLOAD_TOKEN_INVALID_STATUS_FOR_UPLOAD', c.admin.call(uploadToken.upload(c.pending.id, Buffer.from('x'))))
	}],
	[33, 'autoFinalize without a size', async (c) => {
		await fails('UPLOAD_TOKEN_MISSING_FILE_SIZE', c.admin.call(token({ autoFinalize: 1 })))
	}],
	[34, 'media.addContent twice', async (c) => {
		const t = await c.admin.call(token())
		await fails('ENTRY_ALREADY_WITH_CONTENT', c.admin.call(media.addContent(c.importing.id, content(t.id))))
	}],
	[35, 'media.addContent of a URL with headers*', async (c) => {
		const e = await entry(c, 'by url')
		const resource = new o.UrlResource({ url: `${c.origin}/checked/clip.mp4`, urlHeaders: [new o.String({ value: 'X-Checklist: yes' })] })
		await c.admin.call(media.addContent(e.id, resource))
		c.ready = await until('the entry to be ready', async () => {
			const v = await c.admin.call(media.get(e.id))
			if (Number(v.status) < 0) throw new Error(`entry ${e.id} failed: ${JSON.stringify(v)}`)
			return [Number(v.status) === 2, v]
		})
		for (const k of ['duration', 'width', 'height', 'msDuration']) assert.ok(c.api.number(c.ready[k]) > 0, k)
		assert.ok(Math.abs(c.api.number(c.ready.msDuration) - c.seconds * 1000) < 200)
	}],
]
