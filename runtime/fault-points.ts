import type { JobsOptions } from 'bullmq';
import type { Config } from './config.ts';
import type { FaultPoint, InjectedFault } from './injected-fault.ts';
import { type Connection, ConnectionLost, openConnection } from './database.ts';
import { jumpWallClock } from './wall-clock.ts';

/** A fault that does not end the process lasts for so many payments, so that recovery from it can be seen. */
const lasts = 200;

/** Payments that have passed the point of a fault, in the whole process: each of its connections and queues counts on. */
const passed = new WeakMap<InjectedFault, number>();

/** Where a process stands when so many more payments have come to its point. */
type Watch = (payments: number) => 'before' | 'now' | 'over';

const nothing = (): void => undefined;

const watch =
  (fault: InjectedFault): Watch =>
  (payments) => {
    const sum = (passed.get(fault) ?? 0) + payments;
    passed.set(fault, sum);
    if (sum < fault.nth) return 'before';
    if (sum - payments < fault.nth) process.stderr.write(`${JSON.stringify({ fault: fault.point, at: Date.now() })}\n`);
    return sum < fault.nth + lasts ? 'now' : 'over';
  };

/** When a process met its fault, by this machine's clock, if that is what a line of its stderr says. */
export function metAt(line: string, point: FaultPoint): number | undefined {
  if (!line.startsWith(`{"fault":"${point}",`)) return undefined;
  return (JSON.parse(line) as { readonly at: number }).at;
}

/** As a crash: nothing is flushed, nobody is told. */
const die = (): void => {
  process.kill(process.pid, 'SIGKILL');
};

/** To be called where the point is, with the payments that come to it. Without a fault it does nothing at all. */
export function diesAt(fault: InjectedFault | undefined, point: FaultPoint): (payments: number) => void {
  if (fault?.point !== point) return nothing;
  const at = watch(fault);
  return (payments) => {
    if (at(payments) === 'now') die();
  };
}

/** True while what would be sent gets lost. */
export function losesAt(fault: InjectedFault | undefined, point: FaultPoint): (payments: number) => boolean {
  if (fault?.point !== point) return () => false;
  const at = watch(fault);
  return (payments) => at(payments) === 'now';
}

/**
 * The connection of a boundary. Each of its calls is a transaction: it commits with the call, or, for the fault before the
 * commit, stays open until the process is gone. The answer's rows are the payments. Without a fault of a boundary it is the
 * connection itself. The one fault of a boundary that does nothing to its call sets the process's clock.
 */
export function faultyConnection(connection: Connection, fault: InjectedFault | undefined): Connection {
  const then = fault && afterCall[fault.point];
  if (then === undefined) return connection;
  const at = watch(fault as InjectedFault);
  let next: 'before' | 'now' | 'over' = 'before';
  return {
    close: () => connection.close(),
    async query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> {
      const open = fault?.point === 'boundary-before-commit' && next === 'now';
      if (open) await connection.query('begin');
      const rows = await connection.query<Row>(text, values);
      if (open) die();
      next = at(rows.length);
      if (next === 'now') then();
      return rows;
    },
  };
}

const afterCall: Partial<Readonly<Record<FaultPoint, () => void>>> = {
  'boundary-before-commit': nothing,
  'boundary-after-commit': die,
  'commit-timeout': () => {
    throw new ConnectionLost('no answer to a COMMIT that was made', undefined);
  },
  'clock-jump': () => {
    jumping ??= jumpWallClock(clockJumps.aheadMs, clockJumps.eachMs);
  },
};

/** Once in the life of a process, whatever its payments do meanwhile. */
let jumping: Promise<void> | undefined;

/** Where the wall clock stands, one after the other, against the machine's; then it is right again. More than any deadline or backoff. */
export const clockJumps = { aheadMs: [3_600_000, -3_600_000], eachMs: 1_500 } as const;

/** The part of a queue that sends. */
interface Jobs<Data> {
  add(name: string, data: Data, options: JobsOptions): Promise<unknown>;
  close(): Promise<void>;
}

/** A queue that sends twice, at once and late, or late and in another order. Without such a fault it is the queue itself. */
export function faultyJobs<Data extends { readonly sagas: readonly unknown[] }>(
  queue: Jobs<Data>,
  fault: InjectedFault | undefined,
): Jobs<Data> {
  const delays = fault && delaysOf[fault.point];
  if (delays === undefined) return queue;
  const at = watch(fault as InjectedFault);
  let n = 0;
  return {
    close: () => queue.close(),
    async add(name, data, options) {
      if (at(data.sagas.length) !== 'now') return queue.add(name, data, options);
      return Promise.all(delays(n++).map((delay) => queue.add(name, data, { ...options, delay })));
    },
  };
}

/** Of each job that is sent instead of the n-th one, in ms. Late means after its saga has gone on, or has ended. */
const delaysOf: Partial<Readonly<Record<FaultPoint, (n: number) => readonly number[]>>> = {
  'duplicate-jobs': () => [0, 0, 1_500],
  'reordered-jobs': (n) => [[240, 90, 180, 0, 120][n % 5] ?? 0],
};

/** Faults are for throw-away databases of ours (purpose bench or test). Throws elsewhere. */
export async function assertFaultAllowed({ fault, databaseUrl }: Config): Promise<void> {
  if (fault === undefined) return;
  const db = await openConnection({ url: databaseUrl, timeoutMs: 10_000 });
  try {
    const [row] = await db.query<{ purpose: string }>('select purpose from sagashift_database');
    if (/^(bench|test)/.test(row?.purpose ?? '')) return;
    throw new Error(`fault ${fault.point} is refused: this database is not a throw-away one (purpose bench or test)`);
  } finally {
    await db.close();
  }
}
