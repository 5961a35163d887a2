import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadDataset } from '../../bench/dataset/load.ts';
import { type DatasetOptions, datasetOptions } from '../../bench/dataset/options.ts';
import { createWorld, planOrders } from '../../bench/dataset/plan.ts';
import { readManifest } from '../../consistency/manifest.ts';
import { verify } from '../../consistency/verifier.ts';
import { databaseUrl, NotOursError } from '../../runtime/databases.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';

const options = datasetOptions({
  users: 80,
  products: 20,
  orders: 500,
  zipfTheta: 0.99,
  lowBalanceShare: 0.05,
  lapsedShare: 0.05,
  usedCouponShare: 0.05,
  blockedShare: 0.05,
});
let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const count = async (sql: string): Promise<number> =>
  (await database.pool.query<{ n: number }>(`select count(*) as n from ${sql}`))[0]!.n;

describe('loading generated data', () => {
  test('the same options give the same checksum, another seed another; each load replaces the one before', async () => {
    const first = await loadDataset(database.url, options);
    const again = await loadDataset(database.url, options);
    const other = await loadDataset(database.url, { ...options, seed: options.seed + 1 });
    expect(again).toEqual(first);
    expect(other.checksum).not.toBe(first.checksum);
    expect(await count(`orders where engine is null`)).toBe(options.orders);
  });

  test('the database holds what the manifest says, and keeps the manifest', async () => {
    const manifest = await loadDataset(database.url, options);
    expect(await readManifest(database.pool)).toEqual(manifest);
    for (const [table, rows] of Object.entries(manifest.counts))
      expect([table, await count(table)]).toEqual([table, rows]);
    expect(Object.values(manifest.expected).reduce((a, b) => a + b)).toBe(options.orders);
    const [sums] = await database.pool.query(
      `select sum(amount) filter (where kind = 'OPENING')::bigint as "openingTotal", sum(amount) filter (where kind = 'TOPUP')::bigint as "topUps" from balance_ledger`,
    );
    expect(sums).toEqual(manifest.sums);
  });

  test.each<[string, Partial<DatasetOptions>]>([
    ['with every kind of refusal', options],
    ['with a hot product', { users: 50, products: 5, orders: 200, hotShare: 0.9 }],
    ['of the least size', { users: 3, products: 1, orders: 1 }],
  ])('data %s breaks no invariant', async (_, given) => {
    await loadDataset(database.url, given);
    const report = await verify(database.url, { mode: 'drained' });
    expect(report.perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
  });

  test('the plan says what the rows say', async () => {
    await loadDataset(database.url, options);
    const rows = await database.pool.query(
      `select o.id as "orderId", o.user_id as "userId", u.id as "couponId", case
         when u.status = 'USED' then 'COUPON_UNUSABLE'
         when b.amount < o.total_amount then 'BALANCE_INSUFFICIENT'
         when exists (select from stock_ledger l where l.order_id = o.id and l.kind = 'RELEASE') then 'STOCK_INSUFFICIENT'
         when p.payment_blocked then 'PAYMENT_FAILED' else 'PAID' end as expect
       from orders o join balances b on b.user_id = o.user_id join users p on p.id = o.user_id left join user_coupons u on u.id = o.id
       where o.status = 'PENDING' order by o.id`,
    );
    expect(rows).toEqual([...planOrders(options)]);
  });

  test('lines and prices are the products’', async () => {
    await loadDataset(database.url, options);
    expect(await count('order_items i join products p on p.id = i.product_id where i.unit_price <> p.price')).toBe(0);
    expect(await count('order_items where order_id = 7')).toBe(createWorld(options).order(7).items.length);
  });

  test('new rows get ids of their own', async () => {
    const { counts } = await loadDataset(database.url, options);
    const [order] = await database.pool.query<{ id: number }>(
      'insert into orders (user_id, total_amount) values (1, 1) returning id',
    );
    const [user] = await database.pool.query<{ id: number }>('insert into users default values returning id');
    expect(order!.id).toBeGreaterThan(options.orders);
    expect(user!.id).toBe(counts['users']! + 1);
  });

  test('tells of its progress, table by table', async () => {
    const seen: string[] = [];
    await loadDataset(database.url, options, { onProgress: ({ table }) => seen.push(table) });
    expect(seen).toContain('orders');
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('an interrupted load leaves what was there', async () => {
    const before = await loadDataset(database.url, options);
    const stop = new AbortController();
    const load = loadDataset(
      database.url,
      { ...options, seed: 9 },
      { signal: stop.signal, onProgress: () => stop.abort(new Error('stopped')) },
    );
    await expect(load).rejects.toThrow();
    expect(await readManifest(database.pool)).toEqual(before);
    expect(await count('orders where engine is null')).toBe(options.orders);
  });

  test('a database that is not ours, or nonsense options, are refused', async () => {
    await expect(loadDataset(databaseUrl(database.url, 'postgres'), options)).rejects.toBeInstanceOf(NotOursError);
    await expect(loadDataset(database.url, { ...options, orders: -1 })).rejects.toThrow('orders must be between');
  });
});
