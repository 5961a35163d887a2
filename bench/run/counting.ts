import { refusalStatus, type RefusalCode } from '../../domain/errors.ts';
import { isFinal, type Operation } from '../load/operation.ts';
import type { OrderRow } from '../measure/outcome-sql.ts';
import type { RoundResult } from '../result.ts';

export interface Counted {
  readonly counting: RoundResult['counting'];
  /** Final in the database and seen to end in the window. */
  readonly settledInWindow: readonly Operation[];
  /** Final in the database and due in the window, whenever it ended: what an open loop takes latency from. */
  readonly dueInWindow: readonly Operation[];
  readonly settledByEngine: Readonly<Record<string, number>>;
}

/** Holds the driver's log of a round against the database: a payment counts when both have it, with the same outcome. */
export function countSettled(
  operations: readonly Operation[],
  rows: readonly OrderRow[],
  window: readonly [number, number],
  engines: readonly string[],
): Counted {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const final = operations.filter(isFinal);
  const agreed = final.filter((operation) => agrees(operation, byId.get(operation.orderId)));
  const settledInWindow = agreed.filter(({ endedAt }) => endedAt >= window[0] && endedAt < window[1]);
  const settledByEngine: Record<string, number> = {};
  for (const { orderId } of settledInWindow) {
    const engine = byId.get(orderId)?.engine ?? 'none';
    settledByEngine[engine] = (settledByEngine[engine] ?? 0) + 1;
  }
  const seen = new Set(final.map(({ orderId }) => orderId));
  return {
    counting: {
      driver: final.length,
      database: agreed.length,
      unseen: rows.filter((row) => row.status !== 'PAYING' && !seen.has(row.id)).length,
      otherEngine: rows.filter((row) => row.engine !== null && !engines.includes(row.engine)).length,
    },
    settledInWindow,
    dueInWindow: agreed.filter(({ intendedAt }) => intendedAt >= window[0] && intendedAt < window[1]),
    settledByEngine,
  };
}

const agrees = ({ outcome, code }: Operation, row: OrderRow | undefined): boolean =>
  row !== undefined && row.status === (outcome === 'paid' ? 'PAID' : refusalStatus((code ?? '') as RefusalCode));
