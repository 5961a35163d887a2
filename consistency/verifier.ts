import type { Tx } from '../domain/ports.ts';
import { openPool, type Pool } from '../runtime/database.ts';
import { assertOurs } from '../runtime/databases.ts';
import { type Answer, askSubject, bySubject, type Finding, findingOf } from './check.ts';
import type { Invariant, InvariantClass } from './catalogue/invariant.ts';
import { cancelOnAbort, type Canceller } from './cancel-on-abort.ts';
import type { Gap } from './gaps.ts';
import { invariants } from './invariants.ts';
import { passReport } from './pass-report.ts';
import { passSettings } from './pass-settings.ts';
import { recordRun } from './record.ts';
import type { Score } from './score.ts';
import { lookAround, type OpenSagas } from './surroundings.ts';
import { assertFit } from './unfit.ts';

/** `live`: payments may be in work, so what holds only when nothing is (class Q) is left out. */
export type Mode = 'live' | 'drained';

export interface VerifyOptions {
  readonly mode: Mode;
  /** Engines that must have worked on some order, or the pass proves nothing about them. */
  readonly expectEngines?: readonly string[];
  /** Write the result to verification_run and verification_finding. Default: only read. */
  readonly record?: boolean;
  /** A saga may be open for so long after its deadline (G5). Default: 300. */
  readonly patienceSeconds?: number;
  readonly signal?: AbortSignal;
  onProgress?(progress: { readonly subject: string; readonly done: number; readonly of: number }): void;
}

export interface VerificationReport {
  readonly mode: Mode | 'from-events' | 'since';
  /** Orders that were examined, by the engine that worked on them. */
  readonly checked: Readonly<Record<string, number>>;
  /** Expected engines of which nothing was examined: a failure, like a violation. */
  readonly unexamined: readonly string[];
  /** Invariants that found nothing to examine where there must be something: a failure, like a violation. */
  readonly gaps?: readonly Gap[];
  /** Why the pass proves less than it says, in sentences: a failure too. */
  readonly doubts?: readonly string[];
  /** Sagas in work, and those of them that want a person's attention. */
  readonly open?: OpenSagas;
  readonly perInvariant: readonly Finding[];
  /** Sum over the invariants. */
  readonly violations: number;
  readonly score: Score;
  readonly startedAt: string;
  readonly durationMs: number;
}

const classes: Readonly<Record<Mode, readonly InvariantClass[]>> = {
  live: ['I', 'T', 'L'],
  drained: ['I', 'T', 'L', 'Q'],
};

/** Two connections that see one snapshot: a second core helps, a third would be taken from the payments. */
const connections = 2;

/**
 * Checks every invariant of the mode in one snapshot, reading only. Throws NotOursError on a database that is not
 * marked as ours, UnfitError on one of another schema or that may not be read; anything else that is thrown is a fault, never a
 * violation. When the signal says so it rejects with its reason, within a second, and leaves no session behind.
 */
export async function verify(url: string, options: VerifyOptions): Promise<VerificationReport> {
  const startedAt = new Date();
  options.signal?.throwIfAborted();
  await assertOurs(url);
  const pool = openPool({ url, size: connections, applicationName: 'sagashift-verifier' });
  const canceller = cancelOnAbort(url, options.signal);
  try {
    await assertFit(pool, { record: options.record === true });
    const report = await examine(pool, options, canceller, startedAt);
    if (options.record === true) await recordRun(pool, report);
    return report;
  } catch (error) {
    options.signal?.throwIfAborted(); // What was cancelled says so less well.
    throw error;
  } finally {
    await canceller.stop();
    await pool.close();
  }
}

const snapshot = { isolation: 'repeatable read', readOnly: true } as const;

async function examine(
  pool: Pool,
  options: VerifyOptions,
  canceller: Canceller,
  startedAt: Date,
): Promise<VerificationReport> {
  const bound = invariants.filter((invariant) => classes[options.mode].includes(invariant.class));
  const answers: Answer[] = [];
  const work = askAll(bound, answers, options);
  const begin = async (tx: Tx): Promise<void> => {
    await tx.query(passSettings(options.patienceSeconds));
    const [backend] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
    if (backend !== undefined) canceller.watch(backend.pid);
  };
  const seen = await pool.transaction(async (tx) => {
    await begin(tx);
    const around = await lookAround(tx);
    const [exported] = await tx.query<{ id: string }>('select pg_export_snapshot() as id');
    const second = pool.transaction(async (other) => {
      await other.query(`set transaction snapshot '${exported?.id}'`);
      await begin(other);
      await work(other);
    }, snapshot);
    // The second one reads from the first one's snapshot: wait for it even when this one fails.
    const [first, other] = await Promise.allSettled([work(tx), second]);
    for (const result of [first, other]) if (result.status === 'rejected') throw result.reason;
    return around;
  }, snapshot);

  const perInvariant = bound.map((invariant) => findingOf(invariant, answers));
  const { mode, expectEngines = [] } = options;
  return { mode, ...passReport({ startedAt, seen, bound, answers, perInvariant, expectEngines }) };
}

/** Takes subject after subject, the widest first, so that all who work on them end together. */
function askAll(
  bound: readonly Invariant[],
  answers: Answer[],
  { signal, onProgress }: VerifyOptions,
): (tx: Tx) => Promise<void> {
  const waiting = [...bySubject(bound)].sort(([, a], [, b]) => b.length - a.length);
  const of = waiting.length;
  let done = 0;
  return async (tx) => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      signal?.throwIfAborted();
      onProgress?.({ subject: next[0].name, done, of });
      answers.push(...(await askSubject(tx, ...next)));
      onProgress?.({ subject: next[0].name, done: ++done, of });
    }
  };
}
