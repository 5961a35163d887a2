import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { renderChaosReport } from '../../bench/chaos/report/chaos-report.ts';
import { chaosResultOf, survivedFault } from '../support/chaos-result.ts';
import { inBrowser, launchBrowser } from '../support/browser.ts';

let directory = '';
let browser: Browser | undefined;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'chaos-report-'));
  const notRun = { fault: 'redis-flush', style: 'choreography', why: 'REDIS_URL names a server' } as const;
  const { timeline } = survivedFault;
  const half = (values: readonly number[] = []) => values.map((value) => value / 2);
  const slower = timeline && { ...timeline, finalPerSecond: half(timeline.finalPerSecond), open: half(timeline.open) };
  const results = [survivedFault, { ...survivedFault, style: 'choreography', timeline: slower } as const];
  writeFileSync(join(directory, 'report.html'), renderChaosReport(chaosResultOf(results, { notRun: [notRun] })));
  browser = await launchBrowser();
}, 40_000);
afterAll(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true });
});

/** How many pixels of a chart's canvas are of about this colour: a chart that was only laid out has none. */
const like = (colour: readonly number[]): string => `[...document.querySelectorAll('.chart canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const near = (i, n, to) => Math.abs(data[i + n] - to) < 24;
  let count = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && ${colour.map((to, n) => `near(i, ${n}, ${to})`).join(' && ')}) count += 1;
  return count;
})`;
/** Pixels that let the paper through: nothing but a shade does. */
const shaded = `[...document.querySelectorAll('.chart canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i] > 20 && data[i] < 100) count += 1;
  return count;
})`;

describe('the report of faults in a browser', () => {
  inBrowser.each([
    [1_200, 'light', [0xa8, 0x30, 0x25]],
    [390, 'dark', [0xf0, 0x89, 0x7d]],
  ] as const)(
    'draws each fault, its instant and its recovery at %i pixels, %s, without an error, a request or a sideways scroll',
    async (width, colorScheme, fault) => {
      if (browser === undefined) throw new Error('no browser');
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const wrong: string[] = [];
      page.on('pageerror', (error) => wrong.push(error.message));
      page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
      page.on('request', (request) => request.url().startsWith('file:') || wrong.push(request.url()));
      await page.goto(`file://${join(directory, 'report.html')}`);
      await page.waitForSelector('html[data-charts="2"]');
      for (const count of await page.evaluate<number[]>(shaded)) expect(count).toBeGreaterThan(1_000);
      for (const count of await page.evaluate<number[]>(like(fault))) expect(count).toBeGreaterThan(100);
      for (const count of await page.evaluate<number[]>(like([0x2f, 0x6f, 0xd0]))) expect(count).toBeGreaterThan(50);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(width);
      expect(wrong).toEqual([]);
      await page.close();
    },
    30_000,
  );
});
