import type { Pool } from '../../runtime/database.ts';
import type { Invariant } from '../catalogue/invariant.ts';
import { invariants } from '../invariants.ts';
import { mutants } from '../mutants.ts';
import type { Mutant } from '../mutants/mutant.ts';
import { type Broken, breakAndAsk } from './break-and-ask.ts';
import { type Weakened, weakened } from './weakened.ts';

/** What became of one mutant. */
export interface Tried {
  readonly code: string;
  readonly does: string;
  /** Codes of the invariants that it broke. */
  readonly fired: readonly string[];
  /** The constraint, where the database would not have it. */
  readonly refusedBy?: string;
  /** By the invariant that it aims at, or by the database. */
  readonly caught: boolean;
}

/** What became of one invariant that was made worse on purpose. */
export interface Noticed {
  readonly code: string;
  readonly does: string;
  /** Mutants that it let pass; none: the self-test could not have told. */
  readonly survivors: readonly string[];
}

export interface SelfTestReport {
  readonly passed: boolean;
  /** Codes that fired although nothing had been broken. */
  readonly falseAlarms: readonly string[];
  readonly mutants: readonly Tried[];
  /** Codes that no mutant made fire. */
  readonly neverFired: readonly string[];
  readonly withoutMutant: readonly string[];
  readonly weakened: readonly Noticed[];
  readonly durationMs: number;
}

export interface SelfTestOptions {
  readonly invariants?: readonly Invariant[];
  readonly mutants?: readonly Mutant[];
  readonly weakened?: readonly Weakened[];
  readonly signal?: AbortSignal;
}

/**
 * Breaks databases on which every kind of payment was made, one mutant after another, each in a transaction that is
 * rolled back, and asks the whole catalogue each time. Then it holds itself to the same: invariants that were made worse
 * on purpose must let a mutant pass.
 */
export async function selfTest(pools: readonly Pool[], options: SelfTestOptions = {}): Promise<SelfTestReport> {
  const startedAt = Date.now();
  const catalogue = options.invariants ?? invariants;
  const worse = options.weakened ?? weakened;
  const asked = [...catalogue, ...worse.map(({ invariant }) => invariant)];
  const tried = new Map<Mutant, Broken>();
  const all = options.mutants ?? mutants;
  const waiting = [unmutated, ...all];
  const work = async (pool: Pool): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      options.signal?.throwIfAborted();
      tried.set(next, await breakAndAsk(pool, next.sql, next === unmutated ? catalogue : asked));
    }
  };
  for (const result of await Promise.allSettled(pools.map(work))) if (result.status === 'rejected') throw result.reason;
  const seen = (mutant: Mutant): Broken => tried.get(mutant) ?? { broken: [] };
  const inOrder = new Map(all.map((mutant) => [mutant, seen(mutant)]));
  const report = judge(catalogue, codesOf(seen(unmutated).broken), worse, inOrder);
  return { ...report, durationMs: Date.now() - startedAt };
}

const unmutated: Mutant = { code: '', does: 'nothing', sql: 'select' };

function judge(
  catalogue: readonly Invariant[],
  falseAlarms: readonly string[],
  worse: readonly Weakened[],
  tried: ReadonlyMap<Mutant, Broken>,
): Omit<SelfTestReport, 'durationMs'> {
  const codes = codesOf(catalogue);
  const each = [...tried].map(([mutant, broken]) => triedOf(mutant, broken, catalogue));
  const neverFired = codes.filter((code) => !each.some(({ fired }) => fired.includes(code)));
  const withoutMutant = codes.filter((code) => !each.some((mutant) => mutant.code === code));
  const noticed = worse.map((one) => noticedOf(one, tried));
  const passed =
    falseAlarms.length + neverFired.length + withoutMutant.length === 0 &&
    each.every(({ caught }) => caught) &&
    noticed.every(({ survivors }) => survivors.length > 0);
  return { passed, falseAlarms, mutants: each, neverFired, withoutMutant, weakened: noticed };
}

function triedOf({ code, does }: Mutant, { broken, refusedBy }: Broken, catalogue: readonly Invariant[]): Tried {
  const fired = codesOf(broken.filter((invariant) => catalogue.includes(invariant)));
  if (refusedBy !== undefined) return { code, does, fired, refusedBy, caught: true };
  return { code, does, fired, caught: fired.includes(code) };
}

const noticedOf = ({ code, does, invariant }: Weakened, tried: ReadonlyMap<Mutant, Broken>): Noticed => ({
  code,
  does,
  survivors: [...tried]
    .filter(
      ([mutant, seen]) => mutant.code === code && seen.refusedBy === undefined && !seen.broken.includes(invariant),
    )
    .map(([mutant]) => mutant.does),
});

const codesOf = (list: readonly Invariant[]): string[] => [...new Set(list.map(({ code }) => code))];
