import { setTimeout as sleep } from 'node:timers/promises';
import { createBuyer } from './demo-buyer.ts';
import type { DemoCustomers } from './demo-customers.ts';
import { type DemoCounts, emptyCounts } from './demo-counts.ts';

export interface TrafficOptions {
  /** Of the router. */
  readonly url: string;
  readonly ratePerSecond: number;
  readonly customers: DemoCustomers;
  /** Purchases in hand at once, default 32. What would be more is left out, not queued. */
  readonly concurrency?: number;
  /** How long a stop waits for what is in hand before it breaks it off, default 3 s. */
  readonly stopLimitMs?: number;
  /** Decides who buys what and when, default by chance. */
  readonly random?: () => number;
}

export interface Traffic {
  readonly counts: Readonly<DemoCounts>;
  /** Whether it holds back now because the router turned it away or was not there. */
  readonly waiting: () => boolean;
  /** Begins nothing any more and waits for what is in hand, for a limited time. */
  stop(): Promise<void>;
}

/** The longest wait after the router has turned us away again and again. */
const maxPauseMs = 10_000;
const firstPauseMs = 250;
/** Behind by more than this (a machine that slept), the schedule starts anew instead of catching up in a burst. */
const maxLagMs = 1_000;

/**
 * People who place orders and pay them, at random moments and at this rate on average. Backs off while the router answers 429 or 503
 * or is away, and comes back by itself. It drives purchases, not load: one that would have to wait is skipped.
 */
export function startTraffic(options: TrafficOptions): Traffic {
  const { url, ratePerSecond, customers, concurrency = 32, stopLimitMs = 3_000, random = Math.random } = options;
  const counts = emptyCounts();
  const [ending, abandoned] = [new AbortController(), new AbortController()];
  const inHand = new Set<Promise<void>>();
  let turnedAway = 0;
  let pausedUntil = 0;

  const buyer = createBuyer({ url, customers, random, counts, signal: abandoned.signal });

  async function buy(): Promise<void> {
    const verdict = await buyer();
    if (verdict === 'served') {
      turnedAway = 0;
      return;
    }
    if (abandoned.signal.aborted) return;
    // Those that were in hand together tell of one outage: only the first of them makes the pause longer.
    if (performance.now() < pausedUntil) return;
    const pause = Math.min(maxPauseMs, Math.max(firstPauseMs * 2 ** turnedAway, verdict.retryAfterMs));
    turnedAway = Math.min(turnedAway + 1, 10);
    pausedUntil = performance.now() + pause;
  }

  async function run(): Promise<void> {
    let nextAt = performance.now();
    while (!ending.signal.aborted) {
      nextAt += (-Math.log(1 - random()) * 1_000) / ratePerSecond;
      const now = performance.now();
      if (nextAt < pausedUntil) nextAt = pausedUntil;
      if (now - nextAt > maxLagMs) nextAt = now;
      if (nextAt > now) await sleep(nextAt - now, undefined, { signal: ending.signal }).catch(() => undefined);
      if (ending.signal.aborted) return;
      if (performance.now() < pausedUntil) continue;
      if (inHand.size >= concurrency) {
        counts.skipped += 1;
        continue;
      }
      const purchase = buy().finally(() => inHand.delete(purchase));
      inHand.add(purchase);
    }
  }

  const running = run();
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    ending.abort();
    await running;
    const patience = setTimeout(() => {
      abandoned.abort();
    }, stopLimitMs);
    await Promise.all(inHand);
    clearTimeout(patience);
  };
  return { counts, waiting: () => performance.now() < pausedUntil, stop: () => (stopping ??= stop()) };
}
