// Items 47 to 49 and 58 to 60: playback, access control, delivery errors. Items 53 to 56 are Reach's.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { kaltura } from './api.mjs'
import { media as probe, copy } from './media.mjs'

const { accessControlProfile, baseEntry, media } = kaltura.services
const o = kaltura.objects

export default [
	[47, 'baseEntry.getPlaybackContext as vendors send it', async (c) => {
		const p = await c.admin.form('baseEntry', 'getPlaybackContext',
			`entryId=${c.ready.id}&contextDataParams[objectType]=KalturaPlaybackContextOptions&contextDataParams[streamerType]=applehttp`)
		assert.equal(p.sources[0].format, 'applehttp')
		assert.match(p.sources[0].url, /\/flavorIds\/.*a\.m3u8/)
		assert.ok(p.flavorAssets.length > 0)
		c.source = p.sources[0].url
	}],
	[48, 'that URL with the session', async (c) => {
		const url = `${c.source}/ks/${c.admin.ks}`
		const res = await fetch(url)
		assert.equal(res.status, 200)
		assert.match(res.headers.get('content-type'), /mpegurl/i)
		assert.match(await res.text(), /serveFlavor/)
		const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'checklist-'))
		try {
			const file = path.join(dir, 'copy.mp4')
			await copy(url, file)
			const { seconds, kinds } = await probe(file)
			assert.ok(Math.abs(seconds - c.seconds) < 0.5, `${seconds} s`)
			assert.deepEqual(kinds.sort(), ['audio', 'video'])
		} finally {
			fs.rmSync(dir, { recursive: true })
		}
	}],
	[49, 'serveFlavor of a clip', async (c) => {
		const url = `${c.base}/hls/p/102/sp/10200/serveFlavor/entryId/${c.ready.id}/clipFrom/5000/clipTo/10000/v/1/flavorId/${c.flavor.id}/name/a.mp4/index.m3u8`
		const text = await (await fetch(url)).text()
		const sum = [...text.matchAll(/#EXTINF:([0-9.]+)/g)].reduce((s, [, d]) => s + Number(d), 0)
		assert.ok(sum > 4.95 && sum < 5.05, `${sum} s: ${text.slice(0, 300)}`)
		const { seconds } = await probe(url)
		assert.ok(seconds > 4.9 && seconds < 5.1, `${seconds} s`)
	}],
	[58, 'a blocked address', async (c) => {
		const rule = new o.Rule({ code: 'NOT_HERE', message: 'not from here', actions: [new o.AccessControlBlockAction({})],
			conditions: [new o.IpAddressCondition({ values: [new o.StringValue({ value: '127.0.0.1' })] })] })
		const profile = await c.admin.call(accessControlProfile.add(new o.AccessControlProfile({ name: 'not here', rules: [rule] })))
		await c.admin.call(media.update(c.ready.id, new o.MediaEntry({ accessControlId: Number(profile.id) })))
		const p = await c.user.call(baseEntry.getPlaybackContext(c.ready.id, new o.PlaybackContextOptions({})))
		assert.equal(c.api.list(p.sources).length, 0)
		assert.equal(c.api.number(p.actions[0].type), 1)
		assert.ok(p.messages.some((m) => m.code === 'NOT_HERE'), JSON.stringify(p.messages))
	}],
	[59, 'the thumbnail of an unknown entry', async (c) => {
		const res = await fetch(`${c.base}/p/102/sp/10200/thumbnail/entry_id/0_zzzzzzzz/width/100`)
		assert.equal(res.status, 404)
		assert.equal(res.headers.get('x-kaltura'), 'error-1')
	}],
	[60, 'OPTIONS', async (c) => {
		const res = await fetch(`${c.base}/api_v3/service/media/action/list`, { method: 'OPTIONS' })
		assert.equal(res.status, 200)
		assert.equal(await res.text(), '')
		assert.equal(res.headers.get('access-control-allow-origin'), '*')
		assert.equal(res.headers.get('access-control-max-age'), '86400')
		assert.equal(res.headers.get('access-control-allow-methods'), 'POST, GET, HEAD, OPTIONS')
		assert.match(res.headers.get('access-control-allow-headers'), /^Origin, X-Requested-With, Content-Type, Accept, Range, Cache-Control/)
	}],
]
