import { SharedArray } from 'k6/data';
import exec from 'k6/execution';
import http from 'k6/http';
import { Rate } from 'k6/metrics';
import { classify } from '../load/answer.ts';

/** Run by k6, not by Node: `bench/load/k6.ts` writes both files and reads the log and the summary back. */
interface Plan {
  readonly urls: readonly string[];
  readonly clients: number;
  readonly ratePerSecond: number;
  readonly durationMs: number;
  readonly requestTimeoutMs: number;
  readonly thresholds: Record<string, string[]>;
}
type Order = readonly [orderId: number, userId: number, couponId: number | null];

const plan = JSON.parse(open(__ENV['PLAN'] ?? '')) as Plan;
/** Once for all clients; without it each holds a copy of its own. */
const orders = new SharedArray<Order>('orders', () => JSON.parse(open(__ENV['ORDERS'] ?? '')) as Order[]);

/** Named as the KPIs they are judged by. */
const success = new Rate('success');
const availability = new Rate('availability');

export const options = {
  scenarios: {
    payments: {
      executor: 'constant-arrival-rate',
      rate: plan.ratePerSecond,
      timeUnit: '1s',
      duration: `${plan.durationMs}ms`,
      // All at the start: a client that is made under load costs the arrivals that wait for it.
      preAllocatedVUs: plan.clients,
      maxVUs: plan.clients,
      gracefulStop: `${plan.requestTimeoutMs + 5_000}ms`,
    },
  },
  thresholds: plan.thresholds,
  setupTimeout: '10s',
};

const now = (): number => exec.instance.currentTestRunDuration;

/** The same moment on both clocks. The machine's counts whole milliseconds, so it is read as it moves on. */
export function setup(): { epochMs: number; runMs: number } {
  const before = Date.now();
  let epochMs = before;
  while (epochMs === before) epochMs = Date.now();
  return { epochMs, runMs: now() };
}

/** One arrival: takes the order of its own number, so that none is paid twice and none is left out. */
export default function pay(): void {
  const startedMs = now();
  const iteration = exec.scenario.iterationInTest;
  const order = orders[iteration];
  if (order === undefined) throw new Error(`no order was laid out for arrival ${iteration}`);
  const [orderId, userId, couponId] = order;
  const response = http.post(
    `${plan.urls[iteration % plan.urls.length] ?? ''}/v1/orders/${orderId}/payments`,
    JSON.stringify(couponId === null ? { userId } : { userId, couponId }),
    {
      headers: { 'content-type': 'application/json' },
      tags: { name: 'pay' }, // else k6 keeps a time series for each order
      timeout: plan.requestTimeoutMs,
      redirects: 0,
      responseType: 'text',
    },
  );
  const endedMs = now();
  const { status } = response;
  const lost = { outcome: 'unknown', code: 'CONNECTION_LOST', paymentId: null, engine: null } as const;
  const { outcome, code, paymentId, engine } = status === 0 ? lost : classify(status, response.body);
  success.add(outcome === 'paid' || outcome === 'refused');
  availability.add(status !== 0 && status !== 429 && status < 500);
  console.log(JSON.stringify([iteration, orderId, startedMs, endedMs, status, outcome, code, paymentId, engine]));
}

export function handleSummary(data: { metrics: unknown; setup_data: unknown }): Record<string, string> {
  return { [__ENV['SUMMARY'] ?? '']: JSON.stringify({ metrics: data.metrics, setup_data: data.setup_data }) };
}
