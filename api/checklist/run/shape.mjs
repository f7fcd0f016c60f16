// Holds the schema that a server publishes against the official client: classes, properties, actions and parameters that
// typed clients would not find. It prints a line a difference.

import { kaltura } from './api.mjs'

const text = await (await fetch(`${process.env.BASE}/api/schema.xml`)).text()
const differs = (what) => console.log(what)
const attributes = (s) => Object.fromEntries([...s.matchAll(/(\w+)="([^"]*)"/g)].map(([, k, v]) => [k, v]))

const known = (name) => kaltura.objects[name.replace(/^Kaltura/, '')]
const methods = (c) => {
	const out = new Set()
	for (let p = c.prototype; p && p !== Object.prototype; p = Object.getPrototypeOf(p)) for (const k of Object.getOwnPropertyNames(p)) out.add(k)
	return out
}

for (const [, head, body] of text.matchAll(/<class ([^>]*)>([\s\S]*?)<\/class>/g)) {
	const { name } = attributes(head)
	const c = known(name)
	if (!c) {
		differs(`class ${name}`)
		continue
	}
	const has = methods(c)
	for (const [, prop] of body.matchAll(/<property ([^>]*)>/g)) {
		const p = attributes(prop)
		if (!has.has('get' + p.name[0].toUpperCase() + p.name.slice(1))) differs(`property ${name}.${p.name}`)
	}
}
