// Calls of the API: by the official client in JSON, or the same calls as forms with answers in XML.

import { createRequire } from 'node:module'
import fs from 'node:fs'
import path from 'node:path'
import { result } from './xml.mjs'

export const kaltura = createRequire(import.meta.url)('kaltura-client')

// flat writes an object in the form's colon notation, as the Python client spells its values.
function flat(object, prefix = '', out = new URLSearchParams()) {
	for (const [key, value] of Object.entries(object)) {
		if (value === null || value === undefined || typeof value === 'function') continue
		if (typeof value === 'object') {
			if (Object.keys(value).length === 0) out.append(`${prefix}${key}:-`, '')
			else flat(value, `${prefix}${key}:`, out)
		} else out.append(prefix + key, value === true ? 'True' : value === false ? 'False' : String(value))
	}
	return out
}

export class API {
	constructor(base, format) {
		this.base = base
		this.json = format === 1
		this.config = new kaltura.Configuration()
		this.config.serviceUrl = base
		this.config.timeout = 120000
		this.config.setLogger({ log() {}, error() {}, debug() {} })
		this.client = new kaltura.Client(this.config)
	}

	// as is the same API with another session.
	as(ks) {
		const other = new API(this.base, this.json ? 1 : 2)
		if (ks) other.client.setKs(ks)
		other.ks = ks
		return other
	}

	// call makes the call that a builder of the client stands for. It throws exceptions of the API.
	async call(builder) {
		return this.json ? builder.execute(this.client) : this.callXML(builder)
	}

	async callXML(builder) {
		Object.assign(builder.requestData, this.client.requestData)
		const data = { ...builder.getData(false), format: 2 }
		const files = builder.getFiles() ?? {}
		let body = flat(data)
		if (Object.keys(files).some((f) => typeof files[f] !== 'function')) {
			body = new FormData()
			body.append('json', JSON.stringify(data, (_, v) => (v === null ? undefined : v)))
			for (const [name, file] of Object.entries(files)) {
				if (typeof file === 'function') continue
				const bytes = Buffer.isBuffer(file) ? file : fs.readFileSync(file)
				body.append(name, new Blob([bytes]), Buffer.isBuffer(file) ? 'chunk' : path.basename(file))
			}
		}
		const res = await fetch(builder.getUrl(this.client), { method: 'POST', body })
		return this.read(res)
	}

	// read is the value of an answer, in the format of this API.
	async read(res) {
		const text = await res.text()
		if (res.status !== 200) throw new Error(`status ${res.status}: ${text.slice(0, 200)}`)
		const v = this.json ? JSON.parse(text) : result(text)
		if (v && v.code && v.message) throw v
		return v
	}

	// form posts a form in bracket notation, or what else the text holds.
	async form(service, action, text) {
		const body = `${text}&format=${this.json ? 1 : 2}${this.ks ? `&ks=${encodeURIComponent(this.ks)}` : ''}`
		const res = await fetch(`${this.base}/api_v3/service/${service}${action ? `/action/${action}` : ''}`, {
			method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body,
		})
		return this.read(res)
	}

	// number is a number of an answer: in JSON it is one, in XML a text.
	number(v) {
		if (this.json) {
			if (typeof v !== 'number') throw new Error(`${JSON.stringify(v)} is no number`)
			return v
		}
		if (!/^-?[0-9.]+$/.test(v)) throw new Error(`${JSON.stringify(v)} is no number`)
		return Number(v)
	}

	bool(v) {
		if (this.json) {
			if (typeof v !== 'boolean') throw new Error(`${JSON.stringify(v)} is no boolean`)
			return v
		}
		return v === '1'
	}

	list(v) {
		return v === '' ? [] : v
	}
}

// fails expects a call to fail with a code, and returns the exception.
export async function fails(code, promise) {
	let v
	try {
		v = await promise
	} catch (e) {
		if (e?.code !== code) throw e instanceof Error ? e : new Error(`want ${code}, got ${JSON.stringify(e)}`)
		return e
	}
	throw new Error(`want ${code}, got ${JSON.stringify(v)?.slice(0, 300)}`)
}

// until polls until f returns something, and fails after a while with the last thing seen.
export async function until(what, f, seconds = 180) {
	for (const end = Date.now() + seconds * 1000; ; ) {
		const [done, seen] = await f()
		if (done) return seen
		if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}: ${JSON.stringify(seen)?.slice(0, 500)}`)
		await new Promise((r) => setTimeout(r, 200))
	}
}
