import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { createLeanEngine, createLegacyEngine } from '../../legacy/index.ts';
import { brokenRules } from '../contract/books.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';
import { payBySaga } from './legacy-saga-by-hand.ts';
import { copyOf, type World, worlds } from './legacy-worlds.ts';

describe('the same payments leave the same rows, whichever code has the rules', () => {
  let db: FreshDatabase;
  let lean: PaymentEngine;
  let legacy: PaymentEngine;
  const seen = new Set<string>();

  beforeAll(async () => {
    db = await freshDatabase();
    const ports = portsOn(db.url, freshRedis());
    [lean, legacy] = [createLeanEngine(ports), createLegacyEngine(ports)];
    await Promise.all([lean.start(), legacy.start()]);
  }, 30_000);
  afterAll(async () => {
    await Promise.all([lean.stop(), legacy.stop()]);
    await db.drop();
  });

  async function differsFromSaga(engine: PaymentEngine, world: World, except: readonly string[] = []): Promise<void> {
    const [bySaga, byEngine] = [await copyOf(world, db.pool), await copyOf(world, db.pool)];
    for (const [i, payment] of bySaga.payments.entries()) {
      const verdict = await payBySaga(db.pool, payment);
      const same = byEngine.payments[i];
      if (same === undefined) throw new Error('the copies differ');
      const command = { ...same, route: { side: 'legacy', reason: 'pinned', bucket: 1, version: 1 } } as const;
      const answer = await (await engine.submit(command, new AbortController().signal)).settled;
      seen.add('code' in answer ? answer.code : answer.kind);
      const said = answer.kind === 'unchanged' ? answer.code : answer.kind.toUpperCase();
      expect(said).toBe(verdict);
    }
    const compared = (rows: unknown) => Object.entries(rows as object).filter(([name]) => !except.includes(name));
    expect(compared(await byEngine.rows())).toEqual(compared(await bySaga.rows()));
  }

  test('pay_order writes what the five steps write', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, (world) => differsFromSaga(lean, world)),
      { numRuns: 60, seed: 20_261_122 },
    );
  }, 60_000);

  test('so does the monolith by its entities, except that it logs no delivery', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, (world) => differsFromSaga(legacy, world, ['deliveries'])),
      { numRuns: 12, seed: 7 },
    );
  }, 60_000);

  test('the worlds had every answer in them, and all books are in order', async () => {
    expect([...seen].sort()).toEqual([
      'BALANCE_INSUFFICIENT',
      'COUPON_UNUSABLE',
      'PAYMENT_FAILED',
      'STOCK_INSUFFICIENT',
      'VALIDATION_FAILED',
      'paid',
    ]);
    expect(await brokenRules(db.pool)).toEqual({});
  });
});
