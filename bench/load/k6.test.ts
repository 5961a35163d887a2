import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Load, Loaded } from './driver.ts';
import { findK6, MissingK6 } from './k6-binary.ts';
import { k6Driver } from './k6.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'k6-stand-in-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** A shell script in place of k6: it is given k6's arguments and leaves what the script wants a k6 to leave. */
function standIn(name: string, body: string): string {
  const file = join(directory, name);
  const places = `
    while [ $# -gt 1 ]; do
      case "$1 $2" in
        '--console-output '*) log=$2;;
        '--env SUMMARY='*) summary=\${2#SUMMARY=};;
        '--env PLAN='*) plan=\${2#PLAN=};;
      esac
      shift
    done`;
  writeFileSync(file, `#!/bin/sh\n${places}\n${body}\n`, { mode: 0o755 });
  return file;
}

const lines = `printf '%s\\n' '[1,2,20,29,422,"refused","COUPON_UNUSABLE",null,"legacy"]' '[0,1,10,15,201,"paid",null,7,"legacy"]' > $log`;
const summary = (iterations: number, metrics = '') =>
  `echo '{"metrics":{"iterations":{"values":{"count":${iterations}}},"success":{"values":{"rate":1},"thresholds":{"rate>=0.999":{"ok":true}}}${metrics}},"setup_data":{"epochMs":5000,"runMs":4}}' > $summary`;

const load: Load = {
  urls: ['http://127.0.0.1:1'],
  clients: 4,
  orders: [1, 2, 3, 4].map((orderId) => ({ orderId, userId: 7, couponId: null, expect: 'PAID' })),
  leadInMs: 5,
  windowMs: 100,
  requestTimeoutMs: 1_000,
};

function drive(
  path: string,
  signal = new AbortController().signal,
  onSpawn: (pid: number) => void = () => undefined,
): Promise<Loaded> {
  const thresholds = { success: ['rate>=0.999'] };
  return k6Driver({ path, ratePerSecond: 100, thresholds: () => thresholds, onSpawn })(load, signal);
}

const leftOvers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('sagashift-k6-'));

describe('k6 as the driver of a round', () => {
  test('its log becomes operations, due on its schedule, on our clock', async () => {
    const loaded = await drive(standIn('well', `${lines}\n${summary(2)}`));
    expect(loaded.faults).toEqual([]);
    expect(loaded.operations).toMatchObject([
      { orderId: 1, userId: 7, status: 201, outcome: 'paid', paymentId: 7, code: null, expect: 'PAID' },
      { orderId: 2, status: 422, outcome: 'refused', code: 'COUPON_UNUSABLE', paymentId: null },
    ]);
    const [first, second] = loaded.operations;
    expect((second?.intendedAt ?? 0) - (first?.intendedAt ?? 0)).toBeCloseTo(10, 6);
    expect((second?.endedAt ?? 0) - (second?.intendedAt ?? 0)).toBeCloseTo(9, 6);
    expect(loaded.window[0] - (first?.intendedAt ?? 0)).toBeCloseTo(5, 6);
    expect(loaded.window[1] - loaded.window[0]).toBeCloseTo(100, 6);
    expect(loaded.arrivals).toEqual({
      ratePerSecond: 100,
      unservedAt: [],
      thresholds: [{ metric: 'success', expression: 'rate>=0.999', passed: true }],
    });
  });

  test('what it dropped is counted as not served, and a threshold that failed is no crash', async () => {
    const dropped = ',"dropped_iterations":{"values":{"count":3}}';
    const { arrivals, faults } = await drive(standIn('dropped', `${lines}\n${summary(2, dropped)}\nexit 99`));
    expect(faults).toEqual([]);
    expect(arrivals?.unservedAt).toHaveLength(3);
  });

  test('it is told orders, rate, clients and thresholds', async () => {
    const copy = join(directory, 'plan-seen');
    await drive(
      standIn(
        'plan',
        `${lines}\n${summary(2)}\nwhile read -r one || [ -n "$one" ]; do echo "$one" > ${copy}; done < $plan`,
      ),
    );
    expect(JSON.parse(readFileSync(copy, 'utf8'))).toEqual({
      urls: load.urls,
      clients: 4,
      ratePerSecond: 100,
      durationMs: 1_000, // not 105: k6 takes no less
      requestTimeoutMs: 1_000,
      thresholds: { success: ['rate>=0.999'] },
    });
  });

  test.each([
    ['a crash', `echo 'panic: no memory' >&2; exit 2`, [/exit 2.*panic: no memory/, /no summary/]],
    ['a kill', `${lines}\nkill -9 $$`, [/SIGKILL/, /no summary/]],
    ['a lost line', `${lines}\n${summary(3)}`, [/counted 3 payments, its log has 2/]],
    ['a cut log', `printf '[0,1,10' > $log\n${summary(1)}`, [/cut/, /counted 1 payments, its log has 0/]],
    ['a summary that is none', `${lines}\necho '{' > $summary`, [/no summary/]],
    ['a threshold that it left out', `${lines}\n${summary(2).replace('success', 'other')}`, [/did not judge success/]],
  ])('%s makes the round invalid and keeps what can be read', async (name, body, reasons) => {
    const { faults } = await drive(standIn(name.replaceAll(' ', '-'), body));
    for (const reason of reasons) expect(faults.join('\n')).toMatch(reason);
    expect(leftOvers()).toEqual([]);
  });

  test('a program that can not be started is a reason, too', async () => {
    const { faults } = await drive(join(directory, 'absent'));
    expect(faults[0]).toMatch(/k6 did not start: .*ENOENT/);
  });

  test('being told to stop ends it and leaves nothing', async () => {
    const stop = new AbortController();
    let pid = 0;
    const running = drive(standIn('endless', `while :; do :; done`), stop.signal, (own) => {
      pid = own;
      stop.abort(new Error('interrupted'));
    });
    await expect(running).rejects.toThrow('interrupted');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(leftOvers()).toEqual([]);
    await expect(drive('never-started', stop.signal)).rejects.toThrow('interrupted');
  });
});

describe('finding k6', () => {
  test('K6_BIN names it, and it says its version', () => {
    const path = standIn('k6', `echo 'k6 v1.8.1 (go1.26, linux/amd64)'`);
    expect(findK6({ K6_BIN: path })).toEqual({ path, version: 'k6 v1.8.1 (go1.26, linux/amd64)' });
  });

  test.each([
    ['is not there', () => join(directory, 'nowhere')],
    ['is not a k6 that runs here', () => standIn('other', 'echo something else')],
    ['is not a k6 that runs here', () => directory],
  ])('what %s is said, with the command that helps', (words, path) => {
    expect(() => findK6({ K6_BIN: path() })).toThrow(MissingK6);
    expect(() => findK6({ K6_BIN: path() })).toThrow(new RegExp(`${words}.*npm run k6:build`));
  });
});
