import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { renderReport } from '../../bench/report/report.ts';
import { resultOf } from '../support/bench-result.ts';
import { hasBrowser, inBrowser, launchBrowser } from '../support/browser.ts';

let directory = '';
let browser: Browser | undefined;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'bench-report-'));
  writeFileSync(join(directory, 'report.html'), renderReport(resultOf()));
  browser = await launchBrowser();
}, 40_000);
afterAll(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true });
});

async function open(width: number, colorScheme: 'light' | 'dark') {
  if (browser === undefined) throw new Error('no browser');
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on(
    'request',
    (request) => request.url().startsWith('file:') || request.url().startsWith('data:') || faults.push(request.url()),
  );
  await page.goto(`file://${join(directory, 'report.html')}`);
  await page.waitForSelector('html[data-charts]');
  return { page, faults };
}

/** Pixels that are not transparent: a chart that was only laid out has none. */
const inked = `[...document.querySelectorAll('.chart canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i] > 0) count += 1;
  return count;
})`;

describe('the report in a browser', () => {
  test('there is a browser where CI runs', () => {
    expect(hasBrowser || process.env['CI'] !== 'true').toBe(true);
  });

  inBrowser.each([
    [1_200, 'light'],
    [390, 'dark'],
  ] as const)(
    'draws every chart at %i pixels, %s, without an error, a request or a sideways scroll',
    async (width, scheme) => {
      const { page, faults } = await open(width, scheme);
      const pixels = await page.evaluate<number[]>(inked);
      expect(pixels).toHaveLength(8);
      for (const count of pixels) expect(count).toBeGreaterThan(1_000);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(width);
      expect(faults).toEqual([]);
      await page.close();
    },
    30_000,
  );
});
