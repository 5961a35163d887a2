import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { microTransactions } from '../../domain/cuts.ts';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { createSagaEngine, startWorker } from '../../eventdriven/index.ts';
import { factsLiteral } from '../../eventdriven/saga/boundary-sql.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { privateRedis, type PrivateRedis } from '../support/private-redis.ts';
import { accept } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';

/**
 * What one payment of the orchestration may cost when nobody shares its batch, without delivery rows. Redis counts what scripts
 * call, too: of the 38, 9 add the job, 10 wait for it and take it, 3 look whether another waits, 15 end it, 1 tells the router.
 */
const budget = { commits: 6, roundTrips: 12, walBytes: 8_192, redisCommands: 40 };

interface Plan {
  readonly 'QUERY PLAN': readonly [{ readonly Plan: { readonly 'WAL Bytes': number; readonly 'WAL FPI': number } }];
}

describe('a payment by saga, alone', () => {
  let db: FreshDatabase;
  let redis: PrivateRedis;
  beforeAll(async () => {
    [db, redis] = await Promise.all([freshDatabase(), privateRedis()]);
    await db.pool.query('delete from delivery_route');
  });
  afterAll(async () => {
    await Promise.all([db.drop(), redis.stop()]);
  });

  test(`commits at most ${budget.commits} times, in ${budget.roundTrips} round trips and ${budget.redisCommands} Redis commands`, async () => {
    const ports: EnginePorts = portsOn(db.url, { url: redis.url, prefix: 'cost' });
    const worker = await startWorker({ ...ports, roles: ['orchestrator'] });
    const engine: PaymentEngine = createSagaEngine('orchestration', ports);
    await engine.start();
    const pay = async (): Promise<string> => {
      const { id, userId } = await shop(db.pool).payable();
      const route = { side: 'saga', reason: 'pinned', bucket: 1, version: 1 } as const;
      const command = { orderId: id, userId, couponId: null, route };
      return (await (await engine.submit(command, new AbortController().signal)).settled).kind;
    };
    const spent = async () => ({
      commits: (await ports.metrics.commits.get()).values[0]?.value ?? 0,
      roundTrips: (await ports.metrics.roundTrips.get()).values[0]?.value ?? 0,
      redisCommands: await redis.commands(),
    });
    const payments = 60;
    await pay();
    const before = await spent();
    for (let i = 0; i < payments; i++) expect(await pay()).toBe('paid');
    const after = await spent();
    await engine.stop();
    await worker.stop();
    for (const key of ['commits', 'roundTrips', 'redisCommands'] as const) {
      const each = (after[key] - before[key]) / payments;
      expect([key, each <= budget[key], each]).toEqual([key, true, each]);
      expect(each).toBeGreaterThanOrEqual(5); // one to accept it and one for each boundary: less was not counted
    }
  });

  test(`writes at most ${budget.walBytes} bytes of WAL`, async () => {
    const bytes: number[] = [];
    await db.pool.transaction(async (tx) => {
      const written = async (sql: string, values: readonly unknown[]): Promise<number> => {
        const [row] = await tx.query<Plan>(`explain (analyze, wal, format json) select * from ${sql}`, values);
        const plan = row?.['QUERY PLAN'][0].Plan;
        // A page's first change after a checkpoint is written whole, whenever one may have been: it is not the payment's.
        return plan === undefined || plan['WAL FPI'] > 0 ? Number.NaN : plan['WAL Bytes'];
      };
      for (let i = 0; i < 40; i++) {
        const order = await shop(tx).payable({ price: 300 });
        const [saga] = await accept(tx, [order]);
        if (saga === undefined) throw new Error('it was not accepted');
        const facts = { due: order.total, discount: 0, products: [order.productId], qtys: [1] };
        let sum = 0;
        for (const boundary of microTransactions) {
          sum += await written('run_boundary($1, $2, $3, $4, $5, $6, $7, false, 0, $8::payment_facts[])', [
            ...[boundary.name, boundary.no, boundary.steps.map((step) => step.name), boundary.last],
            ...[
              [boundary.events.passed, boundary.events.refused],
              'orchestration',
              'w1',
              factsLiteral([{ ...saga, facts }]),
            ],
          ]);
        }
        bytes.push(sum);
      }
    });
    const whole = bytes.filter((sum) => !Number.isNaN(sum)).sort((a, b) => a - b);
    const median = whole[whole.length >> 1] ?? Number.NaN;
    expect(whole.length).toBeGreaterThan(0);
    expect(median).toBeGreaterThan(2_000);
    expect(median).toBeLessThanOrEqual(budget.walBytes);
    if (process.env['SAGA_COST'] !== undefined) process.stderr.write(`WAL of four boundaries: ${median} bytes\n`);
  });
});
