import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { explain } from '../../consistency/explain/explain.ts';
import { invariants } from '../../consistency/invariants.ts';
import { countOrders } from '../../consistency/order-counts.ts';
import { clockOff } from '../../consistency/unfit.ts';
import { paidOrders } from '../support/paid-orders.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';
import { openSession, type Session } from '../support/sessions.ts';
import { verifyCommand, type Verified } from '../support/verify-command.ts';

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  await paidOrders(database.url, 300);
});
afterAll(() => database.drop());

const query = (text: string): Promise<unknown> => database.pool.query(text);

describe('a schema that is not that of this code', () => {
  test('newer: ends with 3 and names what it does not know', async () => {
    await query(`insert into schema_migration (name, checksum) values ('schema/order/999_future.sql', '')`);
    const verified = await verifyCommand(database.url);
    await query(`delete from schema_migration where name = 'schema/order/999_future.sql'`);
    expect(verified).toMatchObject({ code: 3, err: expect.stringMatching(/newer than this code.*999_future/) });
  });

  test.each([
    ['older', `name = 'undone/' || name`, `name = substr(name, 8)`],
    ['edited', `checksum = checksum || '!'`, `checksum = replace(checksum, '!', '')`],
  ])('%s: ends with 3 and says how to bring it up to date', async (_how, change, back) => {
    const where = `where name like '%schema/saga/001_saga_state.sql'`;
    await query(`update schema_migration set ${change} ${where}`);
    const verified = await verifyCommand(database.url);
    await query(`update schema_migration set ${back} ${where}`);
    expect(verified).toMatchObject({ code: 3, err: expect.stringMatching(/lacks .*001_saga_state.*npm run migrate/) });
  });
});

describe('a user with few rights', () => {
  const role = `reader_${process.pid}`;
  const asRole = (): string => {
    const url = new URL(database.url);
    [url.username, url.password] = [role, 'reader'];
    return url.href;
  };
  beforeAll(() => query(`create role ${role} login password 'reader'`));
  afterAll(() => query(`drop owned by ${role}; drop role ${role}`));

  test('may not read: ends with 2 and names the right', async () => {
    expect(await verifyCommand(asRole())).toMatchObject({ code: 2, err: expect.stringContaining('pg_read_all_data') });
    await query(`grant select on sagashift_database, schema_migration, orders to ${role}`);
    const { code, err } = await verifyCommand(asRole());
    expect(err).toMatch(/has no right to select from .*balances.*grant pg_read_all_data to/);
    expect(code).toBe(2);
  });

  test('may read all: passes; --record ends with 2 before the pass and says which right is missing', async () => {
    await query(`grant pg_read_all_data to ${role}`);
    expect(await verifyCommand(asRole())).toMatchObject({ code: 0 });
    const { code, err } = await verifyCommand(asRole(), ['--record']);
    expect(err).toMatch(/no right to insert into verification_finding, verification_run.*grant select, insert on/);
    expect(err).not.toContain('done');
    expect(code).toBe(2);
    await query(`grant insert on verification_run, verification_finding to ${role}`);
    expect((await verifyCommand(asRole(), ['--record'])).code).toBe(0);
  });

  test('sees some rows only, by a policy: ends with a fault, not with proof', async () => {
    await query(`alter table orders enable row level security; create policy few on orders using (id < 10)`);
    const { code, err } = await verifyCommand(asRole());
    await query(`drop policy few on orders; alter table orders disable row level security`);
    expect(err).toContain('row-level security');
    expect(code).toBe(2);
  });
});

describe('rows that nobody can judge', () => {
  const legacyRefused = `(select min(id) from orders where engine = 'legacy' and status = 'BALANCE_INSUFFICIENT')`;

  test.each([[[]], [['--since', '1000h']], [['--online', '--for', '0.1']]])(
    'of an engine that no engine table knows: %j ends with 3',
    async (argv: string[]) => {
      await query(`update orders set engine = 'handmade' where id = ${legacyRefused}`);
      const { code, out, err } = await verifyCommand(database.url, argv);
      await query(`update orders set engine = 'legacy' where engine = 'handmade'`);
      expect([code, err]).toEqual([3, expect.stringContaining('no proof')]);
      expect(out + err).toMatch(/doubt: 1 orders name the engine 'handmade'.*domain\/engines\.ts/);
    },
  );

  test('from the future: ends with 3', async () => {
    await query(`update orders set created_at = created_at + interval '1 year' where id = ${legacyRefused}`);
    const verified = await verifyCommand(database.url);
    await query(`update orders set created_at = created_at - interval '1 year' where id = ${legacyRefused}`);
    expect(verified.code).toBe(3);
    expect(verified.out).toMatch(/doubt: 1 orders of legacy were placed more than 60 s from now/);
  });

  test('a clock that is off says so in both directions, and not within a minute', async () => {
    const off = (seconds: number) => clockOff(database.pool, () => Date.now() + seconds * 1_000);
    expect(await off(3_600)).toMatch(/is 3\d{3} s behind ours/);
    expect(await off(-3_600)).toMatch(/is 3\d{3} s ahead of ours/);
    expect(await off(30)).toBeUndefined();
  });
});

test('an invariant that finds nothing where there must be something: ends with 3, violation or not', async () => {
  const bare = await freshDatabase();
  try {
    const store = shop(bare.pool);
    const [userId, productId] = [await store.user({ balance: 1 }), await store.product()];
    const { id } = await store.order({ userId, lines: [{ productId, qty: 1 }] });
    const asked = [id, userId, null, 'legacy', 'pinned', userId % 100, 1, 'legacy', 'BALANCE_INSUFFICIENT'];
    await bare.pool.query('select * from refuse_order($1, $2, $3, $4, $5, $6, $7, $8, $9)', asked);
    expect((await verifyCommand(bare.url)).code).toBe(0);
    await bare.pool.query('truncate balances, balance_ledger');
    const { code, out, err } = await verifyCommand(bare.url);
    expect(out).toContain('B1 examined nothing, and there are 1 orders worked on');
    expect(err).toContain('this is no proof');
    expect(code).toBe(3);
    expect(await countOrders(bare.pool)).toMatchObject([{ engine: 'legacy', count: { 'worked on': 1, refused: 1 } }]);
  } finally {
    await bare.drop();
  }
});

describe('what happens in mid-run', () => {
  let holder: Session;
  const verifiers = `from pg_stat_activity where datname = current_database() and application_name like 'sagashift-verifier%'`;
  const sessions = (also = 'true') => database.pool.query<{ pid: number }>(`select pid ${verifiers} and ${also}`);

  /** The pass waits for a lock that another session has until the test has done what it does. */
  async function meanwhile(
    doing: (pid: number) => Promise<unknown>,
    signal?: AbortSignal,
    argv: readonly string[] = [],
  ): Promise<Verified> {
    holder = await openSession(database.url, database.pool, 'read committed');
    await holder.begin();
    await holder.query('lock table orders in access exclusive mode');
    const verified = verifyCommand(database.url, argv, signal);
    let waiting: { pid: number }[] = [];
    while (waiting.length === 0) waiting = await sessions(`wait_event_type = 'Lock'`);
    await doing(waiting[0]!.pid);
    return verified;
  }
  afterEach(() => holder.close());

  test('a connection that is lost: ends with 4 and says what to do', async () => {
    const { code, err } = await meanwhile((pid) => query(`select pg_terminate_backend(${pid})`));
    expect(err).toMatch(/run it again/);
    expect(code).toBe(4);
  });

  test('a statement that somebody cancels: ends with 4', async () => {
    const { code, err } = await meanwhile((pid) => query(`select pg_cancel_backend(${pid})`));
    expect(err).toMatch(/somebody cancelled our statement: run it again/);
    expect(code).toBe(4);
  });

  test('Ctrl-C: the statement in hand is cancelled and no session is left', async () => {
    const interrupted = new AbortController();
    const { code, err } = await meanwhile(async () => interrupted.abort(new Error('interrupted')), interrupted.signal);
    expect(err).toContain('interrupted');
    expect(code).toBe(4);
    // It did not wait for the lock to be given back.
    expect(
      await holder.query(`select from pg_locks where pid = pg_backend_pid() and mode = 'AccessExclusiveLock'`),
    ).not.toEqual([]);
    let left = await sessions();
    while (left.length > 0) left = await sessions();
  });

  test('time-outs of the server do not end it: they are for its everyday work', async () => {
    const name = new URL(database.url).pathname.slice(1);
    const limits = ['statement_timeout', 'lock_timeout', 'transaction_timeout'];
    for (const limit of limits) await query(`alter database ${name} set ${limit} = '150ms'`);
    const verified = await meanwhile(async () => {
      await holder.query('set local statement_timeout = 0; set local transaction_timeout = 0; select pg_sleep(0.4)');
      await holder.commit();
    });
    for (const limit of limits) await query(`alter database ${name} reset ${limit}`);
    expect(verified).toMatchObject({ code: 0 });
  });
});

describe('what an invariant says of itself', () => {
  test.each(invariants.map(explain))(
    '$code: its SQL runs as it stands and finds nothing in books that are in order',
    async ({ sql }) => {
      for (const statement of sql) expect(await database.pool.query(statement)).toEqual([]);
    },
  );

  const subjects = new Map(invariants.flatMap(({ checks }) => checks.map(({ subject }) => [subject.name, subject])));
  test.each([...subjects.values()])('the tables of $name are those its SQL reads', async (subject) => {
    const [row] = await database.pool.query<{ 'QUERY PLAN': object }>(
      `explain (format json) ${subject.sql(() => 'true')}`,
    );
    const read = [...JSON.stringify(row).matchAll(/"Relation Name":"(\w+)"/g)].map(([, name]) => name);
    expect([...new Set(read)].sort()).toEqual([...subject.tables].sort());
  });
});
