import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openConnection } from '../../runtime/database.ts';
import { createDatabase, databaseUrl, dropDatabase } from '../../runtime/databases.ts';
import { runMigrate } from '../../scripts/migrate-command.ts';
import { testServices } from '../support/services.ts';

const { adminUrl, prefix } = testServices();
const name = `${prefix}_migrate_command`;
const url = databaseUrl(adminUrl, name);

beforeAll(() => createDatabase(adminUrl, name));
afterAll(() => dropDatabase(adminUrl, name));

async function run(args: readonly string[], env: NodeJS.ProcessEnv = { DATABASE_URL: url }) {
  let said = '';
  const say = (text: string): void => void (said += text);
  const code = await runMigrate(args, { env, out: say, err: say });
  return { code, said };
}

async function query(text: string): Promise<Record<string, unknown>[]> {
  const connection = await openConnection({ url });
  try {
    return await connection.query(text);
  } finally {
    await connection.close();
  }
}

describe('npm run migrate', () => {
  test('brings an empty database up without data, and then has nothing to do', async () => {
    expect(await run([])).toEqual({ code: 0, said: expect.stringMatching(/^applied \d+ migrations\n$/) as unknown });
    expect(await query('select from users')).toEqual([]);
    expect(await run([])).toEqual({ code: 0, said: 'the schema is up to date\n' });
  });

  test('adds demo data once, and never over users that are there', async () => {
    expect((await run(['--data', 'demo'])).said).toContain('added demo data: 1000 users, 100 products, 5000 orders');
    await query(`delete from orders where id = 1`);
    expect(await run(['--data', 'demo', '--database-url', url], {})).toEqual({
      code: 0,
      said: 'the schema is up to date\nthere are users already: no demo data added\n',
    });
    expect(await query('select count(*) from orders')).toEqual([{ count: 4_999 }]);
  });

  test('refuses a database that is newer than these sources', async () => {
    await query(`insert into schema_migration (name, checksum) values ('schema/base/999_later.sql', '')`);
    expect(await run([])).toEqual({ code: 3, said: expect.stringContaining('newer than these sources') as unknown });
  });

  test('explains itself', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, said: expect.stringContaining('Usage') as unknown });
    expect((await run(['--date', 'demo'])).code).toBe(2);
    expect(await run([], {})).toEqual({ code: 2, said: expect.stringContaining('DATABASE_URL') as unknown });
  });

  test('says which fault keeps it from a server', async () => {
    const { code, said } = await run([], { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' });
    expect([code, said]).toEqual([4, "can't reach the database: ECONNREFUSED\n"]);
  });

  test('adds nothing to tables of somebody else', async () => {
    const foreign = `${name}_foreign`;
    await createDatabase(adminUrl, foreign);
    const theirs = databaseUrl(adminUrl, foreign);
    const connection = await openConnection({ url: theirs });
    await connection.query('create table theirs ()');
    await connection.close();
    expect((await run([], { DATABASE_URL: theirs })).code).toBe(2);
    expect((await run(['--yes'], { DATABASE_URL: theirs })).code).toBe(0);
    await dropDatabase(adminUrl, foreign);
  });
});
