import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Connection, openConnection } from '../../runtime/database.ts';
import {
  assertOurs,
  cloneDatabase,
  createDatabase,
  databaseUrl,
  dropDatabase,
  NotOursError,
} from '../../runtime/databases.ts';
import { migrate, MigrationError } from '../../runtime/migrate.ts';
import { repository } from '../../runtime/repository.ts';
import { dumpSchema } from '../../runtime/schema-dump.ts';
import { type FreshDatabase, freshDatabase, testServices } from '../support/services.ts';

const { adminUrl, prefix } = testServices();
const name = (of: string): string => `${prefix}_${of}_${process.pid}`;

async function withDatabase<T>(of: string, work: (url: string, connection: Connection) => Promise<T>): Promise<T> {
  await createDatabase(adminUrl, name(of));
  const url = databaseUrl(adminUrl, name(of));
  const connection = await openConnection({ url });
  try {
    return await work(url, connection);
  } finally {
    await connection.close();
    await dropDatabase(adminUrl, name(of));
  }
}

describe('migrating', () => {
  test('an empty database is brought up in the documented order, and a second run has nothing to do', async () => {
    await withDatabase('empty', async (url, connection) => {
      const { applied } = await migrate(url);
      expect(applied[0]).toBe('schema/base/001_marker.sql');
      expect(applied.indexOf('schema/order/001_order.sql')).toBeLessThan(
        applied.indexOf('schema/balance/001_balance.sql'),
      );
      expect(applied.indexOf('domain/payment-facts.sql')).toBeGreaterThan(
        applied.indexOf('schema/consistency/001_verification.sql'),
      );
      expect(applied.indexOf('domain/payment-facts.sql')).toBeLessThan(
        applied.indexOf('domain/balance/deduct-balance.sql'),
      );
      expect(await migrate(url)).toEqual({ applied: [] });
      expect(await connection.query('select purpose from sagashift_database')).toEqual([{ purpose: 'sagashift' }]);
      await expect(assertOurs(url)).resolves.toBeUndefined();
    });
  });

  test('two at once share the work', async () => {
    await withDatabase('twice', async (url) => {
      const [a, b] = await Promise.all([migrate(url), migrate(url)]);
      expect([a.applied.length, b.applied.length].sort((x, y) => x - y)[0]).toBe(0);
      expect(new Set([...a.applied, ...b.applied]).size).toBe(a.applied.length + b.applied.length);
    });
  });

  test('a function that changed is put in again, and only that', async () => {
    await withDatabase('changed', async (url, connection) => {
      await migrate(url);
      await connection.query(
        `update schema_migration set checksum = 'old' where name = 'domain/balance/deduct-balance.sql'`,
      );
      expect(await migrate(url)).toEqual({ applied: ['domain/balance/deduct-balance.sql'] });
    });
  });

  test('a numbered file that was edited after it ran, and a newer schema, are refused', async () => {
    await withDatabase('strange', async (url, connection) => {
      await migrate(url);
      await connection.query(`update schema_migration set checksum = 'old' where name = 'schema/order/001_order.sql'`);
      await expect(migrate(url)).rejects.toThrow(/edited after it ran: schema\/order\/001_order.sql/);
      await connection.query(`insert into schema_migration values ('schema/order/999_later.sql', 'x')`);
      const fault = await migrate(url).catch((error: unknown) => error);
      expect(fault).toBeInstanceOf(MigrationError);
      expect(fault).toMatchObject({ exitCode: 3 });
      expect(String(fault)).toContain('newer than these sources');
    });
  });

  test('a file that fails leaves nothing of itself', async () => {
    await withDatabase('failing', async (url, connection) => {
      await connection.query('create table payments (mine int)');
      await expect(migrate(url, { yes: true })).rejects.toThrow(/schema\/payment\/001_payment.sql failed/);
      expect(
        await connection.query(`select 1 from schema_migration where name = 'schema/payment/001_payment.sql'`),
      ).toEqual([]);
    });
  });

  test('a database with tables of somebody else is left alone, unless told', async () => {
    await withDatabase('foreign', async (url, connection) => {
      await connection.query('create table customers (id int)');
      await expect(migrate(url)).rejects.toBeInstanceOf(NotOursError);
      await expect(assertOurs(url)).rejects.toThrow(/is not one of ours/);
      expect(await connection.query(`select to_regclass('orders') as found`)).toEqual([{ found: null }]);
      expect((await migrate(url, { yes: true })).applied.length).toBeGreaterThan(20);
    });
  });
});

describe('the schema', () => {
  let db: FreshDatabase;
  beforeAll(async () => {
    db = await freshDatabase(1);
  });
  afterAll(() => db.drop());

  test('is the committed one (npm run schema:dump writes it)', async () => {
    expect(await dumpSchema(db.url)).toBe(readFileSync(join(repository, 'schema', 'expected.sql'), 'utf8'));
  });

  test('shows a change', async () => {
    const before = await dumpSchema(db.url);
    await db.pool.query('alter table orders add column surprise int not null default 3');
    expect(await dumpSchema(db.url)).toBe(
      before.replace(/(table orders \([^]*?created_at [^\n]*\n)/, '$1  surprise integer not null default 3,\n'),
    );
  });
});

describe('databases', () => {
  test('a clone has the rows of its template', async () => {
    await createDatabase(adminUrl, name('template'));
    const template = await openConnection({ url: databaseUrl(adminUrl, name('template')) });
    await template.query('create table kept as select 42 as x');
    await template.close();
    await cloneDatabase(adminUrl, name('template'), name('clone'));
    const clone = await openConnection({ url: databaseUrl(adminUrl, name('clone')) });
    expect(await clone.query('select x from kept')).toEqual([{ x: 42 }]);
    await dropDatabase(adminUrl, name('clone')); // With a session open.
    await clone.close();
    await dropDatabase(adminUrl, name('template'));
    await expect(dropDatabase(adminUrl, name('template'))).resolves.toBeUndefined();
  });

  test('one that somebody else made is not dropped', async () => {
    const server = await openConnection({ url: adminUrl });
    await server.query(`create database "${name('theirs')}"`);
    await expect(dropDatabase(adminUrl, name('theirs'))).rejects.toBeInstanceOf(NotOursError);
    await server.query(`drop database "${name('theirs')}"`);
    await server.close();
  });

  test('assertOurs passes on what is not about the mark', async () => {
    await expect(assertOurs(databaseUrl(adminUrl, 'no such database'))).rejects.toMatchObject({ code: '3D000' });
  });
});
