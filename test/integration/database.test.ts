import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type Connection,
  type ConnectionOptions,
  ConnectionLost,
  openConnection,
  openPool,
  sqlState,
} from '../../runtime/database.ts';
import { createMetrics, type Metrics } from '../../runtime/metrics.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';

let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
  await db.pool.query('create table things (id int primary key, note text)');
});
afterAll(() => db.drop());

const count = async (metrics: Metrics, name: 'roundTrips' | 'commits'): Promise<number> =>
  (await metrics[name].get()).values.reduce((sum, { value }) => sum + value, 0);

async function connected<T>(
  options: Omit<ConnectionOptions, 'url'>,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await openConnection({ url: db.url, ...options });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

const endSession = (pid: number): Promise<unknown> => db.pool.query('select pg_terminate_backend($1)', [pid]);

async function pidOf(tx: Pick<Connection, 'query'>): Promise<number> {
  const [row] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
  return row!.pid;
}

describe('values', () => {
  test('bigint comes as number, alone and in arrays; null stays null', async () => {
    const rows = await db.pool.query(
      'select $1::bigint as one, array[1, null, 9007199254740991]::bigint[] as many, null::bigint as none',
      [7],
    );
    expect(rows).toEqual([{ one: 7, many: [1, null, 9007199254740991], none: null }]);
  });

  test('a bigint beyond 2^53 is an error, not another number', async () => {
    await expect(db.pool.query('select 9007199254740993::bigint as x')).rejects.toThrow(RangeError);
    expect(await db.pool.query('select 1 as x')).toEqual([{ x: 1 }]);
  });

  test('of many statements in one text the last one answers', async () => {
    expect(await db.pool.query('select 1 as a; select 2 as b')).toEqual([{ b: 2 }]);
  });
});

describe('a connection', () => {
  test('prepares a statement with values once, under one name', async () => {
    await connected({}, async (connection) => {
      for (const x of [1, 2, 3]) await connection.query('select $1::int + 100 as x', [x]);
      const prepared = await connection.query<{ statement: string }>(
        `select statement from pg_prepared_statements where statement like '%+ 100%'`,
      );
      expect(prepared).toHaveLength(1);
    });
  });

  test('has its session settings from the start, without a round trip more', async () => {
    await connected(
      { isolation: 'repeatable read', timeoutMs: 700, pinnedPlans: true, applicationName: 'me' },
      async (connection) => {
        const rows = await connection.query<{ name: string; value: string }>(
          `select name, current_setting(name) as value from unnest(array['default_transaction_isolation', 'statement_timeout', 'lock_timeout',
           'transaction_timeout', 'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'plan_cache_mode', 'application_name']) name`,
        );
        expect(Object.fromEntries(rows.map(({ name, value }) => [name, value]))).toEqual({
          default_transaction_isolation: 'repeatable read',
          statement_timeout: '700ms',
          lock_timeout: '630ms',
          transaction_timeout: '1200ms',
          enable_seqscan: 'off',
          enable_hashjoin: 'off',
          enable_mergejoin: 'off',
          plan_cache_mode: 'force_generic_plan',
          application_name: 'me',
        });
      },
    );
  });

  test('runs statements one after another, in the order they were asked for', async () => {
    await connected({}, async (connection) => {
      const order: number[] = [];
      await Promise.all(
        [1, 2, 3].map(async (n) => connection.query('select pg_sleep($1)', [0.02 / n]).then(() => order.push(n))),
      );
      expect(order).toEqual([1, 2, 3]);
    });
  });

  test('a statement that takes too long ends with its SQLSTATE, and the connection stays', async () => {
    await connected({ timeoutMs: 50 }, async (connection) => {
      const pid = await pidOf(connection);
      const fault = await connection.query('select pg_sleep(5)').catch((error: unknown) => error);
      expect(sqlState(fault)).toBe('57014');
      expect(await pidOf(connection)).toBe(pid);
    });
  });

  test('lost while it works: the statement rejects, the next one has a new session', async () => {
    await connected({}, async (connection) => {
      const pid = await pidOf(connection);
      const sleeping = connection.query('select pg_sleep(30)').catch((error: unknown) => error);
      await untilActive(pid);
      await endSession(pid);
      expect(sqlState(await sleeping)).toMatch(/^(57P01|08006)$/);
      expect(await pidOf(connection)).not.toBe(pid);
    });
  });

  test('lost while it is idle: the next statement has a new session', async () => {
    await connected({}, async (connection) => {
      const pid = await pidOf(connection);
      await endSession(pid);
      await untilGone(pid);
      // The news may arrive with the next statement: then that one rejects, and the one after it works.
      const next = await pidOf(connection).catch(() => pidOf(connection));
      expect(next).not.toBe(pid);
    });
  });

  test('counts a round trip per statement, and a commit when it went well', async () => {
    const metrics = createMetrics();
    const connection = await openConnection({ url: db.url }, metrics);
    await connection.query('select 1');
    await expect(connection.query('select 1/0')).rejects.toThrow('division by zero');
    await connection.close();
    expect([await count(metrics, 'roundTrips'), await count(metrics, 'commits')]).toEqual([2, 1]);
  });

  test('closed, it refuses; closing waits for what is in hand', async () => {
    const connection = await openConnection({ url: db.url });
    const last = connection.query('select pg_sleep(0.05), 1 as x');
    await connection.close();
    expect(await last).toMatchObject([{ x: 1 }]);
    await expect(connection.query('select 1')).rejects.toBeInstanceOf(ConnectionLost);
  });

  test('a server that is not there shows at once, by its errno', async () => {
    const fault = await openConnection({ url: 'postgres://u:p@127.0.0.1:1/x' }).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(ConnectionLost);
    expect(sqlState(fault)).toBe('ECONNREFUSED');
  });
});

describe('a pool', () => {
  test('commits what a transaction did: begin, statements, commit are its round trips', async () => {
    const metrics = createMetrics();
    const pool = openPool({ url: db.url, size: 2 }, metrics);
    const result = await pool.transaction(async (tx) => {
      await tx.query('insert into things values ($1, $2)', [1, 'kept']);
      return tx.query('select note from things where id = $1', [1]);
    });
    await pool.close();
    expect(result).toEqual([{ note: 'kept' }]);
    expect([await count(metrics, 'roundTrips'), await count(metrics, 'commits')]).toEqual([4, 1]);
    expect(await db.pool.query('select note from things where id = 1')).toEqual([{ note: 'kept' }]);
  });

  test('rolls back when the work rejects, and passes its reason on', async () => {
    const reason = new Error('a rule said no');
    await expect(
      db.pool.transaction(async (tx) => {
        await tx.query('insert into things values (2)', []);
        throw reason;
      }),
    ).rejects.toBe(reason);
    expect(await db.pool.query('select 1 from things where id = 2')).toEqual([]);
  });

  test('says so when COMMIT turned out to be a rollback', async () => {
    const swallowing = db.pool.transaction(async (tx) => {
      await tx.query('insert into things values (3)');
      await tx.query('select 1/0').catch(() => undefined);
    });
    await expect(swallowing).rejects.toThrow(/rolled back/);
  });

  test('opens a transaction as it was asked to', async () => {
    const asked = await db.pool.transaction(
      async (tx) => {
        const [row] = await tx.query<{ level: string; readonly: string }>(
          `select current_setting('transaction_isolation') as level, current_setting('transaction_read_only') as readonly`,
        );
        return row;
      },
      { isolation: 'serializable', readOnly: true, deferrable: true },
    );
    expect(asked).toEqual({ level: 'serializable', readonly: 'on' });
  });

  test('keeps a connection after a refusal, replaces one that broke', async () => {
    const pool = openPool({ url: db.url, size: 1 });
    const pid = await pidOf(pool);
    await expect(pool.query('select 1/0')).rejects.toThrow();
    expect(await pidOf(pool)).toBe(pid);
    const broken = pool.transaction(async (tx) => {
      await endSession(pid);
      await tx.query('select 1');
    });
    expect(sqlState(await broken.catch((error: unknown) => error))).toMatch(/^(57P01|08006|ECONNRESET|EPIPE)$/);
    expect(await pidOf(pool)).not.toBe(pid);
    await pool.close();
  });

  test('closes after the work in hand and with it leaves no session', async () => {
    const pool = openPool({ url: db.url, size: 2, applicationName: 'closing' });
    const work = pool.query('select pg_sleep(0.05), 1 as x');
    const closed = pool.close();
    await expect(pool.query('select 1')).rejects.toBeInstanceOf(ConnectionLost);
    expect(await work).toMatchObject([{ x: 1 }]);
    await closed;
    await eventually(async () => {
      const rows = await db.pool.query(`select 1 from pg_stat_activity where application_name = 'closing'`);
      return rows.length === 0;
    });
  });

  test('tells what the network said when there is no server', async () => {
    const pool = openPool({ url: 'postgres://u:p@127.0.0.1:1/x', size: 1 });
    expect(sqlState(await pool.query('select 1').catch((error: unknown) => error))).toBe('ECONNREFUSED');
    await pool.close();
  });
});

test('sqlState knows codes, and nothing else', () => {
  expect([
    sqlState({ code: '40001' }),
    sqlState({ code: 5 }),
    sqlState(new Error('x')),
    sqlState(null),
    sqlState('40001'),
  ]).toEqual(['40001', undefined, undefined, undefined, undefined]);
});

const untilActive = (pid: number): Promise<void> =>
  eventually(async () => {
    const rows = await db.pool.query(`select 1 from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`, [pid]);
    return rows.length === 1;
  });

const untilGone = (pid: number): Promise<void> =>
  eventually(async () => (await db.pool.query('select 1 from pg_stat_activity where pid = $1', [pid])).length === 0);

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 5_000;
  while (!(await holds())) {
    if (Date.now() > until) throw new Error('did not come true within 5 s');
  }
}
