// Items 44 to 46 and 50 to 52: flavors, captions, cue points.

import assert from 'node:assert/strict'
import { kaltura, fails, until } from './api.mjs'
import { media as probe } from './media.mjs'

const { flavorAsset, captionAsset, cuePoint, session, baseEntry } = kaltura.services
const o = kaltura.objects

const srt = '1\n00:00:01,000 --> 00:00:02,500\nHello & <b>world</b>\n'

async function caption(c, api, more) {
	const a = await api.call(captionAsset.add(c.ready.id, new o.CaptionAsset({ format: '1', language: 'English', accuracy: 95, ...more })))
	return api.call(captionAsset.setContent(a.id, new o.StringResource({ content: srt })))
}

export default [
	[44, 'flavorAsset.list without an entry', async (c) => {
		await fails('PROPERTY_VALIDATION_CANNOT_BE_NULL', c.admin.call(flavorAsset.listAction()))
	}],
	[45, 'a Spanish dub', async (c) => {
		const a = await c.admin.call(flavorAsset.add(c.ready.id, new o.FlavorAsset({ language: 'Spanish', label: 'Doblaje', fileExt: 'mp4', tags: 'alt_audio' })))
		assert.equal(c.api.number(a.status), 0)
		await c.admin.call(flavorAsset.setContent(a.id, new o.UrlResource({ url: `${c.origin}/audio.m4a` })))
		await until('the dub', async () => {
			const v = await c.admin.call(flavorAsset.get(a.id))
			if (Number(v.status) === -1) throw new Error(`the dub failed: ${JSON.stringify(v)}`)
			return [Number(v.status) === 2, v]
		})
		const url = `${c.base}/p/102/sp/10200/playManifest/entryId/${c.ready.id}/format/applehttp/protocol/http/a.m3u8?ks=${encodeURIComponent(c.admin.ks)}`
		await until('the dub in HLS', async () => {
			const text = await (await fetch(url)).text()
			return [/#EXT-X-MEDIA:[^\n]*TYPE=AUDIO[^\n]*Doblaje/.test(text), text]
		}, 30)
	}],
	[46, 'flavorAsset.getUrl and a range', async (c) => {
		const list = await c.admin.call(flavorAsset.listAction(new o.AssetFilter({ entryIdEqual: c.ready.id })))
		c.flavor = list.objects.find((a) => Number(a.status) === 2 && !c.api.bool(a.isOriginal) && Number(a.width) > 0)
		assert.ok(c.flavor, JSON.stringify(list))
		const url = await c.admin.call(flavorAsset.getUrl(c.flavor.id))
		const res = await fetch(url, { headers: { range: 'bytes=0-99' } })
		assert.equal(res.status, 206)
		assert.equal(Buffer.from(await res.arrayBuffer()).toString('latin1', 4, 8), 'ftyp')
		assert.ok(Math.abs((await probe(url)).seconds - c.seconds) < 0.5)
	}],
	[50, 'captionAsset.add and setContent', async (c) => {
		const a = await caption(c, c.admin, { label: 'Plain' })
		assert.equal(c.api.number(a.status), 2)
		assert.equal(a.format, '1')
		if (c.api.json) assert.equal(typeof a.isDefault, 'boolean')
		const list = await c.admin.call(captionAsset.listAction(new o.AssetFilter({ entryIdEqual: c.ready.id })))
		assert.ok(list.objects.some((v) => v.id === a.id))
		const url = await c.admin.call(captionAsset.getUrl(a.id))
		const res = await fetch(url)
		assert.equal(await res.text(), srt, `${url}: ${res.status} ${res.headers.get('x-kaltura-app')}`)
	}],
	[51, 'a caption that waits for its moderator', async (c) => {
		const api = c.api.as(await c.api.call(session.start(c.secret, 'vendor', 2, 102, 3600, 'enablecaptionmoderation,edit:*')))
		const a = await caption(c, api, { label: 'Waiting' })
		assert.equal(c.api.bool(a.displayOnPlayer), false)
		const p = await c.admin.call(baseEntry.getPlaybackContext(c.ready.id, new o.PlaybackContextOptions({})))
		assert.ok(c.api.list(p.playbackCaptions).some((v) => v.label === 'Plain'))
		assert.ok(!c.api.list(p.playbackCaptions).some((v) => v.label === 'Waiting'))
	}],
	[52, 'a chapter', async (c) => {
		const p = await c.admin.call(cuePoint.add(new o.ThumbCuePoint({ entryId: c.ready.id, subType: 2, title: 'One', startTime: 1000 })))
		assert.equal(p.cuePointType, 'thumbCuePoint.Thumb')
		assert.equal(c.api.number(p.subType), 2)
	}],
]
