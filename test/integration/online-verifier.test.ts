import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadDataset } from '../../bench/dataset/load.ts';
import { datasetOptions } from '../../bench/dataset/options.ts';
import { type OrderPlan, planOrders } from '../../bench/dataset/plan.ts';
import { askSubject } from '../../consistency/check.ts';
import { invariants } from '../../consistency/invariants.ts';
import { mutants } from '../../consistency/mutants.ts';
import type { Mutant } from '../../consistency/mutants/mutant.ts';
import { begin } from '../../consistency/online/begin.ts';
import { type CycleResult, type Position, runCycle } from '../../consistency/online/cycle.ts';
import { createKnown } from '../../consistency/online/known.ts';
import { createOnlineVerifier, type Cycle } from '../../consistency/online/online-verifier.ts';
import { createRotation } from '../../consistency/online/rotation.ts';
import { questions } from '../../consistency/online/subjects.ts';
import { type OnlineEvent, watchOnline } from '../../consistency/online/watch-online.ts';
import { among, everything } from '../../consistency/scope.ts';
import type { Tx } from '../../domain/ports.ts';
import { ConnectionLost, openConnection } from '../../runtime/database.ts';
import { type FreshDatabase, freshDatabase, testServices } from '../support/services.ts';
import { payLean } from '../../consistency/self-test/pay-at-once.ts';
import { paySagas } from '../../consistency/self-test/pay-sagas.ts';

const options = datasetOptions({
  users: 60,
  products: 12,
  orders: 400,
  lowBalanceShare: 0.06,
  lapsedShare: 0.06,
  usedCouponShare: 0.06,
  blockedShare: 0.06,
  couponShare: 0.4,
});
const plans = [...planOrders(options)];

let database: FreshDatabase;
let start: Position;
beforeAll(async () => {
  database = await freshDatabase();
  await loadDataset(database.url, options);
  for (const plan of plans.slice(0, 90)) await payLean(database.pool, plan);
  await paySagas(database.pool, plans.slice(90, 180), 'orchestration');
  await paySagas(database.pool, plans.slice(180, 270), 'choreography');
  await database.pool.query(`update external_event_log set status = 'SENT'`);
  [start] = await begin(database.pool);
});
afterAll(() => database.drop());

const codesIn = ({ found }: Pick<CycleResult, 'found'>): string[] => [
  ...new Set(found.map(({ invariant }) => invariant.code)),
];

class RolledBack extends Error {}

/** What one cycle, or a whole rotation, finds after the statements, which leave nothing behind. */
async function foundAfter(sql: string, cycles = 1, andThen?: (tx: Tx) => Promise<void>): Promise<Set<string>> {
  const codes = new Set<string>();
  const rotation = createRotation(cycles);
  const known = createKnown(() => 0);
  const work = database.pool.transaction(async (tx) => {
    await tx.query(sql);
    await andThen?.(tx);
    for (let n = 0; n < cycles; n++) {
      const result = await runCycle(tx, start, rotation, known, { maxOrders: 1_000, maxWaiting: 1_000 });
      for (const code of codesIn(result)) codes.add(code);
    }
    throw new RolledBack();
  });
  await expect(work).rejects.toBeInstanceOf(RolledBack);
  return codes;
}

/** As if the orders had been changed the way that all who change orders do. */
const withOrdersXid = `; update orders set xid = pg_current_xact_id() where xmin::text::bigint = pg_current_xact_id()::text::bigint % 4294967296`;
const newRows = `select from (
    select xid from orders union all select xid from balance_ledger union all select xid from stock_ledger
    union all select xid from payments union all select xid from event_store) r where xid = pg_current_xact_id() limit 1`;

/** What is about to be found, and is no concern of a constraint. */
const bound = mutants.filter(
  ({ code, does }) =>
    invariants.some((invariant) => invariant.code === code && invariant.class !== 'Q') && !does.endsWith('being there'),
);

test('without a mutant nothing is found, in a whole rotation', async () => {
  expect([...(await foundAfter('select', 4))]).toEqual([]);
});

describe('what is written as payments write it', () => {
  test('is found in the next cycle, by its own name', async () => {
    const caught: Mutant[] = [];
    const missed: Mutant[] = [];
    for (const mutant of bound) {
      let wrote = false;
      const codes = await foundAfter(mutant.sql + withOrdersXid, 1, async (tx) => {
        wrote = (await tx.query(newRows)).length > 0;
      });
      if (wrote) (codes.has(mutant.code) ? caught : missed).push(mutant);
    }
    expect(missed).toEqual([]);
    expect(new Set(caught.map(({ code }) => code)).size).toBeGreaterThanOrEqual(16);
  }, 120_000);

  test('is found when the order changes that it belongs to, however it was written', async () => {
    const missed: string[] = [];
    for (const { code, does, sql } of bound.filter(({ code: each }) => ofOrders.has(each))) {
      const codes = await foundAfter(`${sql}; update orders set xid = pg_current_xact_id()`);
      if (!codes.has(code)) missed.push(`${code} ${does}`);
    }
    expect(missed).toEqual(ofNoOrder);
  }, 120_000);
});

/** What has lost its order is not found by any order's change: a pass over everything sees it. */
const ofNoOrder = [
  'B7 a debit of an order that does not exist',
  'B7 a debit without order',
  'P2 a payment of no order',
  'G2 receipts of no saga',
];

/** Codes that are asked of orders, sagas and user coupons alone. */
const ofOrders = new Set(
  invariants
    .filter(
      ({ checks, code }) => code !== 'X1' && checks.every(({ subject }) => ['order', 'saga'].includes(subject.key)),
    )
    .map(({ code }) => code),
);

test.each(bound.filter(({ sql }) => /^(update|delete from) (balances|stocks) /.test(sql)))(
  'what no ledger tells of is found within a rotation: $code when $does',
  async ({ code, sql }) => {
    expect([...(await foundAfter(sql, 4))]).toContain(code);
  },
);

describe('a window on the new rows', () => {
  test('of all ids has the same answers as everything, for every subject', async () => {
    await database.pool.transaction(
      async (tx) => {
        for (const [subject, asked] of questions) {
          if (subject.key === 'whole') continue;
          const [all, some] = [
            await askSubject(tx, subject, asked, everything),
            await askSubject(tx, subject, asked, among(await idsOf(tx, tables[subject.key]))),
          ];
          const counts = all.map(({ examined, examinedBy, violations }) => ({ examined, examinedBy, violations }));
          expect([
            subject.name,
            some.map(({ examined, examinedBy, violations }) => ({ examined, examinedBy, violations })),
          ]).toEqual([subject.name, counts]);
          if (!rowless.includes(subject.name))
            expect([subject.name, counts.some(({ examined }) => examined > 0)]).toEqual([subject.name, true]);
        }
      },
      { isolation: 'repeatable read', readOnly: true },
    );
  });
});
const tables = {
  order: 'orders id',
  saga: 'saga_state saga_id',
  user: 'users id',
  product: 'products id',
  coupon: 'coupons id',
  'user coupon': 'user_coupons id',
} as const;
/** Subjects of which an honest world may have no row. */
const rowless: readonly string[] = [];
const idsOf = async (tx: Tx, tableAndKey: string): Promise<number[]> => {
  const [table, key] = tableAndKey.split(' ');
  return (await tx.query<{ id: number }>(`select ${key} as id from ${table}`)).map(({ id }) => id);
};

/** With a verifier of its own that has started, and all that is new examined. */
async function watching<T>(
  options_: { maxOrders?: number; maxWaiting?: number },
  work: (cycle: () => Promise<Cycle>) => Promise<T>,
): Promise<T> {
  const verifier = createOnlineVerifier({ url: database.url, ...options_ });
  try {
    expect((await verifier.start()).found).toEqual([]);
    return await work(() => verifier.cycle());
  } finally {
    await verifier.stop();
  }
}

let next = 270;
const takePlans = (count: number): OrderPlan[] => plans.slice(next, (next += count));
const takePaid = (): OrderPlan => {
  for (;;) {
    const [plan] = takePlans(1);
    if (plan === undefined) throw new Error('no plan is left');
    if (plan.expect === 'PAID') return plan;
  }
};

describe('beside payments', () => {
  test('nothing is found while all engines pay, every order is examined, and what is in flight is counted', async () => {
    const paidNow = takePlans(30);
    await watching({}, async (cycle) => {
      let paying = true;
      const work = (async () => {
        for (const plan of paidNow.slice(0, 10)) await payLean(database.pool, plan);
        await paySagas(database.pool, paidNow.slice(10, 20), 'orchestration');
        await paySagas(database.pool, paidNow.slice(20), 'choreography');
        paying = false;
      })();
      const seen: Cycle[] = [];
      while (paying) seen.push(await cycle());
      await work;
      seen.push(await cycle());
      expect(seen.flatMap(codesIn)).toEqual([]);
      expect(seen.reduce((sum, { orders }) => sum + orders, 0)).toBeGreaterThanOrEqual(paidNow.length);
      expect(seen.some(({ refolded }) => refolded)).toBe(false);
      expect(seen.at(-1)?.inFlight).toMatchObject({ sagas: 0, moneyWon: 0, stock: 0 });
    });
  });

  test('a double debit is found in the cycle after its commit, once, with its order', async () => {
    const { orderId } = takePaid();
    await watching({}, async (cycle) => {
      await payLean(database.pool, planOf(orderId));
      await cycle();
      await database.pool.query(debitAgain, [orderId]);
      const { found } = await cycle();
      expect(found.find(({ invariant }) => invariant.code === 'B5')?.violators).toEqual([
        { id: String(orderId), orderId },
      ]);
      expect(codesIn(await cycle())).toEqual([]);
      await database.pool.query(takeBack, [orderId]);
    });
  });

  test('what commits late is examined then, and not before, even if it was open when the verifier started', async () => {
    const [early, late, broken] = [takePaid(), takePaid(), takePaid()];
    await payLean(database.pool, broken);
    const held = await heldOpen((tx) => payLean(tx, early));
    const wrong = await heldOpen((tx) => tx.query(debitAgain, [broken.orderId]));
    await watching({}, async (cycle) => {
      const other = await heldOpen((tx) => payLean(tx, late));
      for (let n = 0; n < 4; n++) expect(await cycle()).toMatchObject({ found: [], rows: 0 });
      await other.commit();
      expect(await cycle()).toMatchObject({ found: [], orders: 1, refolded: false });
      await held.commit();
      expect(await cycle()).toMatchObject({ found: [], orders: 1, refolded: false });
      await wrong.commit();
      expect(codesIn(await cycle())).toContain('B5');
    });
    await database.pool.query(takeBack, [broken.orderId]);
  });

  test('more orders than a cycle takes are examined in the next ones, and too many given up, which is said', async () => {
    const paid = takePlans(9);
    await watching({ maxOrders: 4, maxWaiting: 3 }, async (cycle) => {
      for (const plan of paid) await payLean(database.pool, plan);
      expect(await cycle()).toMatchObject({ orders: 4, waiting: 3, givenUp: 2, found: [] });
      expect(await cycle()).toMatchObject({ orders: 3, waiting: 0, givenUp: 0, found: [] });
      expect(await cycle()).toMatchObject({ orders: 0, waiting: 0, givenUp: 0, found: [] });
    });
  });

  test('a connection that is lost costs a cycle, not what changed meanwhile', async () => {
    const { orderId } = takePaid();
    await payLean(database.pool, planOf(orderId));
    const seen: OnlineEvent[] = [];
    const over = new AbortController();
    await watchOnline({
      url: database.url,
      everyMs: 5,
      signal: over.signal,
      onEvent(event) {
        seen.push(event);
        if (event.kind === 'started') hurt();
        if (event.kind === 'cycle' && codesIn(event).includes('B5')) over.abort();
      },
    });
    const kinds = seen.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'started')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'away')).toHaveLength(1);
    expect(kinds.indexOf('back')).toBeGreaterThan(kinds.indexOf('away'));
    await database.pool.query(takeBack, [orderId]);

    function hurt(): void {
      const admit = async (yes: boolean): Promise<void> => {
        const admin = await openConnection({ url: testServices().adminUrl });
        await admin.query(`alter database ${new URL(database.url).pathname.slice(1)} allow_connections ${yes}`);
        await admin.close();
      };
      const kill = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sagashift-online-verifier' and datname = current_database()`;
      void (async () => {
        await admit(false);
        while (!seen.some(({ kind }) => kind === 'away')) await database.pool.query(kill);
        await database.pool.query(debitAgain, [orderId]);
        await admit(true);
      })();
    }
  });

  test('a database that is not there from the start, or stays away, is a fault', async () => {
    const url = 'postgres://nobody@127.0.0.1:1/none';
    const signal = new AbortController().signal;
    const watch = watchOnline({ url, signal, onEvent: () => undefined });
    await expect(watch).rejects.toBeInstanceOf(ConnectionLost);
  });
});

const planOf = (orderId: number): OrderPlan => {
  const plan = plans.find((each) => each.orderId === orderId);
  if (plan === undefined) throw new Error(`there is no plan of order ${orderId}`);
  return plan;
};

/** A transaction that has done its work and is not committed before it is told. */
async function heldOpen(work: (tx: Tx) => Promise<unknown>): Promise<{ commit(): Promise<void> }> {
  let commit: () => void = () => undefined;
  const told = new Promise<void>((resolve) => (commit = resolve));
  let done: () => void = () => undefined;
  const worked = new Promise<void>((resolve) => (done = resolve));
  const transaction = database.pool.transaction(async (tx) => {
    await work(tx);
    done();
    await told;
  });
  await Promise.race([worked, transaction]);
  return {
    async commit() {
      commit();
      await transaction;
    },
  };
}

const debitAgain = `with again as (update balances b set amount = b.amount + l.amount, version = b.version + 1 from balance_ledger l
    where l.order_id = $1 and l.kind = 'DEBIT' and b.user_id = l.user_id returning b.user_id, l.order_id, l.amount as taken, b.amount, b.version)
  insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
  select user_id, order_id, 'DEBIT', taken, amount, version from again returning order_id`;
const takeBack = `with wrong as (delete from balance_ledger where id = (select max(id) from balance_ledger where order_id = $1) returning *)
  update balances b set amount = b.amount - wrong.amount, version = b.version - 1 from wrong where wrong.user_id = b.user_id`;
