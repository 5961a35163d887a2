import { Agent } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { askAgain } from '../../bench/load/ask-again.ts';
import { type Operation, toLogLine } from '../../bench/load/operation.ts';
import { pay } from '../../bench/load/pay.ts';
import { settledOrders } from '../../bench/measure/outcome-sql.ts';
import { toldOf, unknownEnds } from '../../bench/run/told.ts';
import { verifyClientLog } from '../../consistency/client-log/verify-client-log.ts';
import type { Answer, PaymentEngine } from '../../domain/payment-engine.ts';
import { createLeanEngine } from '../../legacy/index.ts';
import { type Router, startRouter } from '../../router/main.ts';
import { readConfig } from '../../runtime/config.ts';
import { createLog } from '../../runtime/log.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { type FreshDatabase, freshDatabase, freshRedis, type Shop, shop } from '../support/services.ts';

let database: FreshDatabase;
let store: Shop;
let router: Router;
const redis = freshRedis();
const agent = new Agent({ keepAlive: true });
const never = new AbortController().signal;

const start = (engine?: PaymentEngine): Promise<Router> =>
  startRouter(
    readConfig({
      ...{ DATABASE_URL: database.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix },
      ...{ SAGASHIFT_ENGINE: 'legacy-lean' },
    }),
    { log: createLog('router', 'silent'), ...(engine && { engines: { 'legacy-lean': engine } }) },
  );

beforeAll(async () => {
  database = await freshDatabase();
  store = shop(database.pool);
  router = await start();
});
const proxies: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const proxy of proxies.splice(0)) await new Promise((resolve) => proxy.close(resolve));
});
afterAll(async () => {
  agent.destroy();
  await router.stop();
  await database.drop();
});

const port = (server: Server): number => (server.address() as AddressInfo).port;

/** Stands between client and router. `onAnswer` gets the client's socket when the router has answered, instead of the answer. */
async function between(onRequest: 'forward' | 'reset', onAnswer: (client: Socket) => void): Promise<string> {
  const proxy = createServer((client) => {
    sockets.add(client.on('error', () => undefined));
    if (onRequest === 'reset') return void client.once('data', () => client.destroy());
    const server = connect(Number(new URL(router.url).port), '127.0.0.1');
    sockets.add(server.on('error', () => undefined));
    client.pipe(server);
    server.on('data', () => {
      onAnswer(client);
    });
    return undefined;
  });
  proxies.push(proxy);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${port(proxy)}`;
}

const order = async (couponId: number | null = null) => {
  const { id, userId } = await store.payable();
  return { orderId: id, userId, couponId, expect: 'PAID' as const };
};
const ask = (asked: Parameters<typeof pay>[1], url = router.url, timeoutMs = 10_000): Promise<Operation> =>
  pay(url, asked, performance.now(), timeoutMs, agent);

/** What the round of a bench makes of these first requests. */
async function concluded(operations: readonly Operation[], urls = [router.url]) {
  const ids = operations.map(({ orderId }) => orderId);
  const unknown = unknownEnds(operations, await settledOrders(database.pool, Math.min(...ids), Math.max(...ids)));
  const again = await askAgain({ urls, operations, seed: 1, requestTimeoutMs: 10_000 }, never);
  const log = [...operations, ...again].map(toLogLine);
  const told = toldOf(operations, again, unknown, await verifyClientLog(database.url, log, { mode: 'drained' }));
  const examined = Object.fromEntries(told.clientLog?.invariants.map((one) => [one.code, one.examined]) ?? []);
  return { ...told, again, examined };
}

test('a payment whose acknowledgement was lost is unknown, turns out to be paid, and stays the one payment', async () => {
  const lossy = await between('forward', (client) => client.destroy());
  const first = await ask(await order(), lossy);
  expect(first).toMatchObject({ outcome: 'unknown', status: 0, code: 'CONNECTION_LOST' });
  const { clientLog, findings, again, examined } = await concluded([first]);
  expect(clientLog).toMatchObject({
    askedAgain: { requests: 1, answered: 1 },
    unknown: { paid: 1, refused: 0, untouched: 0, open: 0 },
  });
  expect(again).toMatchObject([{ outcome: 'paid', status: 201, attempt: 2 }]);
  expect(examined).toEqual({ A1: 1, A2: 0, A3: 1, A4: 1 });
  expect(findings).toEqual([]);
});

test('a request that never arrived is unknown, turns out to be without effect, and is paid by asking again', async () => {
  const first = await ask(await order(), await between('reset', () => undefined));
  expect(first).toMatchObject({ outcome: 'unknown', status: 0 });
  const { clientLog, findings, again } = await concluded([first]);
  expect(clientLog?.unknown).toEqual({ paid: 0, refused: 0, untouched: 1, open: 0 });
  expect(again).toMatchObject([{ outcome: 'paid', attempt: 2 }]);
  expect(findings).toEqual([]);
});

test('a client that ran out of patience is told on its second try what had happened on the first', async () => {
  let answered!: () => void;
  const ready = new Promise<void>((resolve) => (answered = resolve));
  const silent = await between('forward', answered); // the answer is kept for ever
  const first = await ask(await order(), silent, 300);
  expect(first).toMatchObject({ outcome: 'unknown', status: 0 });
  await ready;
  const { clientLog, findings, again } = await concluded([first]);
  expect(clientLog?.unknown).toMatchObject({ paid: 1 });
  expect(again).toMatchObject([{ outcome: 'paid' }]);
  expect(findings).toEqual([]);
});

test('the same key twice at once: one is told to wait, one is paid, and it is debited once', async () => {
  const asked = await order();
  let both: Promise<Operation>[] = [];
  const early = await database.pool.transaction(async (tx) => {
    await tx.query('select from orders where id = $1 for update', [asked.orderId]); // the first to come waits for this row
    both = [ask(asked), ask(asked)];
    return Promise.race(both);
  });
  expect(early).toMatchObject({ outcome: 'failed', status: 409, code: 'PAYMENT_IN_PROGRESS' });
  const operations = await Promise.all(both);
  expect(operations.map(({ outcome }) => outcome).sort()).toEqual(['failed', 'paid']);
  const { findings, examined } = await concluded(operations);
  expect(examined).toEqual({ A1: 1, A2: 0, A3: 1, A4: 1 });
  expect(findings).toEqual([]);
});

test('who was paid or refused hears the same again, and a mismatch with another coupon', async () => {
  const rich = await order();
  const couponId = await store.coupon({ userId: rich.userId });
  const { id: orderId, userId } = await store.payable({ balance: 1 });
  const operations = [
    await ask({ ...rich, couponId }),
    await ask({ orderId, userId, couponId: null, expect: 'BALANCE_INSUFFICIENT' }),
  ];
  const { again, findings, examined, clientLog, checked } = await concluded(operations);
  expect(again.map(({ code, status }) => code ?? status).sort()).toEqual(
    [201, 'BALANCE_INSUFFICIENT', 'COUPON_MISMATCH', 'COUPON_MISMATCH'].sort(),
  );
  expect(clientLog?.askedAgain).toEqual({ requests: 4, answered: 4 });
  expect(examined).toEqual({ A1: 1, A2: 1, A3: 0, A4: 2 });
  expect(findings).toEqual([]);
  expect(checked).toBe(2); // who was asked again counts in no figure
});

test.each([
  ['another payment', (answer: Answer): Answer => ({ ...answer, paymentId: 987_654 }) as Answer, ['A1', 'A4']],
  ['that it is not known', (): Answer => ({ kind: 'unchanged', code: 'ORDER_NOT_FOUND' }), ['A4']],
] as const)('a router that tells who asks again of %s is found out', async (_, lie, codes) => {
  const honest = createLeanEngine(portsOn(database.url, redis));
  const lying = await start({
    ...honest,
    submit: async (command, signal) => {
      const { settled, ...rest } = await honest.submit(command, signal);
      return {
        ...rest,
        settled: settled.then((answer) => ('replayed' in answer && answer.replayed ? lie(answer) : answer)),
      };
    },
  });
  try {
    const first = await ask(await order(), lying.url);
    expect(first).toMatchObject({ outcome: 'paid' });
    const { findings, violations } = await concluded([first], [lying.url]);
    expect(findings.map(({ code }) => code)).toEqual(codes);
    expect(violations).toBe(codes.length);
  } finally {
    await lying.stop();
  }
});

test('asking again ends when it is told to stop, also in the middle of a request', async () => {
  const stopped = new AbortController();
  const silent = await between('forward', () => {
    stopped.abort(new Error('stop'));
  });
  const asking = { urls: [silent], operations: [await ask(await order())], seed: 1, requestTimeoutMs: 60_000 };
  await expect(askAgain(asking, stopped.signal)).rejects.toThrow('stop');
});
