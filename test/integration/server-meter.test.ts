import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openServerMeter, type ServerMeter } from '../../bench/measure/servers.ts';
import { type FreshDatabase, freshDatabase, testServices } from '../support/services.ts';

let db: FreshDatabase;
let meter: ServerMeter;
beforeAll(async () => {
  db = await freshDatabase();
  meter = await openServerMeter(db.url, testServices().redisUrl);
});
afterAll(async () => {
  await meter.close();
  await db.drop();
});

const write = () =>
  db.pool.query(`insert into orders (user_id, total_amount) select 1, n from generate_series(1, 500) n`);

test('WAL is parted into what was written and full-page images', async () => {
  const from = await meter.read();
  await write();
  const wal = await meter.wal(from, await meter.read());
  expect(wal.bytes).toBeGreaterThan(500 * 50);
  expect(wal.fullPageImages).toBeGreaterThanOrEqual(0);
});

test('WAL that a checkpoint has removed since is given whole: the bytes are known, what they were is not', async () => {
  const from = await meter.read();
  await write();
  let wal = await meter.wal(from, await meter.read());
  for (let n = 0; wal.fullPageImages !== null && n < 20; n++) {
    await db.pool.query('select pg_switch_wal()');
    await db.pool.query('checkpoint');
    await write();
    wal = await meter.wal(from, await meter.read());
  }
  expect(wal).toEqual({ bytes: expect.any(Number), fullPageImages: null });
  expect(wal.bytes).toBeGreaterThan(500 * 50);
});
