import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { installSabotage } from '../../eventdriven/saga/sabotage.ts';
import type { Sabotage } from '../../runtime/injected-fault.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';

let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());

const install = (sabotage?: Sabotage) => installSabotage(portsOn(db.url, freshRedis(), { sabotage: sabotage }).config);
const sourceOf = async (name: string) =>
  (await db.pool.query<{ prosrc: string }>('select prosrc from pg_proc where proname = $1', [name]))[0]?.prosrc;
const purpose = (text: string) => db.pool.query('update sagashift_database set purpose = $1', [text]);

test('sabotage is refused in a database that somebody may need, and changes nothing there', async () => {
  const before = await sourceOf('run_boundary');
  await purpose('sagashift');
  await expect(install('receipts-off')).rejects.toThrow(/not a throw-away one/);
  expect(await sourceOf('run_boundary')).toBe(before);
});

test('sabotage changes just the function it names, in a throw-away database', async () => {
  await purpose('test');
  const before = [await sourceOf('run_boundary'), await sourceOf('undo_deduct_balance')];
  await install('receipts-off');
  expect(await sourceOf('undo_deduct_balance')).toBe(before[1]);
  expect(await sourceOf('run_boundary')).not.toBe(before[0]);
  await install('refund-without-ledger');
  expect(await sourceOf('undo_deduct_balance')).toMatch(/where false/);
});

test('without sabotage, or with one that is not done in SQL, nothing changes', async () => {
  const before = await sourceOf('undo_deduct_balance');
  await install();
  await install('row-locks-off');
  expect(await sourceOf('undo_deduct_balance')).toBe(before);
});
