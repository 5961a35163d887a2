import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadDataset } from '../../bench/dataset/load.ts';
import { datasetOptions } from '../../bench/dataset/options.ts';
import { type OrderPlan, planOrders } from '../../bench/dataset/plan.ts';
import type { ClientEntry } from '../../consistency/client-log/operation-log.ts';
import { verifyClientLog } from '../../consistency/client-log/verify-client-log.ts';
import { type VerificationReport, verify } from '../../consistency/verifier.ts';
import type { Answer, PaymentEngine } from '../../domain/payment-engine.ts';
import { createSagaEngine, startWorker, type WorkerRole } from '../../eventdriven/index.ts';
import { createLeanEngine, createLegacyEngine } from '../../legacy/index.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';

const options = datasetOptions({
  users: 40,
  products: 8,
  orders: 120,
  hotShare: 0.5,
  couponShare: 0.4,
  lowBalanceShare: 0.08,
  lapsedShare: 0.08,
  usedCouponShare: 0.08,
  blockedShare: 0.08,
});
const plans = [...planOrders(options)];

interface Running {
  readonly engine: PaymentEngine;
  stop(): Promise<void>;
}

const monolith = (create: (ports: EnginePorts) => PaymentEngine) => async (ports: EnginePorts) => {
  const engine = create(ports);
  await engine.start();
  return { engine, stop: () => engine.stop() };
};
const sagas = (style: 'orchestration' | 'choreography', roles: readonly WorkerRole[]) => async (ports: EnginePorts) => {
  const worker = await startWorker({ ...ports, roles });
  const engine = createSagaEngine(style, ports);
  await engine.start();
  const stop = async (): Promise<void> => {
    await engine.stop();
    await worker.stop();
  };
  return { engine, stop };
};
const starts: readonly ((ports: EnginePorts) => Promise<Running>)[] = [
  monolith(createLegacyEngine),
  monolith(createLeanEngine),
  sagas('orchestration', ['orchestrator']),
  sagas('choreography', ['order', 'balance', 'product', 'payment']),
];

let database: FreshDatabase;
const running: Running[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  await loadDataset(database.url, options);
  for (const start of starts) running.push(await start(portsOn(database.url, freshRedis())));
});
afterAll(async () => {
  for (const { stop } of running) await stop();
  await database.drop();
});

async function pay({ engine }: Running, { orderId, userId, couponId }: OrderPlan): Promise<Answer> {
  const side = engine.name.startsWith('legacy') ? 'legacy' : 'saga';
  const route = { side, reason: 'pinned', bucket: userId % 100, version: 1 } as const;
  const signal = AbortSignal.timeout(15_000);
  return (await engine.submit({ orderId, userId, couponId, route }, signal)).settled;
}

const asEntry = (orderId: number, answer: Answer): ClientEntry => {
  if (answer.kind === 'paid') return { orderId, outcome: 'paid', paymentId: answer.paymentId };
  return { orderId, outcome: answer.kind === 'refused' ? 'refused' : 'unknown' };
};

const broken = ({ perInvariant }: VerificationReport): object =>
  Object.fromEntries(perInvariant.filter(({ violations }) => violations > 0).map(({ code, sample }) => [code, sample]));

test('all engines at once on the same hot rows break no invariant, while they pay and after', async () => {
  const log: ClientEntry[] = [];
  const ended: Record<number, string> = {};
  const clients = Array.from({ length: 16 }, async (_, client) => {
    for (const plan of plans.filter(({ orderId }) => orderId % 16 === client)) {
      const answer = await pay(running[plan.orderId % starts.length] as Running, plan);
      log.push(asEntry(plan.orderId, answer));
      ended[plan.orderId] = answer.kind === 'refused' ? answer.code : answer.kind.toUpperCase();
    }
  });
  const paid = Promise.all(clients);
  expect(broken(await verify(database.url, { mode: 'live' }))).toEqual({});
  await paid;

  await database.pool.query(`update external_event_log set status = 'SENT'`); // no relay runs here
  const expectEngines = running.map(({ engine }) => engine.name);
  const report = await verify(database.url, { mode: 'drained', expectEngines });
  expect(broken(report)).toEqual({});
  expect(report.unexamined).toEqual([]);
  expect(report.score.examined).toBe(plans.length);
  expect(ended).toEqual(Object.fromEntries(plans.map(({ orderId, expect: kind }) => [orderId, kind])));
  expect(await verifyClientLog(database.url, log)).toMatchObject({
    violations: 0,
    unknown: { paid: 0, refused: 0, open: 0 },
  });
}, 60_000);
