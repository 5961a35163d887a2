import { expect, test } from '@jest/globals';
import { openConnection } from '../../runtime/database.ts';
import { runDeliveryRate } from '../../scripts/delivery-rate-command.ts';
import { testServices } from '../support/services.ts';

async function run(argv: readonly string[], given: NodeJS.ProcessEnv = {}, signal = new AbortController().signal) {
  const { adminUrl, redisUrl } = testServices();
  const env = { PATH: process.env['PATH'], DATABASE_URL: adminUrl, REDIS_URL: redisUrl, ...given };
  let [out, err] = ['', ''];
  const code = await runDeliveryRate(argv, { env, out: (text) => (out += text), err: (text) => (err += text) }, signal);
  return { code, out, err };
}

test('npm run delivery:rate counts what a relay in its own process sends, a hundred to a POST', async () => {
  const { code, out } = await run([
    '--events',
    '2000',
    '--targets',
    'inventory,data-platform',
    '--latency-ms',
    '5',
    '--json',
  ]);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ events: 2_000, targets: 2, posts: 20 });
});

test('npm run delivery:rate says what is wrong', async () => {
  expect(await run(['--events', 'many'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('whole number') as unknown,
  });
  expect((await run(['--events', '0'])).code).toBe(2);
  expect((await run(['--help'])).code).toBe(0);
  expect(await run([], { DATABASE_URL: 'postgres://u@127.0.0.1:1/x' })).toMatchObject({
    code: 4,
    err: expect.stringContaining('ECONNREFUSED') as unknown,
  });
});

test('npm run delivery:rate, interrupted, says so and leaves no database behind', async () => {
  const { code, err } = await run(['--events', '2000'], {}, AbortSignal.timeout(300));
  expect(code).toBe(3);
  expect(err).toMatch(/^interrupted: /);
  const admin = await openConnection({ url: testServices().adminUrl, applicationName: 'test' });
  const left = await admin.query(`select from pg_database where datname = $1`, [
    `sagashift_delivery_rate_${process.pid}`,
  ]);
  await admin.close();
  expect(left).toEqual([]);
});
