import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { firstBrokenLink, readAudit } from '../../router/canary/audit.ts';
import { changeRollout, readRollout } from '../../router/canary/change-rollout.ts';
import { runCanary } from '../../router/canary/command.ts';
import { redisHints } from '../../router/rollout-hints.ts';
import { type FreshDatabase, freshDatabase, freshRedis, type Shop, shop } from '../support/services.ts';

let database: FreshDatabase;
let store: Shop;
const redis = freshRedis();

beforeAll(async () => {
  database = await freshDatabase();
  store = shop(database.pool);
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query(
    `update rollout set enabled = true, emergency = false, percentage = 0, allow_users = '{}', deny_users = '{}'`,
  );
});

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
async function run(argv: readonly string[], env: NodeJS.ProcessEnv = { DATABASE_URL: database.url }): Promise<Run> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCanary(argv, { env, out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join(''), err: err.join('') };
}
const json = async (argv: readonly string[]): Promise<Record<string, unknown>> => {
  const { code, out, err } = await run([...argv, '--json']);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as Record<string, unknown>;
};

describe('changing the rollout', () => {
  test('set takes a percentage and lists, raises the version and leaves an entry that says who and why', async () => {
    const before = await readRollout(database.pool);
    const changed = await json([
      'set',
      '5',
      '--reason',
      'first step',
      '--by',
      'kim',
      '--allow',
      '7,3,7',
      '--deny',
      '9',
    ]);
    expect(changed).toMatchObject({
      changed: true,
      percentage: 5,
      allow: [3, 7],
      deny: [9],
      version: before.version + 1,
    });
    expect(await readRollout(database.pool)).toMatchObject({ percentage: 5, allow: [3, 7], deny: [9] });
    const entry = (await readAudit(database.pool)).at(-1);
    expect(entry).toMatchObject({
      actor: 'kim',
      action: 'set',
      reason: 'first step',
      fromVersion: before.version,
      toVersion: before.version + 1,
      diff: { percentage: { from: 0, to: 5 }, allow: { from: [], to: [3, 7] }, deny: { from: [], to: [9] } },
    });
    expect(await json(['set', '5', '--reason', 'off', '--no-enabled', '--allow', ''])).toMatchObject({
      enabled: false,
      allow: [],
      deny: [9],
    });
    expect(await json(['set', '5', '--reason', 'on', '--enabled'])).toMatchObject({ enabled: true });
  });

  test('what says so already is not changed again', async () => {
    const { version } = await json(['set', '0', '--reason', 'again']);
    expect(version).toBe((await readRollout(database.pool)).version);
    expect((await run(['clear', '--reason', 'nothing to clear'])).out).toMatch(/nothing to change/);
  });

  test('rollback and clear switch the emergency on and off', async () => {
    const { code, out } = await run(['rollback', '--reason', 'error rate']);
    expect(code).toBe(0);
    expect(out).toMatch(/emergency {3}ON/);
    expect((await readRollout(database.pool)).emergency).toBe(true);
    expect(await json(['clear', '--reason', 'fixed'])).toMatchObject({ emergency: false });
  });

  test('a change against another version than the one that was looked at is a conflict', async () => {
    const { version } = await readRollout(database.pool);
    expect((await run(['set', '10', '--reason', 'x', '--if-version', String(version)])).code).toBe(0);
    const late = await run(['set', '20', '--reason', 'x', '--if-version', String(version)]);
    expect(late.code).toBe(3);
    expect(late.err).toMatch(/version \d+ was expected, \d+ is current.*canary -- status/);
    expect((await readRollout(database.pool)).percentage).toBe(10);
  });

  test('many at once: each version has one author, rollbacks always get through, and the chain holds', async () => {
    const { version: first } = await readRollout(database.pool);
    const by = { actor: 'crowd', action: 'set', reason: 'race' };
    const results = await Promise.allSettled([
      ...Array.from({ length: 12 }, (_none, i) => changeRollout(database.pool, { percentage: i + 1 }, by)),
      changeRollout(database.pool, { emergency: true }, { ...by, action: 'rollback' }, { retryOnConflict: true }),
    ]);
    const changed = results.filter((result) => result.status === 'fulfilled' && result.value.changed).length;
    const { version, emergency } = await readRollout(database.pool);
    expect(version).toBe(first + changed);
    expect(emergency).toBe(true);
    const entries = await readAudit(database.pool);
    expect(entries.filter((entry) => entry.toVersion > first)).toHaveLength(changed);
    expect(firstBrokenLink(entries)).toBeUndefined();
  });

  test('routers are told by Redis when there is one', async () => {
    const hints = redisHints(redis.url, redis.prefix);
    const heard: (() => void)[] = [];
    const next = () =>
      new Promise<void>((resolve) => {
        heard.push(resolve);
      });
    const subscribed = next();
    hints.subscribe(() => heard.shift()?.());
    await subscribed;
    const told = next();
    const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix };
    const { out } = await run(['set', '33', '--reason', 'hint', '--json'], env);
    expect(JSON.parse(out)).toMatchObject({ changed: true, hinted: true });
    await told;
    hints.stop();
    const deaf = await run(['set', '34', '--reason', 'no Redis', '--json'], {
      ...env,
      REDIS_URL: 'redis://127.0.0.1:1',
    });
    expect(deaf.code).toBe(0);
    expect(JSON.parse(deaf.out)).toMatchObject({ changed: true, hinted: false });
  });
});

describe('looking', () => {
  test('status shows the rollout, the routers and the payments by side', async () => {
    await database.pool.query(
      `insert into router_heartbeat values ('old', 1, now() - interval '1 minute'), ('good', 1000000, now()), ('gone', 1, now() - interval '2 days')`,
    );
    await database.pool.query(
      `insert into payment_route (order_id, user_id, side, reason, bucket, config_version, decided_at) values
       (900001, 1, 'saga', 'bucket', 1, 1, now()), (900002, 1, 'legacy', 'default', 1, 1, now()), (900003, 1, 'saga', 'bucket', 1, 1, now() - interval '2 hours')`,
    );
    await json(['set', '7', '--reason', 'look', '--by', 'lee', '--allow', '1', '--deny', '2']);
    const status = await json(['status']);
    expect(status).toMatchObject({ percentage: 7, changedBy: 'lee', reason: 'look', lastHour: { legacy: 1, saga: 1 } });
    expect(status['routers']).toEqual([
      { routerId: 'good', appliedVersion: 1_000_000, ageMs: expect.any(Number) },
      { routerId: 'old', appliedVersion: 1, ageMs: expect.any(Number) },
    ]);
    const { out } = await run(['status']);
    expect(out).toMatch(/percentage {2}7 %\n/);
    expect(out).toMatch(/old {2}version 1, 6\d\.\d s ago: silent/);
    expect(out).toMatch(/good {2}version 1000000, \d.\d s ago: behind/);
    expect(out).toMatch(/allow {7}1\ndeny {8}2\n/);
    expect(out).toMatch(/last hour {3}1 payments on legacy, 1 on the saga/);
  });

  test('explain names the rule that decides, and those that did not', async () => {
    const [userId, vip] = [await store.user(), await store.user({ tier: 'VIP' })];
    await json(['set', '100', '--reason', 'all']);
    const { out } = await run(['explain', String(userId)]);
    expect(out).toMatch(new RegExp(`user ${userId} \\(NORMAL, bucket ${userId % 100}\\) -> saga, by rule 'bucket'`));
    expect(out).toMatch(/vip {11}did not apply/);
    expect(out).toMatch(/bucket {8}applied -> saga/);
    expect(out).toMatch(/default {7}not reached/);
    expect(await json(['explain', String(vip)])).toMatchObject({
      tier: 'VIP',
      route: { side: 'legacy', reason: 'vip' },
    });
    await database.pool.query(
      `insert into payment_route (order_id, user_id, side, reason, bucket, config_version) values (900077, $1, 'saga', 'bucket', 1, 1)`,
      [vip],
    );
    expect(await json(['explain', String(vip), '--order', '900077'])).toMatchObject({
      orderId: 900_077,
      route: { side: 'saga', reason: 'affinity' },
    });
    expect((await run(['explain', String(vip), '--order', '900077'])).out).toMatch(/, order 900077 -> saga/);
    const unknown = await run(['explain', '999999999']);
    expect(unknown).toMatchObject({ code: 1, err: 'user 999999999 does not exist\n' });
    const emergency = await run(['explain', String(userId)], {
      DATABASE_URL: database.url,
      PAYMENT_EMERGENCY_ROLLBACK: 'true',
    });
    expect(emergency.out).toMatch(/by rule 'emergency'/);
  });

  test('history is verifiable: an entry that was changed afterwards shows', async () => {
    await json(['set', '1', '--reason', 'one']);
    await json(['set', '2', '--reason', 'two']);
    expect(await json(['history', '--verify'])).toMatchObject({ intact: true, firstBroken: null });
    expect((await run(['history'])).out).toMatch(/set {2}percentage 1 -> 2 {2}"two"\n$/);
    const [entry] = await database.pool.query<{ seq: number }>(
      `update rollout_audit set reason = 'another' where reason = 'one' returning seq`,
    );
    const broken = await run(['history', '--verify']);
    expect(broken.code).toBe(1);
    expect(broken.err).toBe(`entry ${entry?.seq} is not what was written: the history was changed\n`);
    await database.pool.query(`update rollout_audit set reason = 'one' where seq = $1`, [entry?.seq]);
    await database.pool.query('delete from rollout_audit where seq = $1', [entry?.seq]);
    expect((await run(['history', '--verify'])).code).toBe(1);
    await database.pool.query('delete from rollout_audit');
    expect((await run(['history'])).out).toBe('nothing has been changed yet\n');
  });
});

describe('what cannot be done is said', () => {
  test.each<[string, readonly string[]]>([
    ['no command', []],
    ['an unknown command', ['promote']],
    ['an unknown option', ['status', '--wat']],
    ['no reason', ['set', '5']],
    ['an empty reason', ['set', '5', '--reason', '  ']],
    ['no percentage', ['set', '--reason', 'x']],
    ['101 %', ['set', '101', '--reason', 'x']],
    ['-1 %', ['set', '-1', '--reason', 'x']],
    ['half a percent', ['set', '0.5', '--reason', 'x']],
    ['a word', ['set', 'all', '--reason', 'x']],
    ['a list of words', ['set', '5', '--reason', 'x', '--allow', '1,b']],
    [
      'too many users',
      ['set', '5', '--reason', 'x', '--deny', Array.from({ length: 1_001 }, (_none, i) => i + 1).join()],
    ],
    ['a user of null', ['explain', 'null']],
    ['a user beyond 2^53', ['explain', '9007199254740992']],
    ['too many arguments', ['status', 'now']],
  ])('%s is usage (2), and nothing changes', async (_name, argv) => {
    const before = await readRollout(database.pool);
    const { code, err } = await run(argv);
    expect(code).toBe(2);
    expect(err).not.toBe('');
    expect(await readRollout(database.pool)).toEqual(before);
  });

  test('help is no failure', async () => {
    const { code, out } = await run(['set', '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/--reason/);
  });

  test('a missing or wrong DATABASE_URL is told with advice', async () => {
    for (const env of [{}, { DATABASE_URL: '' }, { DATABASE_URL: 'nonsense' }, { DATABASE_URL: 'http://127.0.0.1/' }]) {
      const { code, err } = await run(['status'], env);
      expect(code).toBe(2);
      expect(err).toMatch(/^DATABASE_URL is not .*: give the database that the routers use/);
    }
  });

  test('a server that is not there, or a database of somebody else', async () => {
    const nowhere = await run(['status'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    expect(nowhere.code).toBe(4);
    expect(nowhere.err).toMatch(/cannot be reached \(ECONNREFUSED\)/);
    const missing = new URL(database.url);
    missing.pathname = '/there-is-no-such';
    expect((await run(['status'], { DATABASE_URL: missing.href })).code).toBe(4);
    const foreign = new URL(database.url);
    foreign.pathname = '/template1';
    expect(await run(['status'], { DATABASE_URL: foreign.href })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/not one of Sagashift/),
    });
  });

  test('a rollout that is missing', async () => {
    const other = await freshDatabase(1);
    await other.pool.query('delete from rollout');
    expect(await run(['status'], { DATABASE_URL: other.url })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no rollout 'payment'/),
    });
    await other.drop();
  });
});
