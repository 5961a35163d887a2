import { createHash } from 'node:crypto';
import type { Tx } from '../../domain/ports.ts';
import { type Answer, askSubject, bySubject, countingSql, touchedBy } from '../check.ts';
import { verifyFromEvents } from '../from-events/verify-from-events.ts';
import { invariants } from '../invariants.ts';
import { everything } from '../scope.ts';

/** What a night is made of. Each part is judged in one snapshot, and is done or not: a run that is resumed asks no part twice. */
export interface Part {
  readonly name: string;
  examine(tx: Tx, url: string, signal: AbortSignal): Promise<PartResult>;
}

export interface PartResult {
  readonly findings: readonly PartFinding[];
  /** Orders that some violation touches, and how many rows that belong to no order. */
  readonly touchedOrders: readonly number[];
  readonly touchedRows: number;
}

/** What a part has to say about one invariant; another part may have its own share of it. */
export interface PartFinding {
  readonly code: string;
  readonly examined: number;
  readonly examinedBy: Readonly<Record<string, number>>;
  readonly violations: number;
  /** What violates it, e.g. `order 4711`; not more than `violatorsKept`. */
  readonly violators: readonly string[];
}

/** Of each invariant: enough to begin to mend, and a report that does not grow with the damage. */
export const violatorsKept = 100;

/** Payments may be in work at night: what holds only when none is (class Q) is not asked. */
export const asked = invariants.filter((invariant) => invariant.class !== 'Q');
const subjects = [...bySubject(asked)];

const subjectParts: readonly Part[] = subjects.map(([subject, questions]) => ({
  name: subject.name,
  async examine(tx) {
    return partResultOf(await askSubject(tx, subject, questions));
  },
}));

/** Rebuilding has connections and a snapshot of its own, and bounds its own memory. */
const rebuildPart: Part = {
  name: 'from events',
  async examine(_tx, url, signal) {
    const { perInvariant, score } = await verifyFromEvents(url, { signal });
    return {
      findings: perInvariant.map(({ code, examined, violations, sample }) => ({
        code,
        examined,
        examinedBy: {},
        violations,
        violators: sample,
      })),
      touchedOrders: [],
      touchedRows: score.touched,
    };
  },
};

export const partsOf = (fromEvents: boolean): readonly Part[] =>
  fromEvents ? [...subjectParts, rebuildPart] : subjectParts;

/** Stands for the questions: what another version has asked cannot be added to what this one asks. */
export const catalogueId = createHash('sha256')
  .update(subjects.map(([subject, questions]) => countingSql(subject, questions, everything)).join('\n'))
  .digest('hex')
  .slice(0, 16);

export function partResultOf(answers: readonly Answer[]): PartResult {
  const codes = [...new Set(answers.map(({ invariant }) => invariant.code))];
  const touched = [...touchedBy(answers)];
  const orders = touched.flatMap((key) => (/^order \d+$/.test(key) ? [Number(key.slice('order '.length))] : []));
  return {
    findings: codes.map((code) => shareOf(answers.filter(({ invariant }) => invariant.code === code))),
    touchedOrders: orders,
    touchedRows: touched.length - orders.length,
  };
}

const shareOf = (own: readonly Answer[]): PartFinding =>
  merged(
    own.map(({ invariant, check, examined, examinedBy, violations, violators }) => ({
      code: invariant.code,
      examined,
      examinedBy,
      violations,
      violators: violators.slice(0, violatorsKept).map(({ id }) => `${check.subject.name} ${id}`),
    })),
  );

/** Shares of one invariant as one: what was examined and what violates adds up. */
export function merged(shares: readonly PartFinding[]): PartFinding {
  const examinedBy: Record<string, number> = {};
  for (const [engine, count] of shares.flatMap((share) => Object.entries(share.examinedBy)))
    examinedBy[engine] = (examinedBy[engine] ?? 0) + count;
  return {
    code: shares[0]?.code ?? '',
    examined: shares.reduce((sum, share) => sum + share.examined, 0),
    examinedBy,
    violations: shares.reduce((sum, share) => sum + share.violations, 0),
    violators: [...new Set(shares.flatMap((share) => share.violators))].slice(0, violatorsKept),
  };
}
