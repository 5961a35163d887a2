import { afterAll, beforeAll } from '@jest/globals';
import { loadDataset } from '../../bench/dataset/load.ts';
import { type OrderPlan, planOrders } from '../../bench/dataset/plan.ts';
import type { ClientEntry } from '../../consistency/client-log/operation-log.ts';
import {
  type ClientLogOptions,
  type ClientLogReport,
  judgeClientLog,
} from '../../consistency/client-log/verify-client-log.ts';
import type { Paid } from '../../consistency/self-test/pay-at-once.ts';
import { everyEnd, payEach } from './every-end.ts';
import { rolledBack } from './rolled-back.ts';
import { type FreshDatabase, freshDatabase } from './services.ts';

/** Orders that were paid or refused, and what a driver was told of them. Read the fields that are not functions in tests: before them there are none. */
export interface ClientLogStage {
  readonly database: FreshDatabase;
  /** What became of the orders that were asked for. */
  readonly outcomes: readonly Paid[];
  /** A paid order and a refused one, with what was told about them. */
  readonly paid: ClientEntry & { readonly paymentId: number };
  readonly refused: ClientEntry;
  /** Of all orders, those that nobody has asked for last. */
  readonly plans: readonly OrderPlan[];
  readonly planOf: (orderId: number) => OrderPlan;
  /** A log as a driver keeps it: every order asked for twice, so that each invariant has something to examine, and some not told at first. */
  readonly log: () => ClientEntry[];
  /** What the log breaks after the statement, which leaves nothing behind. */
  readonly brokenAfter: (
    sql: string,
    entries: readonly ClientEntry[],
    mode?: ClientLogOptions['mode'],
  ) => Promise<string[]>;
}

/** Of this file's own, with so many orders asked for. Call it once, outside of tests. */
export function clientLogStage(asked: number): ClientLogStage {
  const options = everyEnd(asked + 20);
  const plans = [...planOrders(options)];
  const planOf = (id: number): OrderPlan => plans.find(({ orderId }) => orderId === id) ?? plans[0]!;
  const made = {} as {
    database: FreshDatabase;
    outcomes: Paid[];
    paid: ClientLogStage['paid'];
    refused: ClientEntry;
  };
  const log = (): ClientEntry[] => made.outcomes.flatMap((paid, i) => toldTwice(paid, planOf(paid.orderId), i % 3 > 0));

  beforeAll(async () => {
    made.database = await freshDatabase();
    await loadDataset(made.database.url, options);
    made.outcomes = await payEach(made.database.pool, plans, asked / 3);
    const entries = log();
    made.paid = entries.findLast(({ outcome }) => outcome === 'paid') as ClientLogStage['paid'];
    made.refused = entries.findLast(({ outcome }) => outcome === 'refused')!;
  });
  afterAll(() => made.database.drop());

  return Object.assign(made, {
    ...{ plans, planOf, log },
    brokenAfter: (sql: string, entries: readonly ClientEntry[], mode: ClientLogOptions['mode'] = 'drained') =>
      rolledBack(made.database.pool, async (tx) => {
        await tx.query(sql);
        return brokenIn(await judgeClientLog(tx, entries, { mode }));
      }),
  });
}

function toldTwice(paid: Paid, { userId, couponId }: OrderPlan, toldAtFirst: boolean): ClientEntry[] {
  const { orderId, outcome, paymentId = null, code = null } = paid;
  const entry = { orderId, userId, couponId, invokedAt: 10, endedAt: 20 };
  const told = { ...entry, outcome, paymentId, code, status: paymentId ? 201 : 422 };
  const lost = { ...entry, outcome: 'unknown' as const, code: 'CONNECTION_LOST', paymentId: null, status: 0 };
  return [toldAtFirst ? told : lost, { ...told, invokedAt: 30, endedAt: 40 }];
}

/** The codes of what is broken. */
export const brokenIn = ({ perInvariant }: ClientLogReport): string[] =>
  perInvariant.filter(({ violations }) => violations > 0).map(({ code }) => code);
