import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { runCanary } from '../../router/canary/command.ts';
import { type Router, startRouter } from '../../router/main.ts';
import { readConfig } from '../../runtime/config.ts';
import { createLog } from '../../runtime/log.ts';
import { acceptingSaga } from '../support/accepting-saga.ts';
import { call } from '../support/api-client.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import { inBrowser, launchBrowser } from '../support/browser.ts';

let database: FreshDatabase;
let router: Router;
let browser: Browser | undefined;
const redis = freshRedis();

const startOn = (port: number): Promise<Router> => {
  const config = readConfig({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    SAGASHIFT_KEY_PREFIX: redis.prefix,
    SAGASHIFT_LEGACY_ENGINE: 'legacy-lean',
    SAGASHIFT_WORKER_ID: 'router-a',
    SAGASHIFT_PORT: String(port),
  });
  const engines = { orchestration: acceptingSaga(database.pool) };
  return startRouter(config, { engines, log: createLog('router', 'silent'), drainMs: 0, snapshotMs: 200 });
};

beforeAll(async () => {
  database = await freshDatabase();
  router = await startOn(0);
  browser = await launchBrowser();
}, 40_000);
afterAll(async () => {
  await browser?.close();
  await router.stop();
  await database.drop();
});

async function open(width: number, colorScheme: 'light' | 'dark'): Promise<{ page: Page; faults: string[] }> {
  if (browser === undefined) throw new Error('no browser');
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('request', (request) => request.url().startsWith(router.url) || faults.push(request.url()));
  await page.goto(`${router.url}/console`);
  return { page, faults };
}

/** Waits until the element says it. */
const says = async (page: Page, selector: string, text: string): Promise<void> => {
  await page.locator(selector, { hasText: text }).waitFor({ timeout: 15_000 });
};

async function payOne(): Promise<void> {
  const order = await shop(database.pool).payable();
  const { status } = await call('POST', `${router.url}/v1/orders/${order.id}/payments`, { userId: order.userId });
  expect(status).toBe(201);
}

const canary = (...argv: string[]): Promise<number> =>
  runCanary(argv, { env: { DATABASE_URL: database.url }, out: () => undefined, err: () => undefined });

/** Pixels of the monolith's line, by chart: a chart that was only laid out has none. */
const inked = `[...document.querySelectorAll('.chart canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && data[i] > data[i + 1] + 60) count += 1;
  return count;
})`;

/** The line of the rate and that of the latency, once there is enough to draw them. */
async function drawn(page: Page): Promise<number[]> {
  for (;;) {
    const pixels = await page.evaluate<number[]>(inked);
    if (pixels.every((count) => count > 20)) return pixels;
  }
}

describe('the status page in a browser', () => {
  inBrowser.each([
    [1_200, 'light'],
    [360, 'dark'],
  ] as const)(
    'shows figures as they come at %i pixels, %s, without an error, a request to elsewhere or a sideways scroll',
    async (width, scheme) => {
      const { page, faults } = await open(width, scheme);
      await says(page, '#live-state', 'Live');
      await payOne();
      await says(page, '#decisions', 'default');
      await says(page, '#engine-legacy', 'legacy-lean');
      await says(page, '#verification-figure', 'never');
      await says(page, '#routers', 'router-a (this one), version');
      expect(await drawn(page)).toHaveLength(2);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(width);
      expect(faults).toEqual([]);
      await page.close();
    },
    30_000,
  );

  inBrowser(
    'a rollback shows as a banner that says who and why, whatever they write, and goes again',
    async () => {
      const { page, faults } = await open(390, 'light');
      await says(page, '#headline', '0 % of users');
      expect(await page.locator('#rollback').isVisible()).toBe(false);
      expect(await canary('rollback', '--reason', '<img src=x onerror=alert(1)> rate', '--by', 'kim')).toBe(0);
      await says(page, '#rollback', 'by kim: <img src=x onerror=alert(1)> rate');
      await says(page, '#headline', 'Every new payment goes to the monolith');
      await says(page, '#rollout-figure', 'rolled back');
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(390);
      expect(await canary('clear', '--reason', 'over')).toBe(0);
      await page.locator('#rollback').waitFor({ state: 'hidden' });
      expect(faults).toEqual([]);
      await page.close();
    },
    30_000,
  );

  inBrowser(
    'says that the connection is lost and how old its figures are, and comes back by itself',
    async () => {
      const { page } = await open(1_200, 'dark');
      await says(page, '#live-state', 'Live');
      const { port } = new URL(router.url);
      await router.stop();
      await says(page, '#live-state', 'Connection lost');
      await says(page, '#live-age', 'old');
      router = await startOn(Number(port));
      await says(page, '#live-state', 'Live');
      await page.close();
    },
    40_000,
  );
});
