import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Service } from '../../scripts/service-roles.ts';
import { runService } from '../../scripts/service-command.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';

let database: FreshDatabase;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  const redis = freshRedis();
  database = await freshDatabase();
  env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    SAGASHIFT_KEY_PREFIX: redis.prefix,
    SAGASHIFT_DB_CONNECTIONS: '6',
    SAGASHIFT_LOG_LEVEL: 'silent',
  };
});
afterAll(async () => {
  await database.drop();
});

/** Runs the command, asks the running service, stops it. */
async function service(
  argv: string[],
  ask: (service: Service) => Promise<void> = () => Promise.resolve(),
  given = env,
) {
  let [out, err] = ['', ''];
  let ready: Service | undefined;
  const code = await runService(argv, {
    env: given,
    out: (text) => (out += text),
    err: (text) => (err += text),
    ready: (started) => (ready = started),
    run: async (start) => {
      const running = await start();
      try {
        await ask(ready as Service);
      } finally {
        await running.stop();
      }
    },
  });
  return { code, out, err };
}

const text = async (url: string): Promise<string> => (await fetch(url)).text();

describe('npm run service', () => {
  test('the data platform needs nothing else and is announced by its own url', async () => {
    const asked = async ({ name, url }: Service): Promise<void> => {
      expect(name).toBe('dataplatform');
      expect(await text(`${url}/v1/stats`)).toBe('{}');
    };
    expect(await service(['dataplatform', '--latency-ms', '0.5'], asked, {})).toMatchObject({ code: 0, err: '' });
  });

  test.each(['orchestrator', 'order balance product payment', 'delivery', 'projector', 'nightly'])(
    'runs %s and shows its metrics; nothing stays connected',
    async (roles) => {
      const asked = async ({ name, url }: Service): Promise<void> => {
        expect(name).toBe(roles.replaceAll(' ', '+'));
        expect(await text(`${url}/healthz`)).toBe('{"status":"ok"}');
        expect(await text(`${url}/metrics`)).toContain('# TYPE payment_saga_completed_total counter');
      };
      expect(await service(roles.split(' '), asked)).toMatchObject({ code: 0, err: '' });
      const left = (): Promise<unknown[]> =>
        database.pool.query(
          `select from pg_stat_activity where datname = current_database() and application_name <> 'test'`,
        );
      while ((await left()).length > 0); // or the test times out
    },
  );

  test('a relay beside its data platform sends there', async () => {
    const open = (): Promise<unknown[]> =>
      database.pool.query(`select from external_event_log where status in ('PENDING', 'FAILED')`);
    await database.pool.query(
      `insert into external_event_log (order_id, event_type, target_system, event_data) values (1, 'payment.completed', 'data-platform', '{}')`,
    );
    const asked = async ({ url }: Service): Promise<void> => {
      while ((await open()).length > 0);
      expect(await text(`${url}/metrics`)).toContain('external_events_total{target="data-platform",status="SENT"} 1');
    };
    expect(await service(['delivery', 'dataplatform', 'delivery'], asked)).toMatchObject({ code: 0, err: '' });
  });

  test.each([
    [[], 'missing required argument'],
    [['cashier'], 'Allowed choices are orchestrator, order'],
    [['delivery', '--port', '65536'], 'from 0 to 65535'],
    [['dataplatform', '--port', '1e3'], 'from 0 to 65535'],
    [['dataplatform', '--failure-rate', '1.1'], 'from 0 to 1'],
    [['dataplatform', '--failure-rate', '-1'], 'from 0 to 1'],
    [['dataplatform', '--seed', '0.5'], 'from 0 to 4294967295'],
    [['dataplatform', '--colour'], 'unknown option'],
  ])('%j is refused with 2 and the reason', async (argv, reason) => {
    expect(await service(argv)).toMatchObject({ code: 2, err: expect.stringContaining(reason) });
  });

  test('shows its help', async () => {
    expect(await service(['--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('--failure-rate <share>'),
    });
  });

  test('a missing database url is 2, a port in use 1; both say so', async () => {
    expect(await service(['orchestrator'], undefined, {})).toMatchObject({
      code: 2,
      err: expect.stringContaining('DATABASE_URL'),
    });
    const twice = async ({ url }: Service): Promise<void> => {
      const port = new URL(url).port;
      expect(await service(['delivery', '--port', port])).toMatchObject({
        code: 1,
        err: expect.stringContaining('EADDRINUSE'),
      });
    };
    expect(await service(['delivery'], twice)).toMatchObject({ code: 0 });
  });
});
