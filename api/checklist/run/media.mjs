// What the reference tools say of media.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

// media returns the length in seconds and the kinds of streams of a file or URL.
export async function media(url) {
	const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'format=duration:stream=codec_type', '-of', 'json', url])
	const v = JSON.parse(stdout)
	return { seconds: Number(v.format.duration), kinds: v.streams.map((s) => s.codec_type) }
}

// copy remuxes a URL into a file.
export async function copy(url, file) {
	await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-i', url, '-c', 'copy', '-map', '0:v:0', '-map', '0:a:0', file])
}
