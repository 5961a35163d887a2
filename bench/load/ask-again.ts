import { Agent } from 'node:http';
import { randomOf, shuffled } from '../dataset/random.ts';
import { type Asked, isFinal, type Operation } from './operation.ts';
import { pay } from './pay.ts';

export interface AskAgain {
  /** Of the routers that live: read for every request. */
  readonly urls: readonly string[];
  /** First requests for orders. */
  readonly operations: readonly Operation[];
  readonly seed: number;
  readonly requestTimeoutMs: number;
}

/** Who is asked again beside all that had no final answer; so many of the sample are asked with another coupon, too. */
const sampleSize = 50;
const otherCouponSize = 5;
/** Requests in flight, and how long others may follow them: a system that answers none of them is not waited for. */
const clients = 32;
const limitMs = 60_000;

/**
 * Asks again, when everything is quiet, as a client may: for all that was not told how its payment ended, and for a sample of
 * those who were. What they are told belongs into the log beside what they were told first, and into no figure: no latency, no
 * rate, no share is taken from it. Resolves with those further requests, in order of their start.
 */
export async function askAgain(
  { urls, operations, seed, requestTimeoutMs }: AskAgain,
  signal: AbortSignal,
): Promise<Operation[]> {
  const agent = new Agent({ keepAlive: true });
  const onAbort = (): void => {
    agent.destroy(); // ends what is in flight
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const waiting = toAsk(operations, seed);
  const until = performance.now() + limitMs;
  const again: Operation[] = [];
  let sent = 0;
  const client = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (signal.aborted || performance.now() > until) return;
      const url = urls[sent++ % urls.length] ?? '';
      const { attempt, ...asked } = next;
      again.push({ ...(await pay(url, asked, performance.now(), requestTimeoutMs, agent)), attempt });
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
    signal.throwIfAborted();
    return again.sort((a, b) => a.startedAt - b.startedAt);
  } finally {
    signal.removeEventListener('abort', onAbort);
    agent.destroy();
  }
}

type Again = Asked & { readonly attempt: number };

/** First as they asked before; then some with another coupon, when the same one has been asked about. */
export function toAsk(operations: readonly Operation[], seed: number): Again[] {
  const final = operations.filter(isFinal);
  const unknown = operations.filter((operation) => !isFinal(operation));
  const sample = shuffled(randomOf(seed, final.length), final).slice(0, sampleSize);
  const other = sample.slice(0, otherCouponSize).map(({ couponId, ...rest }) => ({
    ...rest,
    couponId: couponId === null ? anyCoupon : null,
  }));
  return [
    ...[...unknown, ...sample].map((one) => ({ ...one, attempt: 2 })),
    ...other.map((one) => ({ ...one, attempt: 3 })),
  ].map(({ orderId, userId, couponId, expect, attempt }) => ({ orderId, userId, couponId, expect, attempt }));
}

/** Whether there is one does not matter: the order is to be paid without. */
const anyCoupon = 1;
