// Items 1 to 17: the system, sessions, app tokens, exceptions.

import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { kaltura, fails } from './api.mjs'

const { session, system, appToken, media } = kaltura.services

const v1 = 'MDljMTcxMTcyMGI0YTVlOTg2OGU5YzgwZTUwNTVlN2ZjZDFhOTA1OHwxMDI7MTAyOzE4OTM0NTYwMDA7MjsxMjM0NTtkZXZAZXhhbXBsZS50ZXN0O2VkaXQ6KixkaXNhYmxlZW50aXRsZW1lbnQsbGlzdDoq'
const v2 = 'djJ8MTAyfDZigqvJmLOZNvSQuRvHqyG1TnKxEUjjEhxuaJpGqRj1f1rorxEgqG0zpO0tGQkyusdWb1C8DH5t2kz6bZmOuHzXqyQZZttjA0O7Ymk5Kj2nFS5-eIgITO5w6YNGgcT5Z7-bsBbUZaYI1c7xSZmAIiByzbxpAuf92mgj1cZamQaZ'

const sha = (name, text) => crypto.createHash(name).update(text).digest('hex')

function mint(secret, fields) {
	const info = fields.join(';')
	return Buffer.from(`${sha('sha1', secret + info)}|${info}`).toString('base64')
}

export default [
	[1, 'system.ping resolves true', async (c) => {
		const v = await c.api.call(system.ping())
		assert.equal(c.api.bool(v), true)
	}],
	[2, 'system.getTime without a format is XML', async (c) => {
		const text = await (await fetch(`${c.base}/api_v3/service/system/action/getTime`)).text()
		assert.match(text, /^<\?xml version="1.0" encoding="utf-8"\?><xml><result>\d{10}<\/result><executionTime>[0-9.]+<\/executionTime><\/xml>$/)
	}],
	[3, 'session.start with the admin secret*', async (c) => {
		const ks = await c.api.call(session.start(c.secret, 'dev@example.test', 2, 102, 3600, 'disableentitlement'))
		assert.equal(typeof ks, 'string')
		c.admin = c.api.as(ks)
		const info = await c.admin.call(session.get())
		assert.equal(c.api.number(info.sessionType), 2)
		assert.ok(Math.abs(c.api.number(info.expiry) - Date.now() / 1000 - 3600) < 60)
		c.user = c.api.as(await c.api.call(session.start(c.secret, 'joe', 0, 102, 3600, '')))
	}],
	[4, 'session.start with a wrong secret', async (c) => {
		const e = await fails('START_SESSION_ERROR', c.api.call(session.start('wrong', 'u', 2, 102)))
		assert.equal(e.args.PID, '102')
	}],
	[5, 'session.start with the user secret', async (c) => {
		await fails('START_SESSION_ERROR', c.api.call(session.start(c.userSecret, 'u', 2, 102)))
		assert.equal(typeof (await c.api.call(session.start(c.userSecret, 'u', 0, 102))), 'string')
	}],
	[6, 'session.startWidgetSession', async (c) => {
		const w = await c.api.call(session.startWidgetSession('_102'))
		assert.equal(c.api.number(w.partnerId), 102)
		const info = await c.api.call(session.get(w.ks).setKs(c.admin.ks))
		assert.match(info.privileges, /widget:1/)
	}],
	[7, 'a list with the v1 token of the vectors', async (c) => {
		const api = c.api.as(v1)
		await api.form('media', 'list', '')
		assert.equal((await api.form('session', 'get', '')).userId, 'dev@example.test')
	}],
	[8, 'a list with the v2 token of the vectors', async (c) => {
		const api = c.api.as(v2)
		await api.form('media', 'list', '')
		const info = await api.form('session', 'get', '')
		for (const p of ['edit:*', 'disableentitlement', 'list:*']) assert.ok(info.privileges.split(',').includes(p), info.privileges)
		assert.equal(api.number(info.sessionType), 2)
		assert.equal(api.number(info.expiry), 1893456000)
	}],
	[9, 'a v2 token with a flipped bit', async (c) => {
		const raw = Buffer.from(v2, 'base64url')
		raw[40] ^= 1
		await fails('INVALID_KS', c.api.as(raw.toString('base64').replaceAll('+', '-').replaceAll('/', '_')).form('media', 'list', ''))
	}],
	[10, 'an expired v1 token', async (c) => {
		const e = await fails('INVALID_KS', c.api.as(mint(c.secret, [102, 102, 1500000000, 2, 7, 'u', ''])).form('media', 'list', ''))
		assert.match(e.message, /EXPIRED/)
	}],
	[11, 'session.end, then media.list', async (c) => {
		const api = c.api.as(await c.api.call(session.start(c.secret, 'gone', 2, 102)))
		await api.call(media.listAction())
		await api.call(session.end())
		const e = await fails('INVALID_KS', api.call(media.listAction()))
		assert.match(e.message, /LOGOUT/)
	}],
	[12, 'appToken.add', async (c) => {
		c.token = await c.admin.call(appToken.add(new kaltura.objects.AppToken({ hashType: 'SHA256', sessionType: 2, sessionPrivileges: 'list:*' })))
		assert.match(c.token.token, /^[0-9a-f]{32}$/)
		assert.equal(c.api.number(c.token.status), 2)
	}],
	[13, 'appToken.startSession', async (c) => {
		const { ks } = await c.api.call(session.startWidgetSession('_102'))
		const info = await c.api.as(ks).call(appToken.startSession(c.token.id, sha('sha256', ks + c.token.token)))
		assert.match(info.privileges, /sessionid:/)
		assert.match(info.privileges, /list:\*/)
		await c.api.as(info.ks).call(media.listAction())
	}],
	[14, 'appToken.startSession with a wrong hash', async (c) => {
		const { ks } = await c.api.call(session.startWidgetSession('_102'))
		await fails('INVALID_APP_TOKEN_HASH', c.api.as(ks).call(appToken.startSession(c.token.id, sha('sha256', 'wrong'))))
	}],
	[15, 'media.list without session and partner', async (c) => {
		const text = await (await fetch(`${c.base}/api_v3/service/media/action/list?format=1`)).text()
		assert.match(text, /"code":"MISSING_KS".*"args":\[\]/)
		await fails('MISSING_KS', c.api.form('media', 'list', ''))
	}],
	[16, 'an unknown service and an unknown action', async (c) => {
		await fails('SERVICE_DOES_NOT_EXISTS', c.admin.form('nope', 'get', ''))
		const e = await fails('ACTION_DOES_NOT_EXISTS', c.admin.form('media', 'Nope', ''))
		assert.deepEqual(e.args, { ACTION_NAME: 'nope', SERVICE_NAME: 'media' })
	}],
	[17, 'upper case names', async (c) => {
		await fails('ENTRY_ID_NOT_FOUND', c.admin.form('MEDIA', 'GET', 'entryId=0_zzzzzzzz'))
	}],
]
