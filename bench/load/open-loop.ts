import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver, Load, Loaded } from './driver.ts';
import type { Operation } from './operation.ts';
import { pay } from './pay.ts';

const clock = () => performance.now();

/**
 * Payments come at an even rate, whether earlier ones have been answered or not, and their latency counts from when they
 * were due. As with k6, who comes while all clients wait for an answer is not served: both drivers ask the same question.
 */
export const openLoopDriver =
  (ratePerSecond: number): Driver =>
  async (load, signal) => {
    signal.throwIfAborted();
    const agent = new Agent({ keepAlive: true });
    const onAbort = (): void => {
      agent.destroy(); // ends what is in flight
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const loaded = await drive(load, ratePerSecond, agent, signal);
      signal.throwIfAborted();
      return loaded;
    } finally {
      signal.removeEventListener('abort', onAbort);
      agent.destroy();
    }
  };

async function drive(load: Load, ratePerSecond: number, agent: Agent, signal: AbortSignal): Promise<Loaded> {
  const operations: Operation[] = [];
  const unservedAt: number[] = [];
  const inFlight = new Set<Promise<void>>();
  const began = clock();
  let sent = 0;
  const arrivals = Math.floor(((load.leadInMs + load.windowMs) * ratePerSecond) / 1_000);
  for (let i = 0; i < arrivals && !signal.aborted; i++) {
    const intendedAt = began + (i * 1_000) / ratePerSecond;
    await until(intendedAt, signal);
    const plan = load.orders[sent];
    if (inFlight.size >= load.clients || plan === undefined) unservedAt.push(intendedAt);
    else {
      const url = load.urls[sent++ % load.urls.length] ?? '';
      const paying: Promise<void> = pay(url, plan, intendedAt, load.requestTimeoutMs, agent).then((operation) => {
        inFlight.delete(paying);
        operations.push(operation);
      });
      inFlight.add(paying);
    }
  }
  await Promise.all(inFlight);
  const from = began + load.leadInMs;
  return {
    operations,
    window: [from, from + load.windowMs],
    endedEarly: false,
    arrivals: { ratePerSecond, unservedAt, thresholds: [] },
    faults: [],
  };
}

/** Resolves early only when told to stop. */
async function until(at: number, signal: AbortSignal): Promise<void> {
  while (clock() < at && !signal.aborted) await sleep(at - clock(), undefined, { signal }).catch(() => undefined);
}
