import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { FaultPoint } from './injected-fault.ts';
import { readConfig } from './config.ts';
import { type Connection, ConnectionLost } from './database.ts';
import { diesAt, faultyConnection, faultyJobs, losesAt, metAt } from './fault-points.ts';
import { setWallClock } from './wall-clock.ts';

const fault = (point: FaultPoint, nth: number) => ({ point, nth });
const three = { sagas: [1, 2, 3] };

/** Answers every statement with two rows. */
const connection = (said: string[]): Connection => ({
  query: <Row>(text: string) => {
    said.push(text);
    return Promise.resolve([{}, {}] as Row[]);
  },
  close: () => Promise.resolve(),
});
const queue = (sent: unknown[]) => ({
  add: (...job: unknown[]) => Promise.resolve(sent.push(job)),
  close: () => Promise.resolve(),
});

describe('without a fault', () => {
  test('connections and queues are themselves, and nothing is lost or ends', () => {
    const [db, jobs] = [connection([]), queue([])];
    expect(faultyConnection(db, undefined)).toBe(db);
    expect(faultyConnection(db, fault('reply-lost', 1))).toBe(db);
    expect(faultyJobs(jobs, undefined)).toBe(jobs);
    expect(faultyJobs(jobs, fault('commit-timeout', 1))).toBe(jobs);
    expect(losesAt(undefined, 'reply-lost')(9)).toBe(false);
    diesAt(undefined, 'accept-before-enqueue')(9);
    diesAt(fault('accept-after-enqueue', 1), 'accept-before-enqueue')(9);
  });
});

describe('a fault', () => {
  let said: string[];
  let kill: jest.SpiedFunction<typeof process.kill>;
  beforeEach(() => {
    said = [];
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
    kill = jest.spyOn(process, 'kill').mockReturnValue(true);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  test('comes with the n-th payment, says so once, and is over after 200', () => {
    const loses = losesAt(fault('reply-lost', 3), 'reply-lost');
    expect([loses(2), loses(1), loses(198), loses(1), loses(1)]).toEqual([false, true, true, true, false]);
    expect(said.map((line) => metAt(line, 'reply-lost'))).toEqual([expect.any(Number)]);
    expect(metAt(said[0] ?? '', 'commit-timeout')).toBeUndefined();
    expect(metAt('{"level":50}', 'reply-lost')).toBeUndefined();
  });

  test('kills this process, where its point is', () => {
    const dies = diesAt(fault('accept-before-enqueue', 4), 'accept-before-enqueue');
    dies(3);
    expect(kill).not.toHaveBeenCalled();
    dies(1);
    expect(kill).toHaveBeenCalledWith(process.pid, 'SIGKILL');
  });

  test('before a commit leaves the call after the n-th payment in an open transaction', async () => {
    const statements: string[] = [];
    const db = faultyConnection(connection(statements), fault('boundary-before-commit', 4));
    await db.query('one');
    await db.query('two');
    expect([statements, kill.mock.calls.length]).toEqual([['one', 'two'], 0]);
    await db.query('three');
    expect([statements, kill.mock.calls.length]).toEqual([['one', 'two', 'begin', 'three'], 1]);
    await db.close();
  });

  test('after a commit, or of its answer, comes when the call has been made; the connections of a process count together', async () => {
    const shared = fault('commit-timeout', 3);
    const [one, two] = [faultyConnection(connection([]), shared), faultyConnection(connection([]), shared)];
    await one.query('call');
    await expect(two.query('call')).rejects.toThrow(ConnectionLost);
    const dying = faultyConnection(connection([]), fault('boundary-after-commit', 2));
    await dying.query('call');
    expect(kill).toHaveBeenCalledTimes(1);
  });

  test('of the clock sets it an hour ahead when the n-th payment has gone through, for everybody in the process', async () => {
    const truth = () => performance.timeOrigin + performance.now();
    const db = faultyConnection(connection([]), fault('clock-jump', 3));
    await db.query('one');
    const before = Date.now() - truth();
    expect(await db.query('two')).toHaveLength(2);
    const after = Date.now() - truth();
    setWallClock(0);
    expect([before, after].map((ms) => Math.round(Math.abs(ms) / 3_600_000))).toEqual([0, 1]);
    expect(metAt(said[0] ?? '', 'clock-jump')).toBeLessThan(truth() + 60_000);
  });

  test('sends jobs twice at once and again late, or late and out of order, then as before', async () => {
    const sent: [string, unknown, { delay?: number }][] = [];
    const jobs = faultyJobs(queue(sent), fault('duplicate-jobs', 4));
    await jobs.add('one', three, { removeOnComplete: true });
    await jobs.add('two', three, { removeOnComplete: true });
    expect(sent.map(([name, , { delay }]) => [name, delay])).toEqual([
      ['one', undefined],
      ['two', 0],
      ['two', 0],
      ['two', 1_500],
    ]);
    const late = faultyJobs(queue(sent), fault('reordered-jobs', 1));
    sent.length = 0;
    for (let i = 0; i < 6; i++) await late.add('job', three, {});
    const delays = sent.map(([, , { delay }]) => delay ?? 0);
    expect(delays).not.toEqual([...delays].sort((a, b) => a - b));
    expect(sent).toHaveLength(6);
    await late.close();
  });
});

describe('SAGASHIFT_FAULT', () => {
  const read = (text: string) =>
    readConfig({
      DATABASE_URL: 'postgres://u:p@127.0.0.1:5432/x',
      REDIS_URL: 'redis://127.0.0.1:6379',
      SAGASHIFT_FAULT: text,
    }).fault;

  test('names a point, and which payment meets it', () => {
    expect(read('reply-lost')).toEqual({ point: 'reply-lost', nth: 1 });
    expect(read('commit-timeout:250')).toEqual({ point: 'commit-timeout', nth: 250 });
    expect(read('')).toBeUndefined();
  });

  test.each(['meteor', 'reply-lost:0', 'reply-lost:x', ':3', 'reply-lost:3:4'])('%s is refused', (text) => {
    expect(() => read(text)).toThrow(/is not POINT or POINT:N with a point of boundary-before-commit/);
  });
});
