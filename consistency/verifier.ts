import type { Tx } from '../domain/ports.ts';
import { openPool, type Pool } from '../runtime/database.ts';
import { assertOurs } from '../runtime/databases.ts';
import { type Answer, askSubject, bySubject, type Finding, findingOf, touchedBy } from './check.ts';
import { history } from './catalogue/engine-names.ts';
import type { InvariantClass } from './catalogue/invariant.ts';
import { invariants } from './invariants.ts';
import { recordRun } from './record.ts';
import { type Score, scoreOf } from './score.ts';

/** `live`: payments may be in work, so what holds only when nothing is (class Q) is left out. */
export type Mode = 'live' | 'drained';

export interface VerifyOptions {
  readonly mode: Mode;
  /** Engines that must have worked on some order, or the pass proves nothing about them. */
  readonly expectEngines?: readonly string[];
  /** Write the result to verification_run and verification_finding. Default: only read. */
  readonly record?: boolean;
  readonly signal?: AbortSignal;
  onProgress?(progress: { readonly subject: string; readonly done: number; readonly of: number }): void;
}

export interface VerificationReport {
  readonly mode: Mode | 'from-events';
  /** Orders that were examined, by the engine that worked on them. */
  readonly checked: Readonly<Record<string, number>>;
  /** Expected engines of which nothing was examined: a failure, like a violation. */
  readonly unexamined: readonly string[];
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
 * marked as ours; anything else that is thrown is a fault, never a violation.
 */
export async function verify(url: string, options: VerifyOptions): Promise<VerificationReport> {
  const startedAt = new Date();
  await assertOurs(url);
  const pool = openPool({ url, size: connections, applicationName: 'sagashift-verifier' });
  try {
    const report = await examine(pool, options, startedAt);
    if (options.record === true) await recordRun(pool, report);
    return report;
  } finally {
    await pool.close();
  }
}

async function examine(
  pool: Pool,
  { mode, expectEngines = [], signal, onProgress }: VerifyOptions,
  startedAt: Date,
): Promise<VerificationReport> {
  const bound = invariants.filter((invariant) => classes[mode].includes(invariant.class));
  const subjects = [...bySubject(bound)].sort(([, a], [, b]) => b.length - a.length); // the widest first, so that both end together
  const answers: Answer[] = [];
  const waiting = [...subjects];
  let done = 0;
  const work = async (tx: Tx): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      signal?.throwIfAborted();
      answers.push(...(await askSubject(tx, ...next)));
      onProgress?.({ subject: next[0].name, done: ++done, of: subjects.length });
    }
  };

  const snapshot = { isolation: 'repeatable read', readOnly: true } as const;
  const checked = await pool.transaction(async (tx) => {
    await prepare(tx);
    const [exported] = await tx.query<{ id: string }>('select pg_export_snapshot() as id');
    const second = pool.transaction(async (other) => {
      await other.query(`set transaction snapshot '${exported?.id}'`);
      await prepare(other);
      await work(other);
    }, snapshot);
    // The second one reads from the first one's snapshot: wait for it even when this one fails.
    const [first, other] = await Promise.allSettled([work(tx), second]);
    for (const result of [first, other]) if (result.status === 'rejected') throw result.reason;
    return ordersByEngine(tx);
  }, snapshot);

  const perInvariant = bound.map((invariant) => findingOf(invariant, answers));
  const worked = Object.entries(checked).reduce((sum, [engine, orders]) => sum + (engine === history ? 0 : orders), 0);
  return {
    mode,
    checked,
    unexamined: expectEngines.filter((engine) => (checked[engine] ?? 0) === 0),
    perInvariant,
    violations: perInvariant.reduce((sum, finding) => sum + finding.violations, 0),
    score: scoreOf(touchedBy(answers).size, worked),
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
  };
}

/** Folds of whole tables: one hash each, in memory, whatever the statistics of a table that was empty a minute ago say. */
const prepare = (tx: Tx): Promise<unknown> =>
  tx.query(`set local work_mem = '256MB'; set local hash_mem_multiplier = 2; set local jit = off;
    set local enable_nestloop = off; set local enable_mergejoin = off; set local max_parallel_workers_per_gather = 0`);

async function ordersByEngine(tx: Tx): Promise<Record<string, number>> {
  const rows = await tx.query<{ engine: string; orders: number }>(
    'select engine, count(*) as orders from orders where engine is not null group by engine order by engine',
  );
  return Object.fromEntries(rows.map(({ engine, orders }) => [engine, orders]));
}
