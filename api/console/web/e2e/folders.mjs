import { access, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { assert } from './assert.mjs';

const row = (page, file) => page.getByRole('table', { name: 'Files' }).locator('tr', { hasText: file });
const show = (page, filter) => page.getByRole('radiogroup', { name: 'Files shown' }).getByText(filter).click();
const gone = async (file) => {
  for (;;) {
    if (!(await access(file).then(() => true, () => false))) return;
    await new Promise((later) => setTimeout(later, 100));
  }
};

/**
 * A good and a bad file are dropped into a folder. The good one is in flight until it is whole, then becomes an entry; the bad
 * one says why it failed, and is tried again, ignored, and deleted with its file, after a question.
 */
export async function decidesOnFiles({ page, shot, accessible }, { FOLDER: dir, CLIP: clip }) {
  await page.goto('/console/folders');
  await page.getByRole('heading', { level: 1, name: 'Drop folders' }).waitFor();
  await page.getByRole('table', { name: 'Drop folders' }).getByText(dir).waitFor();
  await page.getByText('No file is on its way.').waitFor();
  await shot('folders-empty');
  const bad = path.join(dir, 'nothing in it.mp4');
  const good = path.join(dir, 'good one.mp4');
  const bytes = await readFile(clip);
  // A file that somebody still writes is in flight for as long as that.
  const writer = await open(good, 'w');
  await writer.write(bytes.subarray(0, 1000));
  await writeFile(bad, '');
  await row(page, 'good one.mp4').getByText('Arriving').waitFor();
  await shot('folders-in-flight');

  await show(page, 'All');
  await page.waitForURL('**/folders?show=all');
  await row(page, 'nothing in it.mp4').getByText('Failed').waitFor();
  await page.getByRole('link', { name: '1 failed in browser' }).click();
  await page.waitForURL(/folders\?show=failed&folder=\d+$/);
  await row(page, 'nothing in it.mp4').getByText('is empty. Send the file again.').waitFor();
  await shot('folders-failed');
  await accessible('/console/folders (a failed file)');

  await page.getByRole('button', { name: 'Try again: nothing in it.mp4' }).click();
  await page.getByText('nothing in it.mp4 is tried again').waitFor();
  // It is as empty as before: it fails again.
  await row(page, 'nothing in it.mp4').getByText('is empty. Send the file again.').waitFor();
  await page.getByRole('button', { name: 'Ignore: nothing in it.mp4' }).click();
  await row(page, 'nothing in it.mp4').waitFor({ state: 'detached' });
  await show(page, 'Ignored');
  await row(page, 'nothing in it.mp4').getByText('Ignored').waitFor();
  await page.reload();
  await row(page, 'nothing in it.mp4').waitFor();

  await page.getByRole('button', { name: 'Delete: nothing in it.mp4' }).click();
  const question = page.getByRole('dialog');
  await question.getByText('Delete this file?').waitFor();
  await shot('folders-delete');
  await question.getByRole('button', { name: 'Keep' }).click();
  await question.waitFor({ state: 'detached' });
  await access(bad);
  await page.getByRole('button', { name: 'Delete: nothing in it.mp4' }).click();
  await question.getByRole('button', { name: 'Delete', exact: true }).click();
  await row(page, 'nothing in it.mp4').waitFor({ state: 'detached' });
  await gone(bad);

  await writer.write(bytes.subarray(1000));
  await writer.close();
  await show(page, 'All');
  const link = row(page, 'good one.mp4').getByRole('link');
  await link.waitFor();
  await shot('folders-handled');
  await link.click();
  await page.getByRole('heading', { level: 1, name: 'good one' }).waitFor();
  assert(/\/console\/entries\/0_\w+$/.test(page.url()), `the file leads to ${page.url()}`);
}
