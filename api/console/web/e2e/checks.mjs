import { assert } from './assert.mjs';
import { carriesDocumentsOut } from './bulk.mjs';
import { decidesOnFiles } from './folders.mjs';
import { playWith, plays, tellsFailures } from './player.mjs';
import { uploads, uploadsFolders } from './upload.mjs';

/** Pages that show themselves without an id. */
const pages = ['/console/upload', '/console/folders', '/console/work', '/console/bulk', '/console/system'];

async function listsEntries({ page, shot }, { ENTRY_ID: id }) {
  await page.goto('/console/');
  await page.waitForURL('**/console/entries');
  await page.getByTestId('live').getByText('Live').waitFor();
  await page.locator(`a[href="/console/entries/${id}"]`).waitFor();
  await page.waitForLoadState('load');
  await shot('entries');
  const search = page.getByRole('searchbox');
  await search.fill(id);
  await page.waitForURL(`**/entries?q=${id}`);
  await page.getByText('1–1 of 1').waitFor();
  await search.fill('surely-there-is-no-such-entry');
  await page.getByText('No entry matches').waitFor();
}

async function paints({ page, shot }, name) {
  await page.goto('/console/entries');
  await page.locator('table tbody tr').first().waitFor();
  await shot(`entries-${name}`);
}

async function showsEntry({ page, shot }, { ENTRY_ID: id }) {
  await page.goto(`/console/entries/${id}`);
  await page.getByTestId('player').waitFor();
  await page.getByRole('tab', { name: /Outputs/ }).waitFor();
  assert((await page.getByRole('button', { name: /Copy the address/ }).count()) > 0, 'no output has a copy button');
  for (const tab of ['Outputs', 'Assets', 'Stages', 'Probe']) {
    const button = page.getByRole('tab', { name: new RegExp(tab) });
    await button.click();
    const panel = page.getByRole('tabpanel', { name: new RegExp(tab) });
    await panel.waitFor();
    await panel.scrollIntoViewIfNeeded();
    await shot(`entry-${tab.toLowerCase()}`);
  }
}

async function showsWork({ page, shot }, { RETRY: retry }) {
  await page.goto('/console/work');
  await page.getByRole('table', { name: 'Tasks by stage and state' }).waitFor();
  await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
  if (retry) {
    const button = page.getByRole('button', { name: /^Try again: task/ }).first();
    await button.waitFor();
    await shot('work');
    const name = await button.getAttribute('aria-label');
    await button.click();
    await page.getByText(/^Task \d+ runs again$/).waitFor();
    await page.getByRole('button', { name, exact: true }).waitFor({ state: 'detached' });
  }
  await shot('work-after');
}

async function showsSystem({ page, shot }) {
  await page.goto('/console/system');
  await page.getByRole('table', { name: 'Components' }).getByText('catalog').waitFor();
  await page.getByRole('table', { name: 'Workers' }).waitFor();
  await shot('system');
}

async function movesProgress({ page, shot }, { LIVE_ID: id }) {
  await page.goto('/console/entries');
  const row = page.locator('tr', { has: page.locator(`a[href="/console/entries/${id}"]`) });
  const text = row.getByTestId('progress');
  await text.waitFor();
  const before = await text.innerText();
  await page.waitForFunction(
    ([selector, old]) => {
      const shown = document.querySelector(selector)?.closest('tr')?.querySelector('[data-testid="progress"]')?.textContent;
      return shown !== undefined && shown !== old.trim();
    },
    [`a[href="/console/entries/${id}"]`, before],
  );
  await shot('progress');
}

async function showsEntryInWork({ page, shot }, { LIVE_ID: id }) {
  await page.goto(`/console/entries/${id}`);
  await page.getByTestId('progress').waitFor();
  await page.getByRole('tab', { name: /Stages/ }).click();
  await page.getByRole('tabpanel').getByText('running').first().waitFor();
  await shot('entry-in-work');
}

/** An entry plays while its tail is still encoded, by a worker that is frozen until then; the page sees it grow and get ready. */
async function growsWhileItPlays({ page, shot }, { GROWING_ID: id, WORKER_PID: worker }) {
  await page.goto(`/console/entries/${id}`);
  await page.locator('h1 + [data-status="preconvert"]').getByText('Playable').waitFor();
  await page.getByTestId('progress').waitFor();
  await page.getByTestId('player').waitFor();
  await plays(page);
  await shot('growing');
  const end = () => page.evaluate(() => document.querySelector('video').seekable.end(0));
  const before = await end();
  process.kill(Number(worker), 'SIGCONT');
  await page.waitForFunction((old) => document.querySelector('video').seekable.end(0) > old, before);
  await page.locator('h1 + [data-status="ready"]').waitFor({ timeout: 300_000 });
  await page.getByTestId('progress').waitFor({ state: 'detached' });
  const at = await page.evaluate(() => document.querySelector('video').currentTime);
  await page.waitForFunction((t) => document.querySelector('video').currentTime > t + 0.3, at);
  await shot('grown');
  const alert = page.getByTestId('player').getByRole('alert');
  assert((await alert.count()) === 0, `the player shows a failure: ${await alert.allInnerTexts()}`);
}

/** Every page passes the rules of axe-core, in the page's own colours. */
async function isAccessible({ page, accessible }, env) {
  const entries = [env.ENTRY_ID, env.LIVE_ID].filter(Boolean).map((id) => `/console/entries/${id}`);
  for (const path of ['/console/entries', ...entries, ...pages]) {
    await page.goto(path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.locator('table').first().waitFor();
    await accessible(path);
  }
}

/** What is not there is told as such, in a page like the others. */
async function tellsWhatIsMissing({ page, shot, accessible, excuse }) {
  excuse(/\b404\b/);
  await page.goto('/console/entries/0_missing1');
  await page.getByRole('alert').getByText('This entry does not exist').waitFor();
  await shot('missing-entry');
  await accessible('a missing entry');
  await page.goto('/console/no/such/page');
  await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor();
  await accessible('a missing page');
  await page.getByRole('link', { name: 'To the entries' }).click();
  await page.waitForURL('**/console/entries');
}

/** A phone: nothing may stick out sideways, and the navigation folds away. */
async function fitsPhone({ page, shot }, { ENTRY_ID: id }) {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ['/console/entries', `/console/entries/${id}`, `/console/entries/${id}?tab=stages`, ...pages]) {
    await page.goto(path);
    await page.getByRole('button', { name: 'Navigation' }).waitFor();
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.locator('table').first().waitFor();
    await shot(`phone-${path.replace(id, 'entry').split(/\W+/).slice(2).join('-')}`);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert(over <= 0, `${path} is ${over} px wider than the screen`);
  }
}

async function deletesEntry({ page, shot }, { DELETE_ID: id }) {
  await page.goto('/console/entries');
  const row = page.locator('tr', { has: page.locator(`a[href="/console/entries/${id}"]`) });
  await row.getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: /Delete/ }).click();
  await page.getByRole('dialog').getByText('Delete this entry?').waitFor();
  await shot('delete');
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await row.waitFor({ state: 'detached' });
}

/** The whole way from the list to the player by keyboard alone. */
async function worksByKeyboard({ page }, { ENTRY_ID: id }) {
  await page.goto(`/console/entries?q=${id}`);
  const link = page.locator(`a[href="/console/entries/${id}"]`);
  await link.waitFor();
  await link.focus();
  await page.keyboard.press('Enter');
  const player = page.getByTestId('player');
  await player.waitFor();
  await page.waitForFunction(() => document.querySelector('video').readyState >= 2);
  await player.focus();
  await page.keyboard.press('k');
  await page.waitForFunction(() => document.querySelector('video').currentTime > 0.5);
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(() => document.querySelector('video').currentTime > 5);
  await page.keyboard.press('k');
  await page.waitForFunction(() => document.querySelector('video').paused);
}

/** checks lists what is to be done for the given environment. */
export function checks(env) {
  const on = (name, run, more = {}) => ({ name, run: (browser) => run(browser, env), ...more });
  const list = [];
  if (env.GROWING_ID) list.push(on('growing', growsWhileItPlays));
  list.push(
    on('entries', listsEntries),
    on('entry', showsEntry),
    on('play-hls-fmp4', (browser) => playWith(browser, env.ENTRY_ID, 'HLS fMP4')),
    on('play-hls-ts', (browser) => playWith(browser, env.ENTRY_ID, 'HLS TS')),
    on('play-dash', (browser) => playWith(browser, env.ENTRY_ID, 'DASH')),
    on('play-progressive', (browser) => playWith(browser, env.ENTRY_ID, 'Progressive')),
    on('play-failure', tellsFailures),
    on('keyboard', worksByKeyboard),
    on('phone', fitsPhone),
    on('system', showsSystem),
    on('missing', tellsWhatIsMissing),
    on('accessible-dark', isAccessible),
    on('accessible-light', isAccessible, { colorScheme: 'light' }),
    on('light', (browser) => paints(browser, 'light'), { colorScheme: 'light' }),
  );
  if (env.UPLOAD_FILE) list.push(on('upload', uploads));
  if (env.UPLOAD_DIR) list.push(on('upload-folder', uploadsFolders));
  if (env.LIVE_ID) list.push(on('progress', movesProgress), on('entry-in-work', showsEntryInWork));
  if (env.FOLDER) list.push(on('folders', decidesOnFiles), on('bulk', carriesDocumentsOut));
  list.push(on('work', showsWork));
  if (env.DELETE_ID) list.push(on('delete', deletesEntry));
  return list;
}
