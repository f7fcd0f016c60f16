import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--mute-audio',
];

/** Requests that a page gives up by itself, when a player is closed or a stream is left, are no failures. */
const abandoned = /ERR_ABORTED/;

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
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.stack ?? error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`HTTP ${response.status()}: ${response.url()}`);
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
    shot: (name) => page.screenshot({ path: path.join(output, `${name}.png`), animations: 'disabled' }),
    close: () => browser.close(),
  };
}
