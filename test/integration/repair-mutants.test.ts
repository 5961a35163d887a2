import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { invariants } from '../../consistency/invariants.ts';
import { mutants } from '../../consistency/mutants.ts';
import { type Breach, breachName } from '../../consistency/repair/ask-keys.ts';
import { breachesIn } from '../../consistency/repair/find.ts';
import { proposals } from '../../consistency/repair/proposals.ts';
import { propose, type Proposed } from '../../consistency/repair/propose.ts';
import { applyTo } from '../../consistency/repair/repair-run.ts';
import type { Tx } from '../../domain/ports.ts';
import type { Pool } from '../../runtime/database.ts';
import { rolledBack } from '../support/rolled-back.ts';
import { smallWorld } from '../support/small-world.ts';

const world = smallWorld();
const never = new AbortController().signal;
const by = { actor: 'somchai', command: 'verify --repair', reason: 'ticket 4711' };

const breaches = (tx: Tx): Promise<Breach[]> => breachesIn(tx, invariants, never);

/** Transactions within a transaction that is rolled back. */
const within = (tx: Tx): Pick<Pool, 'transaction'> => ({
  async transaction(work) {
    await tx.query('savepoint repair');
    try {
      const result = await work(tx);
      await tx.query('release repair');
      return result;
    } catch (error) {
      await tx.query('rollback to repair');
      throw error;
    }
  },
});

const refusedByDatabase = ['the constraint being there'];
const tried = mutants.filter(({ does }) => !refusedByDatabase.some((words) => does.includes(words)));
/** The deliveries they left behind can't be taken back. */
const notWholly = ['a refused payment is delivered', 'a delivery of no order'];

describe('every mutant', () => {
  const repaired: string[] = [];

  test.each(tried)('$code, $does: is repaired without breaking anything, or says why not', async ({ does, sql }) => {
    const { before, proposed, after } = await rolledBack(world.db.pool, async (tx) => {
      await tx.query(sql);
      const before = await breaches(tx);
      const proposed: Proposed[] = [];
      for (const breach of before) proposed.push(await propose(tx, invariants, breach));
      await applyTo(within(tx), before, by, never, () => undefined);
      await tx.query(`update external_event_log set status = 'SENT'`); // as the relay does
      return { before, proposed, after: await breaches(tx) };
    });
    expect(before.length).toBeGreaterThan(0);
    expect(proposed.filter(({ look, command = '' }) => /[{}]|undefined|null/.test(`${look}${command}`))).toEqual([]);
    const known = new Set(before.map(breachName));
    expect(after.map(breachName).filter((name) => !known.has(name))).toEqual([]);
    if (!proposed.some(({ repair }) => repair !== undefined) || notWholly.includes(does)) return;
    expect(after).toEqual([]);
    repaired.push(does);
  });

  test('of those that can be, none was left out', () => {
    expect(repaired).toEqual([
      'a balance changes without a ledger entry',
      'a balance is gone',
      'a balance falls below zero, the constraint being gone',
      'a version is counted twice',
      'a redelivered step debits again',
      'stock falls below zero, the constraint being gone',
      'available stock changes without a ledger entry',
      'a confirmation is lost between two engines',
      'a stock is gone',
      'a refused order keeps its reservation, stock and ledger agreeing',
      'a payment whose order is not PAID',
      'a refund never happened, balance and ledger agreeing',
      'confirmed stock never came back, stock and ledger agreeing',
      'a used coupon names no order',
      'a used coupon is handed out again',
      'a coupon names an order that does not name it',
      'a paid order’s coupon is still issued',
      'a refused order keeps the coupon',
      'a completed saga whose order is not PAID',
      'a payment is not delivered',
      'a payment is not delivered to a target that was routed before it',
    ]);
  });

  test('there is a word on every invariant, in the table and in the docs', () => {
    const docs = readFileSync('docs/repair.md', 'utf8');
    expect(invariants.filter(({ code }) => proposals[code] === undefined)).toEqual([]);
    expect(invariants.filter(({ code }) => !docs.includes(`| ${code} `))).toEqual([]);
  });
});
