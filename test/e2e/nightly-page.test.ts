import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { nightlyPage } from '../../consistency/nightly/page.ts';
import { nightlyReport } from '../support/nightly-report.ts';
import { inBrowser, launchBrowser } from '../support/browser.ts';

let directory = '';
let browser: Browser | undefined;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nightly-page-'));
  writeFileSync(join(directory, 'clean.html'), nightlyPage(nightlyReport()));
  writeFileSync(join(directory, 'broken.html'), nightlyPage(nightlyReport(true)));
  browser = await launchBrowser();
}, 40_000);
afterAll(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true });
});

async function open(name: string, width: number, colorScheme: 'light' | 'dark') {
  if (browser === undefined) throw new Error('no browser');
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('request', (request) => request.url().startsWith('file:') || faults.push(request.url()));
  await page.goto(`file://${join(directory, `${name}.html`)}`);
  const texts = (selector: string): Promise<string[]> => page.locator(selector).allInnerTexts();
  return { page, faults, texts };
}

/** How far text stands out from what it is drawn on, WCAG 2.1; 4.5 is what small text needs. */
const contrasts = `(() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('h1, .meta, .badge, td, th, p, li span, summary')].filter((e) => e.innerText?.trim()).map((e) => {
    const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
})()`;

describe('the page of a night in a browser', () => {
  inBrowser.each([
    ['clean', 1_200, 'light'],
    ['clean', 390, 'dark'],
    ['broken', 390, 'light'],
    ['broken', 1_200, 'dark'],
  ] as const)(
    '%s at %i pixels, %s: fits, can be read, asks for nothing and runs nothing',
    async (name, width, scheme) => {
      const { page, faults } = await open(name, width, scheme);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(width);
      const all = await page.evaluate<number[]>(contrasts);
      expect(all.length).toBeGreaterThan(50);
      expect(Math.min(...all)).toBeGreaterThanOrEqual(4.5);
      expect(await page.locator('script, img').count()).toBe(0);
      expect(faults).toEqual([]);
      await page.close();
    },
    30_000,
  );

  inBrowser('says first that the books are in order, and then what that rests on', async () => {
    const { page, texts } = await open('clean', 1_200, 'light');
    expect(await texts('h1')).toEqual([
      'The books are in order: 1,000,000 orders examined, at least 99.9997 % proven.',
    ]);
    expect(await page.title()).toBe('In order: night of 2026-11-22, Sagashift');
    expect(await page.locator('#broken').count()).toBe(0);
    expect(await page.locator('.nights li').count()).toBe(30);
    expect(await texts('#invariants p')).toEqual([expect.stringMatching(/Nothing was there to examine for [A-Z]\d: /)]);
    await page.close();
  });

  inBrowser('says what is broken, since when, with ids and what to do, and takes no markup from a row', async () => {
    const { page, texts } = await open('broken', 1_200, 'light');
    expect(await texts('h1')).toEqual([
      'The books are not in order: B1, X1 are broken, 413 violations among 1,000,000 orders.',
    ]);
    const [first, second] = await texts('.finding');
    expect(first).toMatch(/^B1 does not hold: /);
    expect(first).toContain('broken since the night of 2026-11-18');
    expect(first).toContain('balance 104711');
    expect(first).toMatch(/What to do\. \S/);
    expect(second).toContain('new tonight');
    expect(second).toContain('order <img src=x onerror="document.title=1">');
    expect(await page.title()).toBe('NOT in order: night of 2026-11-22, Sagashift');
    await page.locator('.finding summary').first().click();
    expect(await page.locator('#finding-B1 .chips li').count()).toBe(100);
    expect(await page.locator('.nights .is-broken').count()).toBe(5);
    expect(await page.locator('.nights .is-abandoned').count()).toBe(1);
    expect(await texts('#facts')).toEqual([expect.stringContaining('It was resumed once')]);
    await page.close();
  });
});
