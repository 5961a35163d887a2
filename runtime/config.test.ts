import { describe, expect, test } from '@jest/globals';
import { ConfigError } from './environment.ts';
import { readConfig } from './config.ts';
import { readNightlyConfig } from './nightly-config.ts';

const needed = { DATABASE_URL: 'postgres://u:p@127.0.0.1:5432/x', REDIS_URL: 'redis://127.0.0.1:6379' };

function complaint(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error('was accepted');
}

describe('the configuration', () => {
  test('needs only the two servers; the rest has the documented defaults', () => {
    expect(readConfig(needed)).toMatchObject({
      databaseUrl: needed.DATABASE_URL,
      redisUrl: needed.REDIS_URL,
      keyPrefix: 'sagashift',
      host: '127.0.0.1',
      port: 0,
      engine: undefined,
      sagaEngine: 'orchestration',
      legacyEngine: 'legacy',
      dbConnections: 16,
      waitLimitMs: 30_000,
      addedMs: { validateOrder: 0, applyCoupon: 0, deductBalance: 0, confirmStock: 0, createPayment: 0 },
      redlock: { retryDelayMs: 10, retryJitterMs: 10, ttlMs: 30_000, waitLimitMs: 30_000 },
      isolation: 'minimal',
      batching: true,
      saga: {
        deadlineMs: 60_000,
        backoff: { firstMs: 100, longestMs: 30_000, attentionAfter: 8 },
        receiptRetentionMs: 30 * 86_400_000,
      },
      eventDrivenEnabled: undefined,
      emergencyRollback: false,
      sabotage: undefined,
      nightly: {
        cron: '30 3 * * *',
        timeZone: 'UTC',
        expectedHours: 26,
        out: undefined,
        retentionDays: 400,
      },
      logLevel: 'info',
    });
    expect(readConfig(needed)).not.toHaveProperty('cut');
  });

  test('reads every variable', () => {
    const config = readConfig({
      ...needed,
      SAGASHIFT_ENGINE: 'legacy-lean',
      SAGASHIFT_SAGA_ENGINE: 'choreography',
      SAGASHIFT_ADDED_MS: 'validateOrder=5, deductBalance=3.5',
      SAGASHIFT_CUT: 'vc-bsp',
      SAGASHIFT_BATCHING: 'off',
      SAGASHIFT_SABOTAGE: 'receipts-off',
      SAGASHIFT_WORKER_ID: 'w1',
      SAGASHIFT_REDLOCK_TTL_MS: '900',
      PAYMENT_EVENT_DRIVEN_ENABLED: 'false',
      PAYMENT_EMERGENCY_ROLLBACK: 'TRUE',
    });
    expect(config).toMatchObject({
      engine: 'legacy-lean',
      sagaEngine: 'choreography',
      cut: 'vc-bsp',
      batching: false,
      sabotage: 'receipts-off',
      workerId: 'w1',
      eventDrivenEnabled: false,
      emergencyRollback: true,
    });
    expect(config.addedMs).toMatchObject({ validateOrder: 5, deductBalance: 3.5, confirmStock: 0 });
    expect(config.redlock.ttlMs).toBe(900);
  });

  test('takes an empty variable for one that is not set', () => {
    expect(readConfig({ ...needed, SAGASHIFT_ENGINE: '', PAYMENT_EVENT_DRIVEN_ENABLED: '' }).engine).toBeUndefined();
  });

  test('is frozen, inside too', () => {
    const config = readConfig(needed);
    expect(Object.isFrozen(config) && Object.isFrozen(config.redlock) && Object.isFrozen(config.addedMs)).toBe(true);
  });

  test('says what is missing, and what helps', () => {
    expect(complaint({})).toMatch(/DATABASE_URL: is not set.*npm start[^]*REDIS_URL: is not set/);
  });

  test.each([
    ['SAGASHIFT_ENGINE', 'monolith', /none of legacy, legacy-lean, orchestration, choreography/],
    ['SAGASHIFT_DB_CONNECTIONS', '-1', /whole number from 1 to 1000/],
    ['SAGASHIFT_DB_CONNECTIONS', '4.5', /whole number/],
    ['SAGASHIFT_PORT', '65536', /0 to 65535/],
    ['SAGASHIFT_WAIT_LIMIT_MS', '1e3', /whole number/],
    ['SAGASHIFT_ADDED_MS', 'payOrder=1', /STEP=MILLISECONDS/],
    ['SAGASHIFT_ADDED_MS', 'validateOrder=-1', /STEP=MILLISECONDS/],
    ['SAGASHIFT_ADDED_MS', 'validateOrder', /STEP=MILLISECONDS/],
    ['SAGASHIFT_CUT', 'v-c', /is not a cut/],
    ['SAGASHIFT_BATCHING', 'perhaps', /neither true nor false/],
    ['SAGASHIFT_KEY_PREFIX', 'a b', /letters/],
    ['SAGASHIFT_DATA_PLATFORM_URL', 'ftp://x', /is not a URL like/],
    ['SAGASHIFT_TARGET_URLS', 'inventory=http://a/,b=ftp://c', /'b=ftp:\/\/c' is not TARGET=URL/],
    ['SAGASHIFT_DELIVERY_HORIZON_S', '0', /from 1 to 31536000/],
    ['SAGASHIFT_SAGA_DEADLINE_MS', '0', /from 1 to/],
    ['SAGASHIFT_RECEIPT_RETENTION_HOURS', '24', /must be more than 24 hours/],
    ['SAGASHIFT_ENGNE', 'legacy', /unknown; there are .*SAGASHIFT_ENGINE/],
    ['DATABASE_URL', 'mysql://x', /is not a URL like postgres/],
    ['DATABASE_URL_ORDER', 'postgres://x', /not supported by this version/],
  ])('refuses %s=%s', (name, value, message) => {
    const text = complaint({ ...needed, [name]: value });
    expect(text).toMatch(message);
    expect(text).toContain(name);
  });

  test('wants receipts to outlive whatever may still ask for them', () => {
    const long = { ...needed, SAGASHIFT_SAGA_DEADLINE_MS: '86400000', SAGASHIFT_RECEIPT_RETENTION_HOURS: '24' };
    expect(complaint(long)).toMatch(/RECEIPT_RETENTION_HOURS: must be more than 24 hours: so long a job/);
    expect(readConfig({ ...long, SAGASHIFT_RECEIPT_RETENTION_HOURS: '25' }).saga.receiptRetentionMs).toBe(90_000_000);
  });

  test('names two processes of one machine differently', () => {
    expect(readConfig(needed).workerId).toContain(`-${process.pid}-`);
  });
});

describe('when the nightly verification runs', () => {
  test('is said by a pattern in a time zone; empty or off is never', () => {
    const env = { SAGASHIFT_NIGHTLY_CRON: '0 15 4 * * MON-FRI', SAGASHIFT_NIGHTLY_TIME_ZONE: 'Asia/Seoul' };
    expect(readNightlyConfig(env)).toMatchObject({ cron: '0 15 4 * * MON-FRI', timeZone: 'Asia/Seoul' });
    for (const never of ['', 'off']) expect(readNightlyConfig({ SAGASHIFT_NIGHTLY_CRON: never }).cron).toBeUndefined();
  });

  test.each([
    [
      { SAGASHIFT_NIGHTLY_CRON: 'daily' },
      "SAGASHIFT_NIGHTLY_CRON: 'daily' is neither a pattern like '30 3 * * *' nor off",
    ],
    [{ SAGASHIFT_NIGHTLY_CRON: '* * * *' }, 'SAGASHIFT_NIGHTLY_CRON'],
    [{ SAGASHIFT_NIGHTLY_TIME_ZONE: 'Seoul' }, "'Seoul' is not a time zone like Asia/Seoul"],
    [{ SAGASHIFT_NIGHTLY_EXPECTED_HOURS: '0' }, 'SAGASHIFT_NIGHTLY_EXPECTED_HOURS'],
  ])('is refused as %j', (env, said) => {
    expect(complaint({ ...needed, ...env })).toContain(said);
  });
});
