import type { ClientLogReport } from '../../consistency/client-log/verify-client-log.ts';
import { isFinal, type Operation } from '../load/operation.ts';
import type { OrderRow } from '../measure/outcome-sql.ts';
import type { RoundResult } from '../result.ts';

export type UnknownEnds = NonNullable<RoundResult['consistency']['clientLog']>['unknown'];

/** What had become of the orders that had no final answer, before anybody asked for them again. `rows`: those that are not PENDING. */
export function unknownEnds(operations: readonly Operation[], rows: readonly OrderRow[]): UnknownEnds {
  const statuses = new Map(rows.map(({ id, status }) => [id, status]));
  const ends = { paid: 0, refused: 0, untouched: 0, open: 0 };
  for (const { orderId } of operations.filter((operation) => !isFinal(operation))) {
    const status = statuses.get(orderId);
    ends[status === undefined ? 'untouched' : (endOf[status] ?? 'refused')] += 1;
  }
  return ends;
}

const endOf: Readonly<Record<string, keyof UnknownEnds>> = { PAID: 'paid', PAYING: 'open' };

/** Final answers that are not the one that the data were made for. */
export const surprisesOf = (operations: readonly Operation[]): Operation[] =>
  operations.filter((one) => isFinal(one) && (one.outcome === 'paid' ? 'PAID' : one.code) !== one.expect);

/** A0 to A4: every answer is the one the data set was made for, and what the verifier says of all of them. */
export function toldOf(
  operations: readonly Operation[],
  again: readonly Operation[],
  unknown: UnknownEnds,
  { perInvariant }: ClientLogReport,
): RoundResult['consistency'] {
  const surprises = surprisesOf([...operations, ...again]);
  const unexpected = {
    code: 'A0',
    title: 'Every final answer is the one that the data were made for.',
    violations: surprises.length,
    sample: surprises
      .slice(0, 5)
      .map(({ orderId, outcome, code, expect }) => `order ${orderId}: ${code ?? outcome}, not ${expect}`),
  };
  const invariants = perInvariant.map(({ code, sentence, examined, violations, sample }) => ({
    ...{ code, title: sentence, examined, violations, sample: [...sample] },
  }));
  const broken = invariants
    .filter(({ violations }) => violations > 0)
    .map(({ code, title, violations, sample }) => ({ code, title, violations, sample }));
  const findings = [...(surprises.length > 0 ? [unexpected] : []), ...broken];
  return {
    checked: operations.length,
    violations: findings.reduce((sum, finding) => sum + finding.violations, 0),
    findings,
    clientLog: {
      invariants,
      askedAgain: { requests: again.length, answered: again.filter(isAnswer).length },
      unknown,
    },
  };
}

/** Final, or the right word for who asks with another coupon. */
const isAnswer = (operation: Operation): boolean => isFinal(operation) || operation.code === 'COUPON_MISMATCH';
