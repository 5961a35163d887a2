import type { OrderPlan } from '../dataset/plan.ts';
import type { Operation } from './operation.ts';

/** What one round is driven with, whoever drives it. */
export interface Load {
  /** Of the routers; requests are spread over them evenly. */
  readonly urls: readonly string[];
  /** Requests in flight: always so many in a closed loop, at most so many in an open one. */
  readonly clients: number;
  readonly orders: readonly OrderPlan[];
  /** Runs before the window and does not count: caches, connections and batches find their size. */
  readonly leadInMs: number;
  readonly windowMs: number;
  /** Longer than the server's own wait limit, so that it is the server that gives up. */
  readonly requestTimeoutMs: number;
}

export interface Loaded {
  readonly operations: readonly Operation[];
  /** On the monotonic clock, in ms. Ends with the last order handed out when the orders ran out. */
  readonly window: readonly [from: number, to: number];
  readonly endedEarly: boolean;
  /** Null for a closed loop, which offers what is taken. */
  readonly arrivals: Arrivals | null;
  /** Why the log of this round is not whole; then it does not count. */
  readonly faults: readonly string[];
}

/** What an open loop offered, answered or not. */
export interface Arrivals {
  readonly ratePerSecond: number;
  /** When payments were due that nobody could send, because all clients were waiting for an answer. */
  readonly unservedAt: readonly number[];
  readonly thresholds: readonly { readonly metric: string; readonly expression: string; readonly passed: boolean }[];
}

/** Resolves when every request has an outcome; rejects when told to stop. */
export type Driver = (load: Load, signal: AbortSignal) => Promise<Loaded>;
