import { readFile } from 'node:fs/promises';
import { assert } from './assert.mjs';

/** One item that can be carried out and one that names an entry that is not there. */
const document = {
  name: 'two items.csv',
  mimeType: 'text/csv',
  buffer: Buffer.from('*action,title,referenceId\nadd,Made by a document,browser-1\ndelete,,browser-none\n'),
};

async function add(page, file, { dryRun = false } = {}) {
  await page.goto('/console/bulk');
  await page.getByRole('button', { name: 'Add a document' }).click();
  const form = page.getByRole('dialog');
  await form.locator('input[type=file]').setInputFiles(file);
  if (dryRun) await form.getByRole('switch', { name: 'Dry run' }).check();
  await form.getByRole('button', { name: dryRun ? 'Check' : 'Carry out' }).click();
}

/** shows waits for a job's page and for what became of its two items. */
async function shows(page, state) {
  await page.getByRole('heading', { level: 1, name: document.name }).waitFor();
  await page.getByText(/^2 of 2/).waitFor();
  await page.getByText(state).waitFor();
  const items = page.getByRole('table', { name: 'Items' });
  await items.locator('tr', { hasText: 'Made by a document' }).getByText('ok', { exact: true }).waitFor();
  await items.locator('tr', { hasText: 'browser-none' }).getByText('there is no entry "browser-none"').waitFor();
  return items;
}

/** A document with a bad item is tried first, then carried out; its log is downloaded. One that is no document is refused. */
export async function carriesDocumentsOut({ page, shot, accessible, excuse }) {
  await add(page, document, { dryRun: true });
  await shows(page, 'Done in part');
  await page.getByText('nothing was changed').waitFor();
  await shot('bulk-dry-run');

  await add(page, document);
  const items = await shows(page, 'Done in part');
  assert((await page.getByText('nothing was changed').count()) === 0, 'the job says that it is a dry run');
  const made = items.locator('tr', { hasText: 'Made by a document' }).getByRole('link');
  await made.waitFor();
  await page.getByRole('radiogroup', { name: 'Items shown' }).getByText('Failed (1)').click();
  await page.waitForURL(/bulk\/\d+\?show=errors$/);
  await made.waitFor({ state: 'detached' });
  await page.getByText('1–1 of 1').waitFor();
  await shot('bulk-job');
  await accessible('a bulk job');

  await page.getByRole('button', { name: 'Download the log' }).click();
  const coming = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'CSV' }).click();
  const file = await coming;
  assert(/^bulk-\d+\.csv$/.test(file.suggestedFilename()), `the log is called ${file.suggestedFilename()}`);
  const log = await readFile(await file.path(), 'utf8');
  assert(log.includes('browser-none') && log.includes('Made by a document'), `the log does not tell of both items:\n${log}`);

  await page.goto('/console/bulk');
  const list = page.getByRole('table', { name: 'Bulk jobs' });
  await list.getByText('Dry run').first().waitFor();
  await shot('bulk');
  await accessible('/console/bulk');

  excuse(/\b400\b/); // the refusal that comes now
  await add(page, { ...document, name: 'empty.csv', buffer: Buffer.alloc(0) });
  await page.getByRole('alert').getByText('The document was not taken in').waitFor();
  await shot('bulk-refused');
}
