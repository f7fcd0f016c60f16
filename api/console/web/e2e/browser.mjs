import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { assert } from './assert.mjs';

const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--mute-audio',
];

/** Requests that a page gives up by itself, when a player is closed or a stream is left, are no failures. */
const abandoned = /ERR_ABORTED/;

/** accessible checks what a page shows against the rules of axe-core. */
async function accessible(page, where) {
  // Half-faded rows have half the contrast: let what moves come to rest. Endless animations never do.
  await page.waitForFunction(() =>
    document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getComputedTiming().iterations === Infinity),
  );
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  const faults = violations.map((v) => `${v.id} (${v.impact}): ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')}`);
  assert(faults.length === 0, `${where} is not accessible:\n${faults.join('\n')}`);
}

/**
 * openBrowser starts Chromium and returns a page whose complaints are collected: errors in the console, uncaught
 * exceptions, refused or failed requests, and any request to another origin than the server under test.
 */
export async function openBrowser({ baseURL, output, executablePath, colorScheme = 'dark' }) {
  await mkdir(output, { recursive: true });
  const browser = await chromium.launch({ executablePath, args: flags });
  const context = await browser.newContext({ baseURL, viewport: { width: 1360, height: 900 }, colorScheme });
  const page = await context.newPage();
  // Generous, so that a busy machine is slow rather than wrong.
  page.setDefaultTimeout(120_000);
  const complaints = [];
  let excused = /$^/;
  const complain = (text) => {
    if (!excused.test(text)) complaints.push(text);
  };
  page.on('console', (message) => {
    if (message.type() === 'error') complain(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.stack ?? error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) complain(`HTTP ${response.status()}: ${response.url()}`);
  });
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? '';
    if (!abandoned.test(reason)) complaints.push(`request failed: ${request.url()}: ${reason}`);
  });
  const home = new URL(baseURL).origin;
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.origin !== home) complaints.push(`request to a stranger: ${request.url()}`);
  });
  return {
    page,
    complaints,
    accessible: (where) => accessible(page, where),
    /** excuse lets complaints pass from now on that a check provokes. */
    excuse: (pattern) => {
      excused = pattern;
    },
    shot: (name) => page.screenshot({ path: path.join(output, `${name}.png`), animations: 'disabled' }),
    close: () => browser.close(),
  };
}
