import { stat } from 'node:fs/promises';
import path from 'node:path';
import { assert } from './assert.mjs';

const row = (page, file) => page.locator(`[data-testid="upload"][data-name="${file}"]`);
const inState = (page, file, state) => row(page, file).locator(`[data-upload-state="${state}"]`).waitFor();

/** throttle bounds how fast the page may send, in bytes a second; 0 lifts it. */
async function throttle(page, rate) {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: rate || -1 });
}

/** A file is uploaded, the page is reloaded in the middle, and the upload goes on where it was; then the entry becomes ready. */
export async function uploads({ page, shot }, { UPLOAD_FILE: file }) {
  const name = path.basename(file);
  const { size } = await stat(file);
  page.on('dialog', (dialog) => void dialog.accept()); // the page asks before it is left
  await page.goto('/console/upload');
  await page.getByRole('heading', { level: 1, name: 'Upload' }).waitFor();
  await page.getByRole('button', { name: 'Details of the files that are chosen next' }).click();
  await page.getByLabel('Tags').fill('browser, test');
  await page.getByTestId('files').setInputFiles(file);
  await inState(page, name, 'chosen');
  await page.getByRole('button', { name: `Details of ${name}` }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Uploaded in a browser');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await throttle(page, size / 20);
  await page.getByRole('button', { name: 'Upload 1 file' }).click();
  await inState(page, name, 'sending');
  await page.waitForFunction(() => {
    const [, percent] = /(\d+) % uploaded/.exec(document.querySelector('[data-testid="upload"] [role="progressbar"]')?.ariaLabel ?? '') ?? [];
    return Number(percent) >= 30;
  });
  await page.getByRole('button', { name: `Pause ${name}` }).click();
  await inState(page, name, 'paused');
  await shot('upload-paused');
  await page.getByRole('button', { name: `Resume ${name}` }).click();
  await inState(page, name, 'sending');

  await page.reload();
  await page.getByTestId('unfinished').getByText(name).waitFor();
  await shot('upload-unfinished');
  await throttle(page, 0);
  const looked = page.waitForResponse((r) => r.request().method() === 'HEAD' && /\.0-\d+$/.test(r.url()));
  await page.getByTestId('files').setInputFiles(file);
  await page.getByRole('button', { name: 'Upload 1 file' }).click();
  const kept = Number((await looked).headers()['upload-offset']);
  assert(kept > 0 && kept < size, `after the reload the server had ${kept} of ${size} bytes`);
  await inState(page, name, 'sent');
  await page.getByTestId('unfinished').waitFor({ state: 'detached' });
  await row(page, name).locator('[data-status="ready"]').waitFor();
  await shot('upload-ready');
  await page.getByTestId('recent').first().getByRole('link', { name: 'Uploaded in a browser' }).click();
  await page.getByRole('heading', { level: 1, name: 'Uploaded in a browser' }).waitFor();
}

/** A folder is dropped: its files come with their paths. What cannot be uploaded says why. */
export async function uploadsFolders({ page, shot }, { UPLOAD_DIR: dir }) {
  await page.goto('/console/upload');
  const box = await page.getByTestId('dropzone').boundingBox();
  const session = await page.context().newCDPSession(page);
  const at = { x: box.x + box.width / 2, y: box.y + 10, data: { items: [], files: [dir], dragOperationsMask: 1 } };
  for (const type of ['dragEnter', 'dragOver', 'drop']) await session.send('Input.dispatchDragEvent', { type, ...at });
  await page.getByText(`${path.basename(dir)}/sub/deep.mp4`).waitFor();
  await page.getByText(`${path.basename(dir)}/top.mp4`).waitFor();
  await page.getByTestId('files').setInputFiles({ name: 'nothing.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(0) });
  await row(page, 'nothing.mp4').getByText('The file is empty.').waitFor();
  await page.getByTestId('total').getByText('3 files').waitFor();
  await page.getByRole('button', { name: 'Upload 2 files' }).click();
  for (const name of ['top.mp4', 'deep.mp4']) await inState(page, name, 'sent');
  await shot('upload-folder');
  await page.getByRole('button', { name: 'Clear finished' }).click();
  await row(page, 'top.mp4').waitFor({ state: 'detached' });
}
