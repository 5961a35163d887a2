import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { verifyFromEvents } from '../../consistency/from-events/verify-from-events.ts';
import { type VerificationReport, verify } from '../../consistency/verifier.ts';
import { engines } from '../../domain/engines.ts';
import { paidOrders } from '../support/paid-orders.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';

let database: FreshDatabase;
let report: VerificationReport;

beforeAll(async () => {
  database = await freshDatabase();
  await paidOrders(database.url, 2_000);
  report = await verify(database.url, { mode: 'drained', expectEngines: engines.map(({ name }) => name) });
});
afterAll(() => database.drop());

test('orders written in sets break no invariant', () => {
  expect(report.perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
  expect(report.perInvariant.filter(({ examined }) => examined === 0)).toEqual([]);
  expect(report).toMatchObject({ unexamined: [], score: { examined: 2_000 } });
});

test('every engine paid orders and refused some for each reason, with and without coupon', async () => {
  const rows = await database.pool.query<{ engine: string; outcomes: number; coupons: number }>(
    `select engine, count(distinct status) as outcomes, count(distinct user_coupon_id is null) as coupons from orders where engine is not null group by engine`,
  );
  expect(rows.map(({ outcomes, coupons }) => [outcomes, coupons])).toEqual([1, 2, 3, 4].map(() => [5, 2]));
});

test('their books follow from the events', async () => {
  expect((await verifyFromEvents(database.url, {})).violations).toBe(0);
});
