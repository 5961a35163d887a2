import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { type Router, startRouter } from '../../router/main.ts';
import { readConfig } from '../../runtime/config.ts';
import { listen, newApp } from '../../runtime/http.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { repository } from '../../runtime/repository.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';
import { inBrowser, launchBrowser } from '../support/browser.ts';

const bundle = join(repository, 'node_modules/@grafana/faro-core/dist/bundle/faro-core.iife.js');

/** What a page has to do: the SDK, and a transport that posts to the router. Resolves with the statuses, or why there is none. */
const useFaro = (url: string): string => `(async () => {
  const { BaseTransport, getTransportBody, initializeFaro, LogLevel, VERSION } = GrafanaFaroCore;
  const answers = [];
  class PageTransport extends BaseTransport {
    name = 'page';
    version = VERSION;
    isBatched() { return true; }
    send(items) {
      const body = JSON.stringify(getTransportBody(items));
      const headers = { 'content-type': 'application/json' };
      answers.push(fetch(${JSON.stringify(url)}, { method: 'POST', headers, body }).then((r) => r.status, (e) => e.name));
    }
  }
  const faro = initializeFaro({
    app: { name: 'page' }, transports: [new PageTransport()], metas: [{ page: { url: location.href }, session: { id: 'tab-1' } }],
    instrumentations: [], batching: { enabled: true, itemLimit: 4, sendTimeout: 0 }, dedupe: false, paused: false,
    isolate: true, preventGlobalExposure: true, globalObjectKey: 'faro', internalLoggerLevel: 0,
    parseStacktrace: (error) => ({ frames: [{ filename: String(error.stack).split('\\n')[1] ?? '', function: 'f' }] }),
    unpatchedConsole: console,
  });
  faro.api.pushEvent('opened', { by: 'test' });
  faro.api.pushLog(['seen'], { level: LogLevel.INFO });
  faro.api.pushMeasurement({ type: 'paint', values: { ms: performance.now() } });
  try { null.thing; } catch (error) { faro.api.pushError(error); }
  return Promise.all(answers);
})()`;

let browser: Browser | undefined;
let database: FreshDatabase;
let router: Router;
const metrics = createMetrics();
const lines: Record<string, unknown>[] = [];
beforeAll(async () => {
  browser = await launchBrowser();
  database = await freshDatabase();
  const redis = freshRedis();
  const config = readConfig({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    SAGASHIFT_KEY_PREFIX: redis.prefix,
    SAGASHIFT_ENGINE: 'legacy-lean',
  });
  const log = createLog('router', 'info', { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) });
  router = await startRouter(config, { metrics, log });
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await router.stop();
  await database.drop();
});

async function pageAt(url: string): Promise<Page> {
  if (browser === undefined) throw new Error('no browser');
  const page = await browser.newPage();
  await page.goto(url);
  // As typed into the browser's own console: the status page allows no inline script.
  await page.evaluate(`${readFileSync(bundle, 'utf8')}\n;globalThis.GrafanaFaroCore = GrafanaFaroCore;`);
  return page;
}
const collected = () => lines.filter(({ msg }) => msg === 'collected');

describe('Faro in a browser', () => {
  inBrowser(
    'the status page, under its content policy, tells the router an event, a log, a measurement and an exception',
    async () => {
      const page = await pageAt(`${router.url}/console?secret=1`);
      expect(await page.evaluate<unknown>(useFaro('/collect'))).toEqual([202]);
      const meta = { app: 'page', session: 'tab-1', page: `${router.url}/console` };
      expect(collected()).toMatchObject([
        { ...meta, kind: 'event', item: { name: 'opened', attributes: { by: 'test' } } },
        { ...meta, kind: 'log', item: { message: 'seen', level: 'info' } },
        { ...meta, kind: 'measurement', item: { type: 'paint', values: { ms: expect.any(Number) } } },
        { ...meta, kind: 'exception', item: { type: 'TypeError', value: expect.stringContaining('thing') } },
      ]);
      await page.close();
    },
    30_000,
  );

  inBrowser(
    'a page of another origin is kept out by the browser, and nothing of it arrives',
    async () => {
      const app = newApp();
      app.get('/', (_req, res) => void res.type('html').send('<!doctype html><title>elsewhere</title>'));
      const elsewhere = await listen(app, '127.0.0.1', 0);
      const before = collected().length;
      const page = await pageAt(elsewhere.url);
      expect(await page.evaluate<unknown>(useFaro(`${router.url}/collect`))).toEqual(['TypeError']);
      expect(collected()).toHaveLength(before);
      await page.close();
      await elsewhere.close();
    },
    30_000,
  );
});
