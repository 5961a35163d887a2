import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tx } from '../../domain/ports.ts';
import type { OrderPlan } from '../dataset/plan.ts';
import { requestTimeoutMs } from '../load/loads.ts';
import { openLoopDriver } from '../load/open-loop.ts';
import type { Operation } from '../load/operation.ts';
import { openNow } from './recovery.ts';

/** Who pays what, and how fast. */
export interface Paying {
  /** Of the router that lives: read for every request, as it may be another one by then. */
  readonly urls: readonly string[];
  readonly tx: Tx;
  readonly orders: readonly OrderPlan[];
  readonly ratePerSecond: number;
}

/** Requests that may wait in the open loop: while a server is away all of them do. */
const waitingRequests = 1_900;

/** Everybody at once, as far as the driver can. */
const burstPerSecond = 5_000;

export async function payAtOnce({ urls, orders }: Paying, signal: AbortSignal): Promise<readonly Operation[]> {
  if (orders.length === 0) return [];
  const windowMs = (orders.length * 1_000) / burstPerSecond;
  const load = { urls, clients: waitingRequests, orders, leadInMs: 0, windowMs, requestTimeoutMs };
  return (await openLoopDriver(burstPerSecond)(load, signal)).operations;
}

/** Resolves when so many sagas are open, or when a good part was and the worker closes them faster than others come. */
export async function manyAreOpen(tx: Tx, many: number, signal: AbortSignal): Promise<void> {
  const until = performance.now() + burstLimitMs;
  let [most, { open }] = [0, await openNow(tx)];
  while (performance.now() < until && open < many && (open < many / 5 || open > most * 0.9)) {
    most = Math.max(most, open);
    await sleep(2, undefined, { signal });
    ({ open } = await openNow(tx));
  }
}
/** A busy machine takes its time to accept them. */
const burstLimitMs = 10_000;

/** Payments are handed to the driver in slices of this length, so that the load can end when it has seen enough. */
const sliceMs = 500;

/** Until `ended`, or until there are no more orders. */
export async function payAtRate(
  { urls, tx, orders, ratePerSecond }: Paying,
  ended: () => boolean,
  signal: AbortSignal,
): Promise<{ readonly operations: readonly Operation[]; readonly loadTo: number }> {
  const stopped = AbortSignal.any([signal]);
  setMaxListeners(0, stopped); // each slice listens
  const drive = openLoopDriver(ratePerSecond);
  const perSlice = Math.max(1, Math.round((ratePerSecond * sliceMs) / 1_000));
  const windowMs = (perSlice * 1_000) / ratePerSecond;
  const began = performance.now();
  const slices: ReturnType<typeof drive>[] = [];
  for (let from = 0; from + perSlice <= orders.length && !ended(); from += perSlice) {
    const slice = { urls, clients: waitingRequests, orders: orders.slice(from, from + perSlice) };
    const driven = drive({ ...slice, leadInMs: 0, windowMs, requestTimeoutMs }, stopped);
    driven.catch(() => undefined); // awaited below, with the others
    slices.push(driven);
    await sleep(Math.max(0, began + slices.length * windowMs - performance.now()), undefined, { signal });
  }
  const { at: loadTo } = await openNow(tx);
  return { operations: (await Promise.all(slices)).flatMap(({ operations }) => operations), loadTo };
}
