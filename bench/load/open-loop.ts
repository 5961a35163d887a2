import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OrderPlan } from '../dataset/plan.ts';
import { classify } from './answer.ts';
import type { Driver, Load, Loaded } from './driver.ts';
import { type Operation, toOperation } from './operation.ts';

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

/** Never rejects: whatever happens to a request is its outcome. */
function pay(url: string, plan: OrderPlan, intendedAt: number, timeoutMs: number, agent: Agent): Promise<Operation> {
  const { orderId, userId, couponId } = plan;
  const body = JSON.stringify(couponId === null ? { userId } : { userId, couponId });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const startedAt = clock();
  return new Promise((resolve) => {
    const lose = (): void => {
      const lost = { outcome: 'unknown', code: 'CONNECTION_LOST', paymentId: null, engine: null } as const;
      resolve(toOperation(plan, startedAt, clock(), 0, lost, intendedAt));
    };
    const sent = request(`${url}/v1/orders/${orderId}/payments`, { method: 'POST', agent, headers });
    const timer = setTimeout(() => sent.destroy(), timeoutMs);
    sent.once('close', () => {
      clearTimeout(timer);
      lose(); // without effect when it has been answered
    });
    sent.on('error', lose);
    sent.once('response', (response) => {
      const status = response.statusCode ?? 0;
      let text = '';
      response.setEncoding('utf8').on('data', (more: string) => (text += more));
      response.on('error', lose);
      response.once('end', () => {
        resolve(toOperation(plan, startedAt, clock(), status, classify(status, text), intendedAt));
      });
    });
    sent.end(body);
  });
}
