import { access, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { assert } from './assert.mjs';

const row = (page, file) => page.getByRole('table', { name: 'Files' }).locator('tr', { hasText: file });
const show = (page, filter) => page.getByRole('radiogroup', { name: 'Files shown' }).getByText(filter).click();
const there = (file) => access(file).then(() => true, () => false);

/**
 * A good file and two bad ones are dropped into a folder. The good one is in flight until it is whole, then becomes an entry.
 * The bad ones say why they failed: one is ignored, and then deleted after a question; the other is tried again all the same,
 * and its entry says why it failed.
 */
export async function decidesOnFiles({ page, shot, accessible }, { FOLDER: dir, CLIP: clip }) {
  const [good, bad, worse] = ['good one.mp4', 'nothing in it.mp4', 'nothing either.mp4'];
  await page.goto('/console/folders');
  await page.getByRole('heading', { level: 1, name: 'Drop folders' }).waitFor();
  await page.getByRole('table', { name: 'Drop folders' }).getByText(dir).waitFor();
  await page.getByText('No file is on its way.').waitFor();
  await shot('folders-empty');

  // A file that somebody still writes is in flight for as long as that.
  const bytes = await readFile(clip);
  const writer = await open(path.join(dir, good), 'w');
  try {
    await writer.write(bytes.subarray(0, 1000));
    for (const name of [bad, worse]) await writeFile(path.join(dir, name), '');
    await row(page, good).getByText('Arriving').waitFor();
    await page.getByRole('link', { name: '2 failed in browser' }).waitFor();
    await shot('folders-in-flight');
    await writer.write(bytes.subarray(1000));
  } finally {
    await writer.close();
  }

  await page.getByRole('link', { name: '2 failed in browser' }).click();
  await page.waitForURL(/folders\?show=failed&folder=\d+$/);
  await row(page, bad).getByText('is empty. Send the file again.').waitFor();
  await shot('folders-failed');
  await accessible('/console/folders (failed files)');
  await ignoresAndDeletes(page, shot, path.join(dir, bad));

  await show(page, 'Failed');
  await page.getByRole('button', { name: `Try again: ${worse}` }).click();
  await page.getByText(`${worse} is tried again`).waitFor();
  await row(page, worse).waitFor({ state: 'detached' });
  await show(page, 'Handled');
  await row(page, worse).getByRole('link').first().click();
  await page.getByRole('alert').getByText('The file is empty.').waitFor();
  await page.getByText('Failed at the stage “Import”').waitFor();
  await page.getByRole('tab', { name: /Stages/ }).click();
  await page.getByRole('button', { name: /^Try again: task \d+$/ }).waitFor();
  await shot('entry-failed');
  await accessible('an entry that failed');

  await page.goto('/console/folders?show=handled');
  const link = row(page, good).getByRole('link').first();
  await link.waitFor();
  await shot('folders-handled');
  await link.click();
  await page.getByRole('heading', { level: 1, name: 'good one' }).waitFor();
  assert(/\/console\/entries\/0_\w+$/.test(page.url()), `the file leads to ${page.url()}`);
}

async function ignoresAndDeletes(page, shot, file) {
  const name = path.basename(file);
  await page.getByRole('button', { name: `Ignore: ${name}` }).click();
  await row(page, name).waitFor({ state: 'detached' });
  await show(page, 'Ignored');
  await row(page, name).getByText('Ignored').waitFor();
  await page.reload(); // the address knows what is shown
  await row(page, name).waitFor();

  await page.getByRole('button', { name: `Delete: ${name}` }).click();
  const question = page.getByRole('dialog');
  await question.getByText('Delete this file?').waitFor();
  await shot('folders-delete');
  await question.getByRole('button', { name: 'Keep' }).click();
  await question.waitFor({ state: 'detached' });
  assert(await there(file), `${file} is gone, though it was to be kept`);
  await page.getByRole('button', { name: `Delete: ${name}` }).click();
  await question.getByRole('button', { name: 'Delete', exact: true }).click();
  await row(page, name).waitFor({ state: 'detached' });
  while (await there(file)) await page.waitForTimeout(100);
}
