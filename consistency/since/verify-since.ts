import type { Tx } from '../../domain/ports.ts';
import { openPool } from '../../runtime/database.ts';
import { type Answer, askSubject, bySubject, findingOf } from '../check.ts';
import { invariants } from '../invariants.ts';
import { oneRow } from '../one-row.ts';
import { recordRun } from '../record.ts';
import { among, everything, type Scope } from '../scope.ts';
import type { VerificationReport } from '../verifier.ts';
import { touchedSince } from './touched-since.ts';
import { passReport } from '../pass-report.ts';
import { lookAround } from '../surroundings.ts';
import { passSettings } from '../pass-settings.ts';
import { assertFitDatabase } from '../unfit.ts';

export interface SinceOptions {
  /** Write the result to verification_run and verification_finding. Default: only read. */
  readonly record?: boolean;
  readonly signal?: AbortSignal;
}

export interface SinceReport extends VerificationReport {
  /** ISO time. */
  readonly since: string;
  /** Orders that were touched since, and all there are. */
  readonly orders: { readonly touched: number; readonly of: number };
}

/** By key they are found one by one; from here on it is quicker to look at all. */
const mostKeys = 200_000;

/**
 * Checks what holds while payments are in work for everything that was touched since, in one snapshot, reading only. Throws
 * NotOursError on a database that is not marked as ours.
 */
export async function verifySince(url: string, moment: Date, options: SinceOptions = {}): Promise<SinceReport> {
  const startedAt = new Date();
  await assertFitDatabase(url);
  const pool = openPool({ url, size: 1, applicationName: 'sagashift-verifier' });
  try {
    const report = await pool.transaction((tx) => examine(tx, moment, startedAt, options.signal), {
      isolation: 'repeatable read',
      readOnly: true,
    });
    if (options.record === true) await recordRun(pool, report);
    return report;
  } finally {
    await pool.close();
  }
}

async function examine(tx: Tx, moment: Date, startedAt: Date, signal: AbortSignal | undefined): Promise<SinceReport> {
  // Nested loops again: of a few keys the rows are looked up, and each plan is made for how many there are.
  await tx.query(`${passSettings()}; set local enable_nestloop = on; set local plan_cache_mode = force_custom_plan`);
  const touched = await touchedSince(tx, moment);
  const scopeOf = (keys: readonly number[] | undefined): Scope =>
    keys === undefined || keys.length > mostKeys ? everything : among(keys);
  const bound = invariants.filter((invariant) => invariant.class !== 'Q');
  const answers: Answer[] = [];
  for (const [subject, questions] of bySubject(bound)) {
    signal?.throwIfAborted();
    const keys = subject.key === 'whole' ? undefined : touched[subject.key];
    answers.push(...(await askSubject(tx, subject, questions, scopeOf(keys))));
  }
  const perInvariant = bound.map((invariant) => findingOf(invariant, answers));
  const { orders, doubts } = await lookAround(tx, scopeOf(touched.order));
  const all = await tx.query<{ n: number }>('select count(*) as n from orders');
  return {
    mode: 'since',
    since: moment.toISOString(),
    orders: { touched: touched.order.length, of: oneRow(all).n },
    ...passReport({ startedAt, seen: { orders, doubts }, bound, answers, perInvariant }),
  };
}
