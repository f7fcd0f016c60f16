import { assert } from './assert.mjs';

const video = (page, read) => page.evaluate(read);
const until = (page, condition, argument) => page.waitForFunction(condition, argument, { polling: 100 });

/** playWith puts one technique through everything an operator does with a player. */
export async function playWith({ page, shot }, id, label) {
  await page.goto(`/console/entries/${id}`);
  await page.getByTestId('player').waitFor();
  await page.getByRole('radiogroup', { name: 'Play by' }).getByText(label, { exact: true }).click();
  const name = label.toLowerCase().replaceAll(' ', '-');

  await plays(page);
  await seeks(page);
  await showsStoryboard(page, () => shot(`${name}-storyboard`));
  await switchesQuality(page);
  await switchesAudio(page);
  await showsCaptions(page);
  await shot(`${name}-captions`);
  const alert = page.getByTestId('player').getByRole('alert');
  assert((await alert.count()) === 0, `the player shows a failure: ${await alert.allInnerTexts()}`);
}

/** A stream that cannot be had is told as such, and opened anew when it is there again. */
export async function tellsFailures({ page, shot, accessible, excuse }, { ENTRY_ID: id }) {
  excuse(/\b404\b/);
  const playlist = '**/container/fmp4/master.m3u8';
  await page.route(playlist, (route) => route.fulfill({ status: 404, body: 'gone' }));
  await page.goto(`/console/entries/${id}`);
  const alert = page.getByTestId('player').getByRole('alert');
  await alert.getByText('HTTP 404').waitFor();
  await shot('player-failure');
  await accessible('a player that failed');
  await page.unroute(playlist);
  await alert.getByRole('button', { name: 'Try again' }).click();
  await alert.waitFor({ state: 'detached' });
  await plays(page);
}

export async function plays(page) {
  await until(page, () => document.querySelector('video').readyState >= 2);
  await page.getByTestId('player').getByRole('button', { name: 'Play (k)' }).click();
  await until(page, () => document.querySelector('video').currentTime > 1.2);
  const picture = await video(page, () => {
    const v = document.querySelector('video');
    return { width: v.videoWidth, decoded: v.getVideoPlaybackQuality().totalVideoFrames };
  });
  assert(picture.width > 0 && picture.decoded > 0, `time passes but no picture is decoded: ${JSON.stringify(picture)}`);
}

async function seeks(page) {
  const bar = await page.getByTestId('seekbar').boundingBox();
  const duration = await video(page, () => document.querySelector('video').duration);
  const target = duration * 0.6;
  await page.mouse.click(bar.x + bar.width * 0.6, bar.y + bar.height / 2);
  await until(page, (t) => Math.abs(document.querySelector('video').currentTime - t) < 2 && !document.querySelector('video').seeking, target);
  const landed = await video(page, () => document.querySelector('video').currentTime);
  await until(page, (t) => document.querySelector('video').currentTime > t + 0.3, landed);
}

async function showsStoryboard(page, shot) {
  const bar = await page.getByTestId('seekbar').boundingBox();
  await page.mouse.move(bar.x + bar.width * 0.3, bar.y + bar.height / 2);
  const tile = page.getByTestId('storyboard-tile');
  await tile.waitFor();
  const first = await tile.evaluate((element) => getComputedStyle(element).background);
  const loaded = await tile.evaluate(async (element) => {
    const image = new Image();
    image.src = /url\("(.+?)"\)/.exec(getComputedStyle(element).backgroundImage)[1];
    await image.decode();
    return image.naturalWidth;
  });
  assert(loaded > 0, 'the storyboard picture does not load');
  await shot();
  await page.mouse.move(bar.x + bar.width * 0.8, bar.y + bar.height / 2);
  await until(page, (old) => getComputedStyle(document.querySelector('[data-testid="storyboard-tile"]')).background !== old, first);
  await page.mouse.move(bar.x + bar.width / 2, bar.y - 150);
}

/** choices opens a menu of the player and returns what it offers. */
async function choices(page, menu) {
  const button = page.getByTestId('player').getByRole('button', { name: menu });
  if (await button.isDisabled()) return [];
  await button.click();
  const items = page.getByRole('menuitemradio');
  await items.first().waitFor();
  const list = [];
  for (const item of await items.all()) {
    list.push({ id: await item.getAttribute('data-choice'), label: await item.innerText(), checked: (await item.getAttribute('aria-checked')) === 'true' });
  }
  await page.keyboard.press('Escape');
  await items.first().waitFor({ state: 'hidden' });
  return list;
}

async function choose(page, menu, choice) {
  await page.getByTestId('player').getByRole('button', { name: menu }).click();
  await page.locator(`[role="menuitemradio"][data-choice="${choice.id}"]`).click();
  await page.getByRole('menuitemradio').first().waitFor({ state: 'hidden' });
  const now = (await choices(page, menu)).find((c) => c.checked);
  assert(now?.id === choice.id, `${menu}: ${choice.label} was chosen but ${now?.label} is marked`);
}

/** rewind stops near the start: however slow the machine is, a short title does not end while something is chosen. */
const rewind = (page) =>
  video(page, () => {
    const v = document.querySelector('video');
    v.pause();
    v.currentTime = 1;
  });

const resume = (page) => video(page, () => document.querySelector('video').play());

/** restart plays from near the start. */
async function restart(page) {
  await rewind(page);
  await resume(page);
}

async function switchesQuality(page) {
  const list = (await choices(page, 'Quality')).filter((c) => c.id !== 'auto');
  if (list.length < 2) return;
  for (const choice of [list.at(-1), list[0]]) {
    const wanted = Number(/(\d+)p/.exec(choice.label)?.[1]);
    assert(wanted > 0, `the quality "${choice.label}" does not name its lines`);
    await rewind(page);
    await choose(page, 'Quality', choice);
    await resume(page);
    await until(page, (lines) => {
      const v = document.querySelector('video');
      return Math.min(v.videoWidth, v.videoHeight) === lines;
    }, wanted);
    const at = await video(page, () => document.querySelector('video').currentTime);
    await until(page, (t) => document.querySelector('video').currentTime > t + 0.3, at);
  }
}

async function switchesAudio(page) {
  const list = await choices(page, 'Audio');
  if (list.length < 2) return;
  await rewind(page);
  await choose(page, 'Audio', list[1]);
  await resume(page);
  const at = await video(page, () => document.querySelector('video').currentTime);
  await until(page, (t) => document.querySelector('video').currentTime > t + 0.3, at);
}

async function showsCaptions(page) {
  const list = (await choices(page, 'Captions (c)')).filter((c) => c.id !== 'off');
  if (list.length === 0) return;
  await restart(page);
  await choose(page, 'Captions (c)', list[0]);
  await until(page, () => [...document.querySelector('video').textTracks].some((t) => t.mode === 'showing' && t.cues?.length > 0));
  await video(page, () => {
    const v = document.querySelector('video');
    const track = [...v.textTracks].find((t) => t.mode === 'showing' && t.cues?.length > 0);
    v.currentTime = track.cues[0].startTime + 0.1;
    return v.play();
  });
  await until(page, () => [...document.querySelector('video').textTracks].some((t) => t.mode === 'showing' && t.activeCues?.length > 0));
  await video(page, () => document.querySelector('video').pause());
}
