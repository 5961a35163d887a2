import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { changeRollout } from '../../router/canary/change-rollout.ts';
import { runCanary } from '../../router/canary/command.ts';
import type { Snapshot } from '../../router/console/snapshot.ts';
import { type Router, startRouter } from '../../router/main.ts';
import { readConfig } from '../../runtime/config.ts';
import { createLog } from '../../runtime/log.ts';
import { acceptingSaga } from '../support/accepting-saga.ts';
import { call } from '../support/api-client.ts';
import { type EventStream, openEventStream } from '../support/event-stream.ts';
import { manyOrders } from '../support/many-orders.ts';
import { type FreshDatabase, freshDatabase, freshRedis, type Shop, shop } from '../support/services.ts';

let database: FreshDatabase;
let store: Shop;
let shared: Router;
const redis = freshRedis();
const running: { stop(): Promise<void> }[] = [];
const streams: EventStream[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  store = shop(database.pool);
  shared = await router(database);
  running.splice(0);
});
afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
  for (const part of running.splice(0)) await part.stop();
});
afterAll(async () => {
  await shared.stop();
  await database.drop();
});

let routers = 0;
async function router(at: FreshDatabase, env: NodeJS.ProcessEnv = {}, saga?: PaymentEngine): Promise<Router> {
  const id = `router-${(routers += 1)}`;
  const config = readConfig({
    DATABASE_URL: at.url,
    REDIS_URL: redis.url,
    SAGASHIFT_KEY_PREFIX: `${redis.prefix}-${id}`,
    SAGASHIFT_LEGACY_ENGINE: 'legacy-lean',
    SAGASHIFT_WORKER_ID: id,
    ...env,
  });
  const engines = { orchestration: saga ?? acceptingSaga(at.pool) };
  const started = await startRouter(config, {
    engines,
    log: createLog('router', 'silent'),
    drainMs: 0,
    snapshotMs: 100,
  });
  running.push(started);
  return started;
}

async function watch(at: Router): Promise<EventStream> {
  const stream = await openEventStream(`${at.url}/console/events`);
  streams.push(stream);
  return stream;
}
const snapshotOf = async (stream: EventStream): Promise<Snapshot> => JSON.parse(await stream.next()) as Snapshot;
/** The first snapshot of which it holds. */
async function until(stream: EventStream, holds: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
  for (;;) {
    const snapshot = await snapshotOf(stream);
    if (holds(snapshot)) return snapshot;
  }
}
const consoleSessions = async (): Promise<number> => {
  const [row] = await database.pool.query<{ n: number }>(
    `select count(*) as n from pg_stat_activity where application_name = 'sagashift-console' and datname = current_database()`,
  );
  return row?.n ?? 0;
};

/** Who has left is heard of a moment later. */
async function untilNobodyWatches(): Promise<void> {
  while ((await consoleSessions()) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('the status page', () => {
  test('is one page of its own origin, protected, and its parts may be kept for ever', async () => {
    const response = await fetch(`${shared.url}/console`);
    const html = await response.text();
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringMatching(/^default-src 'none'; .*frame-ancestors 'none'$/),
    });
    expect(response.headers.get('content-security-policy')).not.toContain('unsafe');
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=|https?:\/\//);
    const assets = [...html.matchAll(/(?:src|href)="(\/console\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
    expect(new Set(assets).size).toBe(9);
    for (const path of assets) {
      const asset = await fetch(shared.url + path);
      expect(asset.status).toBe(200);
      expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(asset.headers.get('x-content-type-options')).toBe('nosniff');
      expect(asset.headers.get('content-type')).toMatch(/^(text\/(css|javascript)|image\/svg\+xml); charset=utf-8$/);
      expect((await asset.arrayBuffer()).byteLength).toBe(Number(asset.headers.get('content-length')));
    }
  });

  test.each([
    ['GET', '/console/assets/page.js', 404],
    ['GET', '/console/assets/..%2fmain.ts', 404],
    ['POST', '/console', 405],
    ['DELETE', '/console/events', 405],
    ['HEAD', '/console', 200],
  ])('%s %s is answered %i', async (method, path, status) => {
    const response = await fetch(shared.url + path, { method });
    expect(response.status).toBe(status);
    if (status === 405) expect(response.headers.get('allow')).toBe('GET, HEAD');
  });

  test('HEAD of the stream is answered without a stream', async () => {
    const response = await fetch(`${shared.url}/console/events`, { method: 'HEAD' });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await response.text()).toBe('');
  });
});

describe('the stream of snapshots', () => {
  test('says what there is before anything has happened, and that nothing was ever verified', async () => {
    const stream = await watch(shared);
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    const { router: facts, rollout, sides, concerns, database: state, decisions } = await snapshotOf(stream);
    expect(facts).toEqual({
      id: 'router-1',
      pinned: null,
      engines: { legacy: 'legacy-lean', saga: 'orchestration' },
    });
    expect(rollout).toMatchObject({ version: 1, percentage: 0, emergency: false, stale: false, allowed: 0, denied: 0 });
    expect(sides.saga).toEqual({
      engine: 'orchestration',
      settledPerSecond: null,
      latencyMs: { p50: null, p95: null, p99: null },
      outcomes: { good: 0, rejected: 0, bad: 0 },
      decided: 0,
      inFlight: 0,
    });
    expect(decisions).toEqual([]);
    expect(concerns).toEqual([]);
    expect(state.reachable).toBe(true);
    expect(state.figures).toMatchObject({
      rollout: { version: 1, changedBy: 'migration' },
      sagas: { running: 0, compensating: 0, attention: 0, oldestSeconds: null },
      delivery: { undelivered: 0, oldestSeconds: null, deadLetters: 0 },
      routers: [{ id: 'router-1', version: 1 }],
      workers: { alive: 0, silent: 0 },
      verification: null,
    });
  });

  test('counts payments by side, outcome and rule while somebody watches', async () => {
    const stream = await watch(shared);
    await snapshotOf(stream);
    const order = await store.payable();
    const pay = { userId: order.userId };
    expect((await call('POST', `${shared.url}/v1/orders/${order.id}/payments`, pay)).status).toBe(201);
    const { sides, decisions, history, windowSeconds } = await until(
      stream,
      ({ sides: { legacy } }) => legacy?.outcomes.good === 1,
    );
    expect(sides.legacy).toMatchObject({
      engine: 'legacy-lean',
      outcomes: { good: 1, bad: 0 },
      decided: 1,
      inFlight: 0,
    });
    expect(sides.legacy?.settledPerSecond).toBeGreaterThan(0);
    expect(sides.legacy?.latencyMs.p99).toBeGreaterThan(0);
    expect(decisions).toEqual([{ side: 'legacy', reason: 'default', recent: 1, total: 1 }]);
    expect(windowSeconds).toBeGreaterThan(0);
    expect(history.at.length).toBe(history.legacyPerSecond.length);
    expect(history.legacyPerSecond.at(-1)).toBeGreaterThan(0);
  });

  test('tells of sagas, deliveries, routers, workers and the last verification', async () => {
    const other = await freshDatabase();
    const at = await router(other);
    const [first, second, third] = await manyOrders(other.pool, 3);
    await other.pool.query(
      `insert into saga_state (saga_type, order_id, status, current_step, created_at, attention_at) values
         ('orchestration', $1, 'RUNNING', 'accepted', now() - interval '90 s', now()),
         ('orchestration', $2, 'COMPENSATING', 'accepted', now(), null), ('orchestration', $3, 'COMPLETED', 'createPayment', now(), null)`,
      [first?.id, second?.id, third?.id],
    );
    await other.pool.query(
      `insert into external_event_log (order_id, event_type, target_system, event_data, status, created_at)
       select $1, 'payment.completed', 'data-platform', '{}', s, now() - interval '40 s' from unnest(array['PENDING', 'FAILED', 'SENT', 'DEAD_LETTER']) s`,
      [first?.id],
    );
    await other.pool.query(
      `insert into router_heartbeat (router_id, applied_version, beat_at) values ('gone', 1, now() - interval '1 minute');
       insert into worker_heartbeat (worker_id, role, beat_at) values ('w', 'orchestrator', now() + interval '1 h'), ('x', 'order', now() - interval '1 minute');
       insert into verification_run (mode, finished_at, checked, violations) values ('drained', now() - interval '1 h', 12, 0), ('live', now(), 40, 3), ('live', null, null, null);
       insert into verification_finding (run_id, code, severity, violations, sample) values (2, 'M1', 'money', 3, '[]')`,
    );
    const { database: state, concerns } = await snapshotOf(await watch(at));
    expect(state.figures).toMatchObject({
      sagas: { running: 1, compensating: 1, attention: 1 },
      delivery: { undelivered: 2, deadLetters: 1 },
      workers: { alive: 1, silent: 1 },
      verification: { mode: 'live', checked: 40, violations: 3, codes: ['M1'] },
    });
    expect(state.figures?.sagas.oldestSeconds).toBeGreaterThanOrEqual(90);
    expect(state.figures?.delivery.oldestSeconds).toBeGreaterThanOrEqual(40);
    expect(state.figures?.routers.map(({ id }) => id).sort()).toEqual(['gone', `router-${routers}`]);
    expect(concerns.map(({ text }) => text)).toEqual([
      'the last verification found 3 violations: M1',
      'a saga has been open for more than 60 seconds',
      '1 saga needs a person to look at it',
      '1 event was given up on',
      'an event has waited for delivery for more than 30 seconds',
      '1 router is silent',
    ]);
    await at.stop();
    await other.drop();
  });

  test('a rollback by the canary command is in it within seconds, with who and why', async () => {
    const stream = await watch(shared);
    await snapshotOf(stream);
    const env = { DATABASE_URL: database.url };
    const run = (argv: string[]) => runCanary(argv, { env, out: () => undefined, err: () => undefined });
    expect(await run(['rollback', '--reason', 'error rate', '--by', 'kim'])).toBe(0);
    const { rollout, database: state } = await until(
      stream,
      (snapshot) => snapshot.rollout.emergency && snapshot.database.figures?.rollout?.emergency === true,
    );
    expect(rollout).toMatchObject({ version: 2, emergency: true });
    expect(state.figures?.rollout).toMatchObject({ changedBy: 'kim', reason: 'error rate' });
    expect(await run(['clear', '--reason', 'over'])).toBe(0);
    await until(stream, (snapshot) => !snapshot.rollout.emergency);
  });

  test('is one work for all viewers, and none when nobody watches', async () => {
    await untilNobodyWatches();
    const [one, two] = [await watch(shared), await watch(shared)];
    const seen = [await one.next(), await one.next(), await one.next()];
    // The same text to the millisecond: it was made once.
    expect([await two.next(), await two.next()].some((text) => seen.includes(text))).toBe(true);
    expect(await consoleSessions()).toBe(1);
    one.close();
    two.close();
    await untilNobodyWatches();
    // Who comes back sees at once what there is.
    expect((await snapshotOf(await watch(shared))).database.figures).not.toBeNull();
  });

  test('has a limited number of viewers: the next one is told when to come back', async () => {
    for (let i = 0; i < 50; i += 1) await watch(shared);
    const refused = await call('GET', `${shared.url}/console/events`);
    expect(refused).toMatchObject({ status: 503, body: { code: 'TOO_MANY_VIEWERS' } });
    expect(refused.headers.get('retry-after')).toBe('10');
    const left = streams.shift() as EventStream;
    left.close();
    await left.ended;
    for (;;) {
      const stream = await openEventStream(`${shared.url}/console/events`);
      stream.close();
      if (stream.response.statusCode === 200) break;
    }
    expect((await call('GET', `${shared.url}/healthz`)).status).toBe(200);
  });

  test('ends with its router, which does not wait for those who watch', async () => {
    const at = await router(database);
    const stream = await watch(at);
    await snapshotOf(stream);
    const reading = stream.next().then(
      () => stream.next(),
      () => 'ended',
    );
    const stopping = at.stop();
    await expect(reading.catch(() => 'ended')).resolves.toBe('ended');
    await stopping;
    expect(stream.response.complete).toBe(true); // ended, not cut off when patience was over
    await untilNobodyWatches();
    await expect(fetch(`${at.url}/console`)).rejects.toThrow();
  });

  test('goes on without the database: it keeps what it knew and says how old that is', async () => {
    const doomed = await freshDatabase();
    const at = await router(doomed);
    const stream = await watch(at);
    await until(stream, ({ database: { figures } }) => figures !== null);
    await doomed.drop();
    const away = await until(stream, ({ database: { reachable } }) => !reachable);
    expect(away.database.figures).toMatchObject({ rollout: { version: 1 } });
    const later = await snapshotOf(stream);
    expect(later.database.ageMs).toBeGreaterThan(away.database.ageMs as number);
    expect(later.concerns).toContainEqual({
      level: 'bad',
      text: 'the database does not answer: figures from it are old',
    });
  });

  test('a pinned router has one side and says so', async () => {
    const at = await router(database, { SAGASHIFT_ENGINE: 'orchestration' });
    await changeRollout(
      database.pool,
      { percentage: 5 },
      { actor: 'test', action: 'set', reason: 'test' },
      { retryOnConflict: true },
    );
    const { router: facts, sides } = await snapshotOf(await watch(at));
    expect(facts).toMatchObject({ pinned: 'orchestration', engines: { legacy: null, saga: 'orchestration' } });
    expect(sides.legacy).toBeNull();
    expect(sides.saga).toMatchObject({ engine: 'orchestration' });
  });
});
