import { describe, expect, test } from '@jest/globals';
import { askSubject } from '../../consistency/check.ts';
import { invariants } from '../../consistency/invariants.ts';
import { mutants } from '../../consistency/mutants.ts';
import type { Mutant } from '../../consistency/mutants/mutant.ts';
import { runCycle } from '../../consistency/online/cycle.ts';
import { createKnown } from '../../consistency/online/known.ts';
import { createRotation } from '../../consistency/online/rotation.ts';
import { questions } from '../../consistency/online/subjects.ts';
import { among, everything } from '../../consistency/scope.ts';
import type { Tx } from '../../domain/ports.ts';
import { codesIn, onlineStage } from '../support/online-stage.ts';
import { rolledBack } from '../support/rolled-back.ts';

const stage = onlineStage(90, 130);

/** What one cycle, or a whole rotation, finds after the statements, which leave nothing behind. */
async function foundAfter(sql: string, cycles = 1, andThen?: (tx: Tx) => Promise<void>): Promise<Set<string>> {
  const rotation = createRotation(cycles);
  const known = createKnown(() => 0);
  return rolledBack(stage.database.pool, async (tx) => {
    await tx.query(sql);
    await andThen?.(tx);
    const codes: string[] = [];
    for (let n = 0; n < cycles; n++)
      codes.push(...codesIn(await runCycle(tx, stage.start, rotation, known, { maxOrders: 1_000, maxWaiting: 1_000 })));
    return new Set(codes);
  });
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
    await stage.database.pool.transaction(
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
