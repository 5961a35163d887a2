import { describe, expect, test } from '@jest/globals';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { createLeanEngine } from '../../legacy/index.ts';
import type { RouterOverrides } from '../../router/main.ts';
import { createLog } from '../../runtime/log.ts';
import { call } from '../support/api-client.ts';
import { routerStage } from '../support/router-stage.ts';
import { freshDatabase } from '../support/services.ts';

const on = routerStage();
const { pay, start, config, metrics } = on;

describe('faults, limits and shutdown', () => {
  const engine = (submit: PaymentEngine['submit']): PaymentEngine => ({
    name: 'legacy',
    start: async () => undefined,
    submit,
    stop: async () => undefined,
  });
  const startWith = (submit: PaymentEngine['submit'], overrides: RouterOverrides = {}, env: NodeJS.ProcessEnv = {}) =>
    start({ SAGASHIFT_ENGINE: 'legacy', ...env }, { engines: { legacy: engine(submit) }, ...overrides });

  test.each<[string, PaymentEngine['submit']]>([
    ['before anything was accepted', () => Promise.reject(new Error('no connection'))],
    ['in the one transaction', async () => ({ settled: Promise.reject(new Error('deadlock')) })],
    ['of an engine that sends back for ever', async () => ({ settled: Promise.resolve({ kind: 'reroute' }) })],
  ])('a fault %s is 503 with Retry-After', async (_name, submit) => {
    const router = await startWith(submit);
    const reply = await pay(1, { userId: 1 }, router);
    expect(reply).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    expect(reply.headers.get('retry-after')).toBe('1');
    await router.stop();
  });

  test('a fault after a saga has accepted the payment is 202: the saga goes on', async () => {
    const router = await startWith(async () => ({ sagaId: 5, settled: Promise.reject(new Error('no Redis')) }));
    expect(await pay(1, { userId: 1 }, router)).toMatchObject({ status: 202, body: { sagaId: 5 } });
    await router.stop();
  });

  test('an engine that accepts nothing within the wait limit is told to stop, and the client to come again', async () => {
    let aborted = false;
    const router = await startWith(
      (_command, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new Error('stopped'));
          });
        }),
      {},
      { SAGASHIFT_WAIT_LIMIT_MS: '50' },
    );
    expect(await pay(1, { userId: 1 }, router)).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    await router.stop();
    expect(aborted).toBe(true);
  });

  test('a client that hangs up does not take an accepted payment along', async () => {
    const { id, userId } = await on.store.payable();
    let accepted: () => void = () => undefined;
    let goOn: () => void = () => undefined;
    const isAccepted = new Promise<void>((resolve) => {
      accepted = resolve;
    });
    const mayGoOn = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const real = createLeanEngine({ config: config(), metrics, log: createLog('engine', 'silent'), clock: Date.now });
    await real.start();
    let seen: AbortSignal | undefined;
    const router = await startWith(async (command, signal) => {
      seen = signal;
      const settled = mayGoOn.then(() => real.submit(command, signal)).then((submission) => submission.settled);
      setImmediate(accepted);
      return { settled };
    });
    const leaving = new AbortController();
    const asked = fetch(`${router.url}/v1/orders/${id}/payments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId }),
      signal: leaving.signal,
    }).catch(() => 'gone');
    await isAccepted;
    leaving.abort();
    expect(await asked).toBe('gone');
    const stopping = router.stop(); // waits for the payment in work
    goOn();
    await stopping;
    await real.stop();
    expect(seen?.aborted).toBe(false);
    expect((await call('GET', `${on.monolith.url}/v1/orders/${id}/payment`)).body).toMatchObject({ status: 'PAID' });
  });

  test('too many payments in work are turned away, of one user and of all', async () => {
    let finish: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let inWork = 0;
    const router = await startWith(
      async () => {
        inWork += 1;
        return { settled: done.then(() => ({ kind: 'unchanged', code: 'ORDER_NOT_FOUND' })) };
      },
      {},
      { SAGASHIFT_PAYMENTS_IN_FLIGHT: '3', SAGASHIFT_PAYMENTS_PER_USER: '2' },
    );
    const held = [pay(1, { userId: 1 }, router), pay(2, { userId: 1 }, router)];
    while (inWork < 2) await new Promise(setImmediate);
    expect(await pay(3, { userId: 1 }, router)).toMatchObject({ status: 429, body: { code: 'TOO_MANY_REQUESTS' } });
    held.push(pay(4, { userId: 2 }, router));
    while (inWork < 3) await new Promise(setImmediate);
    const full = await pay(5, { userId: 3 }, router);
    expect(full).toMatchObject({ status: 503, body: { code: 'OVERLOADED' } });
    expect(full.headers.get('retry-after')).toBe('1');
    finish();
    for (const reply of await Promise.all(held)) expect(reply.status).toBe(404);
    expect((await pay(6, { userId: 1 }, router)).status).toBe(404);
    await router.stop();
  });

  test('a stop answers what is still open after its limit with 202', async () => {
    let accepted: () => void = () => undefined;
    const isAccepted = new Promise<void>((resolve) => {
      accepted = resolve;
    });
    const router = await startWith(
      async () => {
        accepted();
        return { sagaId: 9, settled: new Promise(() => undefined) };
      },
      { drainMs: 50 },
    );
    const asked = pay(1, { userId: 1 }, router);
    await isAccepted;
    await router.stop();
    expect(await asked).toMatchObject({ status: 202, body: { sagaId: 9 } });
  });

  test('a start that fails leaves nothing open', async () => {
    const taken = new URL(on.monolith.url).port;
    let stopped = false;
    const spare = { ...engine(() => Promise.reject(new Error('never'))), stop: async () => void (stopped = true) };
    await expect(
      start({ SAGASHIFT_ENGINE: 'legacy', SAGASHIFT_PORT: taken }, { engines: { legacy: spare } }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(stopped).toBe(true);
    const broken = { ...spare, start: () => Promise.reject(new Error('no Redis')) };
    await expect(start({ SAGASHIFT_ENGINE: 'legacy' }, { engines: { legacy: broken } })).rejects.toThrow('no Redis');
  });

  test('a database that is gone is 503, not a refusal', async () => {
    const lost = await freshDatabase(1);
    const router = await start({ DATABASE_URL: lost.url, SAGASHIFT_ENGINE: 'legacy-lean' }, {});
    await lost.drop();
    expect(await call('GET', `${router.url}/v1/orders/1`)).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE' },
    });
    expect(await pay(1, { userId: 1 }, router)).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    await router.stop();
  });
});
