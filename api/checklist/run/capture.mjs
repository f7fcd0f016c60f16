// Writes what the official client sends, byte for byte, into a directory: a file a request, and its content type.
// Usage: node run/capture.mjs ../rpc/testdata/client

import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { API, kaltura } from './api.mjs'

const { media, uploadToken, system } = kaltura.services
const o = kaltura.objects
const dir = process.argv[2]
let name

const server = http.createServer(async (req, res) => {
	const chunks = []
	for await (const c of req) chunks.push(c)
	const head = `${req.method} ${req.url}\ncontent-type: ${req.headers['content-type']}\naccept: ${req.headers.accept}\n\n`
	fs.writeFileSync(path.join(dir, `${name}.request`), Buffer.concat([Buffer.from(head), ...chunks]))
	res.setHeader('content-type', 'application/json')
	res.end(Array.isArray(name) ? '[]' : 'null')
})
await new Promise((done) => server.listen(0, '127.0.0.1', done))
const { client } = new API(`http://127.0.0.1:${server.address().port}`, 1)
client.setKs('user')

const filter = new o.MediaEntryFilter({ idIn: 'a,b', createdAtGreaterThanOrEqual: -3600, orderBy: '-createdAt' })
for (const [what, call] of Object.entries({
	get: media.get('0_b'),
	add: media.add(new o.MediaEntry({ name: 'a "b" é', mediaType: 1 })),
	list: media.listAction(filter, new o.FilterPager({ pageSize: 2, pageIndex: 2 })),
	upload: uploadToken.upload('0_t', Buffer.from('hello\r\n--there'), true, false, 5),
	multi: client.startMultiRequest().add(media.add(new o.MediaEntry({ name: 'n', mediaType: 1 }))).add(uploadToken.upload('{1:result:id}', Buffer.from('chunk of it'))).add(system.ping()),
})) {
	name = what
	await call.execute(client)
}
server.close()
