import { setTimeout as sleep } from 'node:timers/promises';
import type { Tx } from '../../domain/ports.ts';
import { backlog, type Backlog } from '../measure/outcome-sql.ts';
import type { RoundResult } from '../result.ts';

const pollMs = 20;
const limitMs = 30_000;

/**
 * Waits until nothing is open any more. What is left when the load stops must be less than one second of traffic, or the
 * rate of the round was borrowed from the time after it.
 */
export async function drain(tx: Tx, settledPerSecond: number, signal: AbortSignal): Promise<RoundResult['drain']> {
  const began = performance.now();
  const atEnd = await backlog(tx);
  const now = await emptied(tx, atEnd, began + limitMs, signal);
  const [open, allowed] = [atEnd.openSagas + atEnd.undelivered, Math.max(settledPerSecond, 1)];
  return {
    seconds: (performance.now() - began) / 1_000,
    ...atEnd,
    underOneSecond: open <= allowed,
    drained: now.openSagas + now.undelivered === 0,
  };
}

async function emptied(tx: Tx, first: Backlog, until: number, signal: AbortSignal): Promise<Backlog> {
  let now = first;
  while (now.openSagas + now.undelivered > 0 && performance.now() < until) {
    await sleep(pollMs, undefined, { signal });
    now = await backlog(tx);
  }
  return now;
}
