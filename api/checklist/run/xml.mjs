// The XML of answers as values: objects, arrays, maps and texts; an exception is thrown.

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", '#13': '\r' }
const plain = (s) => s.replace(/&(#?\w+);/g, (_, name) => entities[name])

// parse reads a document into {name, children, text}.
function parse(text) {
	const root = { name: '', children: [], text: '' }
	const open = [root]
	for (const [, tag, words] of text.matchAll(/<([^>]+)>|([^<]+)/g)) {
		const top = open[open.length - 1]
		if (words !== undefined) top.text += plain(words)
		else if (tag.startsWith('?')) continue
		else if (tag.startsWith('/')) {
			if (open.pop().name !== tag.slice(1)) throw new Error(`</${tag} closes another element in ${text.slice(0, 300)}`)
		} else {
			const node = { name: tag, children: [], text: '' }
			top.children.push(node)
			open.push(node)
		}
	}
	if (open.length !== 1) throw new Error(`unclosed elements in ${text.slice(0, 300)}`)
	return root
}

const child = (node, name) => node.children.find((c) => c.name === name)

function value(node) {
	const error = child(node, 'error')
	if (error) {
		const args = {}
		for (const arg of child(error, 'args').children) {
			if (child(arg, 'objectType').text !== 'KalturaApiExceptionArg') throw new Error('an argument of no class')
			args[child(arg, 'name').text] = child(arg, 'value').text
		}
		return { code: child(error, 'code').text, message: child(error, 'message').text, objectType: child(error, 'objectType').text, args }
	}
	if (node.children.length === 0) return node.text
	if (node.children.every((c) => c.name === 'item')) {
		if (child(node.children[0], 'itemKey')) return Object.fromEntries(node.children.map((c) => [child(c, 'itemKey').text, value(c)]))
		return node.children.map(value)
	}
	return Object.fromEntries(node.children.filter((c) => c.name !== 'itemKey').map((c) => [c.name, value(c)]))
}

// result is the value of an answer's envelope.
export function result(text) {
	const xml = child(parse(text), 'xml')
	if (!xml || !/^[0-9.]+$/.test(child(xml, 'executionTime')?.text)) throw new Error(`no envelope: ${text.slice(0, 300)}`)
	return value(child(xml, 'result'))
}
