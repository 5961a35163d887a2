import { z } from 'zod';
import type { OrderPlan } from '../dataset/plan.ts';

/** One payment as `bench/k6/payments.ts` logs it, a JSON array a line. Times in ms since k6's run began. */
const line = z.tuple([
  z.int().describe('iteration'),
  z.int().describe('order'),
  z.number().describe('started'),
  z.number().describe('ended'),
  z.int().describe('status'),
  z.enum(['paid', 'refused', 'unknown', 'failed']),
  z.string().nullable().describe('code'),
  z.number().nullable().describe('payment'),
  z.string().nullable().describe('engine'),
]);

export type K6Line = z.infer<typeof line>;

export interface LoggedPayment {
  readonly plan: OrderPlan;
  readonly line: K6Line;
}

export interface K6Log {
  /** By start. */
  readonly payments: readonly LoggedPayment[];
  /** What shows that the log is not whole; empty when it is. */
  readonly faults: readonly string[];
}

/** Reads the log back. A line that is cut, unreadable, said twice or of an order that was not laid out is a fault, never left out in silence. */
export function readK6Log(text: string, orders: readonly OrderPlan[]): K6Log {
  const faults: string[] = [];
  const payments = new Map<number, LoggedPayment>();
  const lines = text.split('\n');
  if (lines.pop() !== '') faults.push('the last line of its log is cut');
  for (const one of lines) {
    const read = readLine(one);
    const plan = read && orders[read[0]];
    if (read === undefined || plan?.orderId !== read[1])
      faults.push(`its log has a line that is not one: ${one.slice(0, 100)}`);
    else if (payments.has(read[0])) faults.push(`its log has iteration ${read[0]} twice`);
    else payments.set(read[0], { plan, line: read });
  }
  return { payments: [...payments.values()].sort((a, b) => a.line[2] - b.line[2]), faults };
}

function readLine(text: string): K6Line | undefined {
  try {
    return line.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
