import { isFinal, type Operation } from '../load/operation.ts';

/** A client asks no more often than this; who was not told by then counts as never told. */
const rounds = 3;

/** The first requests of clients that have not been told how their payment ended. */
export function untold(operations: readonly Operation[], log: readonly Operation[]): Operation[] {
  const told = new Set(log.filter(isFinal).map(({ orderId }) => orderId));
  return operations.filter(({ orderId }) => !told.has(orderId));
}

/**
 * All that was asked and told: at first, and by asking again when everything is quiet. Once is not enough: a request that nobody
 * waited for any more may still lie in a router that was held up, and be taken up just then; who asks is told, rightly, that the
 * payment is in progress. `ask` resolves when everything is quiet again.
 */
export async function askUntilTold(
  operations: readonly Operation[],
  ask: (of: readonly Operation[]) => Promise<readonly Operation[]>,
): Promise<readonly Operation[]> {
  let log = [...operations];
  let waiting: readonly Operation[] = operations; // of those who were told a sample is asked, too, once
  for (let round = 0; round < rounds && (round === 0 || waiting.length > 0); round++) {
    const again = await ask(waiting);
    log = [...log, ...again.map((one) => ({ ...one, attempt: (one.attempt ?? 2) + round }))];
    waiting = untold(operations, log);
  }
  return log;
}
