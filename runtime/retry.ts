import { setTimeout as sleep } from 'node:timers/promises';
import { sqlState } from './database.ts';
import type { Metrics } from './metrics.ts';

export interface RetryOptions {
  /** SQLSTATEs and errno codes that are worth another try; default serialization failure and deadlock. */
  readonly retryOn?: readonly string[];
  /** Tries in all, the first included. Default 5. */
  readonly attempts?: number;
  readonly metrics?: Metrics;
  /** Ends the waiting between tries; the try in hand is finished. */
  readonly signal?: AbortSignal;
}

export const serializationFaults = ['40001', '40P01'] as const;

const baseMs = 2;
const capMs = 200;

/** Runs `work` until it resolves, its fault is not on the list, or the tries are used up: then rejects with the last fault. */
export async function withRetry<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { retryOn = serializationFaults, attempts = 5, metrics, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const code = sqlState(error);
      if (code === undefined || !retryOn.includes(code) || attempt >= attempts) throw error;
      metrics?.txRetries.inc({ sqlstate: code });
    }
    await sleep(backoffMs(attempt), undefined, signal === undefined ? {} : { signal });
  }
}

/** Full jitter: those who met once should not meet again. */
const backoffMs = (attempt: number): number => Math.random() * Math.min(capMs, baseMs * 2 ** attempt);
