import { openPool, type Pool } from '../../runtime/database.ts';
import type { Operator } from '../../runtime/operator-actions.ts';
import type { Invariant, SubjectKey } from '../catalogue/invariant.ts';
import { invariants } from '../invariants.ts';
import { askKeys, type Breach, breachName } from './ask-keys.ts';
import { findBreaches, inSnapshot } from './find.ts';
import { propose, type Proposed, refOf } from './propose.ts';
import { settle, type Settled } from './settle.ts';
import type { Keys } from './target.ts';
import { assertFitDatabase } from '../unfit.ts';

export interface RepairOptions {
  /** Only these invariants are asked. Default: all that hold while payments are in work. */
  readonly asked: readonly Invariant[];
  /** Findings that are looked into at most. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

export interface Proposals {
  readonly findings: readonly Proposed[];
  /** Findings beyond the limit. */
  readonly more: number;
}

/** What could be done about everything that is broken: reads only. */
export const proposeAll = (url: string, { asked, limit, signal }: RepairOptions): Promise<Proposals> =>
  onDatabase(url, async (pool) => {
    const breaches = await findBreaches(pool, asked, signal);
    const findings = await pool.transaction(async (tx) => {
      const proposed: Proposed[] = [];
      for (const breach of breaches.slice(0, limit)) {
        signal.throwIfAborted();
        proposed.push(await propose(tx, invariants, breach));
      }
      return proposed;
    }, inSnapshot);
    return { findings, more: Math.max(0, breaches.length - limit) };
  });

export interface ApplyOptions extends RepairOptions {
  /** Those to be repaired, as `B5:17`; absent: all. */
  readonly refs?: readonly string[];
  readonly by: Operator;
  onSettled?(settled: Settled): void;
}

export interface Applied {
  readonly settled: readonly Settled[];
  /** What is still broken: of the chosen findings and of the rows that were touched. */
  readonly left: readonly string[];
  readonly more: number;
}

/** Repairs, each finding in a transaction of its own, then asks the catalogue again about all that was touched. */
export const applyAll = (url: string, options: ApplyOptions): Promise<Applied> =>
  onDatabase(url, async (pool) => {
    const { asked, limit, refs, by, signal } = options;
    const breaches = (await findBreaches(pool, asked, signal)).filter((each) => refs?.includes(refOf(each)) ?? true);
    const settled: Settled[] = [];
    const tell = (one: Settled): void => {
      settled.push(one);
      options.onSettled?.(one);
    };
    for (const ref of refs ?? []) {
      if (!breaches.some((each) => refOf(each) === ref))
        tell({ ref, outcome: 'gone', says: 'not broken: nothing to do', keys: {} });
    }
    await applyTo(pool, breaches.slice(0, limit), by, signal, tell);
    const left = await leftOf(pool, asked, breaches, settled);
    return { settled, left, more: Math.max(0, breaches.length - limit) };
  });

/** What one repair mends can be what another has waited for, or a finding of its own: what is not safe is tried once more. */
export async function applyTo(
  pool: Pick<Pool, 'transaction'>,
  breaches: readonly Breach[],
  by: Operator,
  signal: AbortSignal,
  onSettled: (settled: Settled) => void,
): Promise<void> {
  const unsafe: Breach[] = [];
  for (const breach of breaches) {
    if (signal.aborted) return;
    const one = await settle(pool, invariants, breach, by);
    if (one.outcome === 'unsafe') unsafe.push(breach);
    else onSettled(one);
  }
  for (const breach of unsafe) {
    if (signal.aborted) return;
    onSettled(await settle(pool, invariants, breach, by));
  }
}

async function leftOf(
  pool: Pool,
  asked: readonly Invariant[],
  breaches: readonly Breach[],
  settled: readonly Settled[],
): Promise<string[]> {
  const untouched = breaches.filter(
    (each) => !settled.some(({ ref, outcome }) => ref === refOf(each) && isSettled(outcome)),
  );
  const bound = invariants.filter((each) => asked.includes(each) || each.class === 'I' || each.class === 'T');
  const touched = await pool.transaction(
    (tx) => askKeys(tx, bound, union(settled.map(({ keys }) => keys))),
    inSnapshot,
  );
  return [...new Set([...untouched, ...touched].map(breachName))];
}

export const isSettled = (outcome: Settled['outcome']): boolean => outcome === 'done' || outcome === 'gone';

function union(all: readonly Keys[]): Keys {
  const keys: Partial<Record<SubjectKey, number[]>> = {};
  for (const [key, ids] of all.flatMap((each) => Object.entries(each) as [SubjectKey, readonly number[]][]))
    keys[key] = [...new Set([...(keys[key] ?? []), ...ids])];
  return keys;
}

async function onDatabase<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  await assertFitDatabase(url);
  const pool = openPool({ url, size: 1, applicationName: 'sagashift-repair' });
  try {
    return await work(pool);
  } finally {
    await pool.close();
  }
}
