// Runs the checklist in one format and writes a line of JSON an item.
// Environment: BASE, FORMAT (1 or 2), SECRET, USER_SECRET, ORIGIN, CLIP, AUDIO, SECONDS (of the clip), ONLY (numbers, optional).

import { API } from './api.mjs'
import sessions from './sessions.mjs'
import entries from './entries.mjs'
import uploads from './uploads.mjs'
import assets from './assets.mjs'
import playback from './playback.mjs'

const env = process.env
const c = {
	api: new API(env.BASE, Number(env.FORMAT)), base: env.BASE, secret: env.SECRET, userSecret: env.USER_SECRET,
	origin: env.ORIGIN, clip: env.CLIP, audio: env.AUDIO, seconds: Number(env.SECONDS),
}
const only = env.ONLY ? env.ONLY.split(',').map(Number) : null
const items = [...sessions, ...entries, ...uploads, ...assets, ...playback].sort((a, b) => a[0] - b[0])
for (const [number, name, run] of items) {
	if (only && !only.includes(number) && !name.endsWith('*')) continue
	let error = ''
	try {
		await run(c)
	} catch (e) {
		error = e instanceof Error ? `${e.message} (${(e.stack ?? '').split('\n').find((l) => l.includes('/run/'))?.trim() ?? ''})` : JSON.stringify(e)
	}
	process.stdout.write(`${JSON.stringify({ item: number, name: name.replace('*', ''), error })}\n`)
}
process.exit(0)
