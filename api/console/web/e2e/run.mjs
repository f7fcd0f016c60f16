/**
 * Drives a real browser through the console of a running server.
 *
 *   BASE_URL   the server, e.g. http://127.0.0.1:8080
 *   ENTRY_ID   a ready entry; what is checked of it follows from its links and the players' menus
 *   OUTPUT     where screenshots go (default: test-output/console in the source tree)
 *   CHROMIUM   the browser (default: /usr/bin/chromium)
 *   ONLY       comma-separated names of checks, to run just those
 *
 * Further checks change the server's state and run only when asked for: LIVE_ID (an entry in work whose progress must
 * move), DELETE_ID (an entry to delete), RETRY=1 (retry the first dead letter), GROWING_ID with WORKER_PID (an entry that
 * plays already, and the worker that is frozen before it finishes it), UPLOAD_FILE (a clip of some MB that is uploaded),
 * UPLOAD_DIR (a folder with top.mp4 and sub/deep.mp4 that is uploaded), FOLDER with CLIP (the directory of a drop folder called
 * "browser", and a clip to drop there).
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBrowser } from './browser.mjs';
import { checks } from './checks.mjs';

const env = process.env;
if (!env.BASE_URL || !env.ENTRY_ID) {
  console.error('e2e: set BASE_URL and ENTRY_ID');
  process.exit(2);
}
const here = path.dirname(fileURLToPath(import.meta.url));
const options = {
  baseURL: env.BASE_URL,
  output: env.OUTPUT ?? path.resolve(here, '../../../../test-output/console'),
  executablePath: env.CHROMIUM ?? '/usr/bin/chromium',
};
const wanted = env.ONLY?.split(',');
let failures = 0;

for (const check of checks(env)) {
  if (wanted && !wanted.includes(check.name)) continue;
  const browser = await openBrowser({ ...options, colorScheme: check.colorScheme });
  const began = Date.now();
  let failure = '';
  try {
    await check.run(browser);
    if (browser.complaints.length > 0) failure = `the browser complained:\n${browser.complaints.join('\n')}`;
  } catch (error) {
    failure = [error.stack ?? String(error), ...browser.complaints].join('\n');
    await browser.shot(`failed-${check.name}`).catch(() => undefined);
  } finally {
    await browser.close();
  }
  const took = `${((Date.now() - began) / 1000).toFixed(1)} s`;
  if (failure) {
    failures++;
    console.log(`FAIL ${check.name} (${took})\n    ${failure.replaceAll('\n', '\n    ')}`);
  } else {
    console.log(`ok   ${check.name} (${took})`);
  }
}
console.log(failures === 0 ? `screenshots in ${options.output}` : `${failures} failed; screenshots in ${options.output}`);
process.exit(failures === 0 ? 0 : 1);
