import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Driver, Load, Loaded } from './driver.ts';
import { readK6Log } from './k6-log.ts';
import { runK6Process } from './k6-process.ts';
import { type K6Summary, readK6Summary } from './k6-summary.ts';
import { shortestOpenLoopSeconds } from './loads.ts';
import { toOperation } from './operation.ts';
import { placeOnSchedule } from './schedule.ts';

export interface K6Load {
  /** The binary. */
  readonly path: string;
  readonly ratePerSecond: number;
  /** In k6's own words, by metric of `bench/k6/payments.ts`, for a round of so many arrivals. */
  readonly thresholds: (arrivals: number) => Readonly<Record<string, readonly string[]>>;
  readonly onSpawn: (pid: number) => void;
}

/**
 * Drives a round with k6's constant arrival rate. k6 keeps the schedule and takes the times; which orders, and what became
 * of them, pass through two files. What k6 does not say whole makes the round invalid, with the reason.
 */
export const k6Driver =
  (k6: K6Load): Driver =>
  async (load, signal) => {
    signal.throwIfAborted();
    const directory = mkdtempSync(join(tmpdir(), 'sagashift-k6-'));
    const thresholds = k6.thresholds(Math.floor((k6.ratePerSecond * durationMsOf(load)) / 1_000));
    try {
      writePlan(directory, k6.ratePerSecond, thresholds, load);
      const ended = await runK6Process(k6.path, directory, lastResortMs(load), k6.onSpawn, signal);
      const summary = readK6Summary(read(directory, 'summary.json'));
      const asked = Object.keys(thresholds);
      return loadedOf({ ratePerSecond: k6.ratePerSecond, asked }, load, ended, read(directory, 'log.jsonl'), summary);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };

const durationMsOf = ({ leadInMs, windowMs }: Load): number =>
  Math.ceil(Math.max(leadInMs + windowMs, shortestOpenLoopSeconds * 1_000));

/** Beside the load itself: start of k6, its clients, its end. */
const slackMs = 20_000;
const lastResortMs = (load: Load): number => durationMsOf(load) + load.requestTimeoutMs + slackMs;

function writePlan(
  directory: string,
  ratePerSecond: number,
  thresholds: ReturnType<K6Load['thresholds']>,
  load: Load,
): void {
  const { urls, clients, requestTimeoutMs } = load;
  const plan = {
    urls,
    clients,
    ratePerSecond,
    thresholds,
    durationMs: durationMsOf(load),
    requestTimeoutMs,
  };
  const orders = load.orders.map(({ orderId, userId, couponId }) => [orderId, userId, couponId]);
  writeFileSync(join(directory, 'plan.json'), JSON.stringify(plan));
  writeFileSync(join(directory, 'orders.json'), JSON.stringify(orders));
  writeFileSync(join(directory, 'config.json'), '{}'); // in place of the one in the user's home
}

function read(directory: string, name: string): string {
  try {
    return readFileSync(join(directory, name), 'utf8');
  } catch {
    return ''; // it ended before it wrote any
  }
}

/** k6's ticker counts whole nanoseconds. */
const periodMsOf = (ratePerSecond: number): number => Math.floor(1e9 / ratePerSecond) / 1e6;

/** From the times of k6's run to our monotonic clock; without a summary the log stands alone and the round does not count anyway. */
function loadedOf(
  { ratePerSecond, asked }: { readonly ratePerSecond: number; readonly asked: readonly string[] },
  load: Load,
  died: string | undefined,
  logText: string,
  summary: K6Summary | undefined,
): Loaded {
  const log = readK6Log(logText, load.orders);
  const epochToMonotonic = performance.now() - Date.now();
  const zero = (summary?.zeroEpochMs ?? performance.timeOrigin) + epochToMonotonic;
  const schedule = placeOnSchedule(
    log.payments.map(({ line }) => line[2]),
    periodMsOf(ratePerSecond),
    summary?.dropped ?? 0,
  );
  const operations = log.payments.map(({ plan, line }, i) => {
    const [, , started, ended, status, outcome, code, paymentId, engine] = line;
    const intendedAt = zero + (schedule.intendedAt[i] ?? started);
    return toOperation(plan, zero + started, zero + ended, status, { outcome, code, paymentId, engine }, intendedAt);
  });
  const from = (operations[0]?.intendedAt ?? zero) + load.leadInMs;
  return {
    operations,
    window: [from, from + load.windowMs],
    endedEarly: false,
    arrivals: {
      ratePerSecond,
      unservedAt: schedule.unservedAt.map((at) => zero + at),
      thresholds: summary?.thresholds ?? [],
    },
    faults: [...(died === undefined ? [] : [died]), ...log.faults, ...differences(summary, log.payments.length, asked)],
  };
}

/** k6's own count against its log: a line that was lost on the way would be a payment that nobody saw. */
function differences(summary: K6Summary | undefined, logged: number, asked: readonly string[]): string[] {
  if (summary === undefined) return ['k6 wrote no summary'];
  const missing = asked.filter((metric) => !summary.thresholds.some((one) => one.metric === metric));
  return [
    ...(summary.iterations === logged ? [] : [`k6 counted ${summary.iterations} payments, its log has ${logged}`]),
    ...(missing.length === 0 ? [] : [`k6 did not judge ${missing.join(', ')}`]),
  ];
}
