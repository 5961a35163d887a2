import type { Invariant } from './catalogue/invariant.ts';
import { type Answer, type Finding, touchedBy } from './check.ts';
import { gapsOf } from './gaps.ts';
import { byEngine, workedOn } from './order-counts.ts';
import { scoreOf } from './score.ts';
import type { Surroundings } from './surroundings.ts';
import type { VerificationReport } from './verifier.ts';

export interface Pass {
  readonly startedAt: Date;
  /** Without `open` nothing is said of sagas in work. */
  readonly seen: Pick<Surroundings, 'orders' | 'doubts'> & Partial<Pick<Surroundings, 'open'>>;
  /** What was asked, the answers, and what follows from these for each invariant. */
  readonly bound: readonly Invariant[];
  readonly answers: readonly Answer[];
  readonly perInvariant: readonly Finding[];
  /** Default: none. */
  readonly expectEngines?: readonly string[];
}

/** What a pass that has just ended proves, wherever it looked. */
export function passReport(pass: Pass): Omit<VerificationReport, 'mode'> {
  const { startedAt, seen, bound, answers, perInvariant, expectEngines = [] } = pass;
  const checked = byEngine(seen.orders);
  return {
    checked,
    unexamined: expectEngines.filter((engine) => (checked[engine] ?? 0) === 0),
    gaps: gapsOf(bound, perInvariant, seen.orders),
    doubts: seen.doubts,
    ...(seen.open && { open: seen.open }),
    perInvariant,
    violations: perInvariant.reduce((sum, { violations }) => sum + violations, 0),
    score: scoreOf(touchedBy(answers).size, workedOn(checked)),
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
  };
}
