import type { Arrivals } from '../load/driver.ts';
import type { Operation } from '../load/operation.ts';
import type { RoundResult } from '../result.ts';

/** What an open loop asked of the arm, and how near to its schedule it kept. Null for a closed loop. */
export function offeredOf(
  arrivals: Arrivals | null,
  operations: readonly Operation[],
  [from, to]: readonly [number, number],
): RoundResult['offered'] {
  if (arrivals === null) return null;
  const { ratePerSecond, unservedAt, thresholds } = arrivals;
  const inWindow = (at: number) => at >= from && at < to;
  const seconds = Math.max(0.001, (to - from) / 1_000);
  return {
    ratePerSecond,
    sentPerSecond: operations.filter(({ startedAt }) => inWindow(startedAt)).length / seconds,
    arrivals: operations.length + unservedAt.length,
    unserved: unservedAt.length,
    unservedInWindow: unservedAt.filter(inWindow).length,
    sendLagMs: lagOf(operations.filter(({ intendedAt }) => inWindow(intendedAt))),
    thresholds: [...thresholds],
  };
}

function lagOf(operations: readonly Operation[]): { p50: number | null; p99: number | null; max: number | null } {
  const lags = operations.map(({ intendedAt, startedAt }) => startedAt - intendedAt).sort((a, b) => a - b);
  const at = (share: number) => lags[Math.min(lags.length - 1, Math.floor(lags.length * share))] ?? null;
  return { p50: at(0.5), p99: at(0.99), max: lags.at(-1) ?? null };
}
