import {
  BaseTransport,
  getTransportBody,
  initializeFaro,
  InternalLoggerLevel,
  LogLevel,
  type TransportItem,
  VERSION,
} from '@grafana/faro-core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startRouter } from '../../router/main.ts';
import { readConfig } from '../../runtime/config.ts';
import { openFaro } from '../../runtime/faro/faro-events.ts';
import { FetchTransport } from '../../runtime/faro/fetch-transport.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { call } from '../support/api-client.ts';
import { captured, collectStage, events, labels, post } from '../support/collect-stage.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';

const { open } = collectStage();
const redis = freshRedis();
let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

async function start(env: NodeJS.ProcessEnv = {}) {
  const { lines, log } = captured();
  const metrics = createMetrics();
  const base = { DATABASE_URL: database.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix };
  const router = await startRouter(readConfig({ ...base, SAGASHIFT_ENGINE: 'legacy-lean', ...env }), {
    log,
    metrics,
  });
  open.push(() => router.stop());
  return { url: `${router.url}/collect`, base: router.url, lines, metrics };
}

/** As small as one may be: what the SDK has batched goes out as the SDK writes it. */
class PlainTransport extends BaseTransport {
  override readonly name = 'plain';
  override readonly version = VERSION;
  readonly #url: string;
  readonly #sent: Promise<number>[];

  constructor(url: string, sent: Promise<number>[]) {
    super();
    this.#url = url;
    this.#sent = sent;
  }
  override isBatched(): boolean {
    return true;
  }
  send(items: TransportItem | TransportItem[]): void {
    const body = JSON.stringify(getTransportBody([items].flat()));
    this.#sent.push(post(this.#url, body).then(({ status }) => status));
  }
}

describe('a router', () => {
  test('takes what the real SDK sends by our transport: every kind, with session and app', async () => {
    const { url, lines, metrics } = await start({ SAGASHIFT_COLLECT_API_KEY: 'a-long-enough-key' });
    const said: string[] = [];
    const sink = { url, apiKey: 'a-long-enough-key' };
    const transport = new FetchTransport({ sink, session: 'run-7', say: (line) => said.push(line) });
    const { api } = openFaro('sagashift-bench', 'run-7', transport);
    const spanContext = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    api.pushEvent('round.finished', { engine: 'legacy', round: '3' }, 'sagashift', { spanContext });
    api.pushLog(['two', 'words'], { level: LogLevel.WARN, context: { where: 'here' } });
    api.pushMeasurement({ type: 'latency', values: { p50: 1.5, p99: NaN } });
    api.pushError(new RangeError('too far'), {
      stackFrames: [{ filename: 'a.js', function: 'f', lineno: 1, colno: 2 }],
    });
    await transport.stop();
    expect(said).toEqual([]);
    expect(lines).toMatchObject([
      {
        kind: 'event',
        app: 'sagashift-bench',
        session: 'run-7',
        item: {
          name: 'round.finished',
          domain: 'sagashift',
          attributes: { engine: 'legacy', round: '3' },
          trace: { trace_id: spanContext.traceId },
        },
      },
      { kind: 'log', item: { message: 'two words', level: 'warn', context: { where: 'here' } } },
      { kind: 'measurement', item: { type: 'latency', values: { p50: 1.5, p99: null } } },
      {
        kind: 'exception',
        item: { type: 'RangeError', value: 'too far', stacktrace: { frames: [{ filename: 'a.js', lineno: 1 }] } },
      },
    ]);
    expect(await labels(metrics)).toEqual([
      ...['event', 'exception', 'log', 'measurement'].map((kind) => `collect_items_total{kind="${kind}"} 1`),
      'collect_requests_total{outcome="accepted"} 1',
    ]);
  });

  test('takes a full batch of the SDK’s own batching as it is', async () => {
    const { url, lines } = await start();
    const sent: Promise<number>[] = [];
    const faro = initializeFaro({
      app: { name: 'page' },
      transports: [new PlainTransport(url, sent)],
      batching: { enabled: true, sendTimeout: 0, itemLimit: 50 },
      instrumentations: [],
      metas: [],
      dedupe: false,
      paused: false,
      isolate: true,
      preventGlobalExposure: true,
      globalObjectKey: 'faro',
      internalLoggerLevel: InternalLoggerLevel.OFF,
      parseStacktrace: () => ({ frames: [] }),
      unpatchedConsole: console,
    });
    for (let i = 0; i < 100; i += 1) faro.api.pushEvent('click', { i: String(i) });
    expect(await Promise.all(sent)).toEqual([202, 202]);
    expect(lines).toHaveLength(100);
  });

  test('takes telemetry on loopback only, unless told', async () => {
    const on = await start();
    expect((await post(on.url, '{}')).status).toBe(202);
    const wrongMethod = await call('GET', on.url);
    expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'POST']);
    const preflight = await fetch(on.url, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([405, null]);
    const off = await start({ SAGASHIFT_COLLECT: 'off' });
    expect((await post(off.url, '{}')).status).toBe(404);
    const env = { DATABASE_URL: database.url, REDIS_URL: redis.url };
    const enabled = (more: NodeJS.ProcessEnv) => readConfig({ ...env, ...more }).collect.enabled;
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
      expect(enabled({ SAGASHIFT_HOST: host })).toBe(true);
    for (const host of ['0.0.0.0', '::', '10.0.0.7', 'router.example', '127.evil.example'])
      expect(enabled({ SAGASHIFT_HOST: host })).toBe(false);
    expect(enabled({ SAGASHIFT_HOST: '0.0.0.0', SAGASHIFT_COLLECT: 'on' })).toBe(true);
  });

  test('pays while it is flooded', async () => {
    const { url, base, metrics } = await start();
    const flood = Array.from({ length: 60 }, () => post(url, events(100)).then(({ status }) => status));
    const { id, userId } = await shop(database.pool).payable();
    const paid = await call('POST', `${base}/v1/orders/${id}/payments`, { userId });
    expect(paid.status).toBe(201);
    const statuses = new Set(await Promise.all(flood));
    expect([...statuses].sort()).toEqual([202, 429]);
    const [, taken] = (await labels(metrics)).join().match(/kind="event"\} (\d+)/) ?? [];
    expect(Number(taken)).toBeLessThan(60 * 100);
  });
});
