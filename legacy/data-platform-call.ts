import type { Metrics } from '../runtime/metrics.ts';

export interface PaymentCompleted {
  readonly paymentId: number;
  readonly orderId: number;
  readonly userId: number;
  readonly amount: number;
}

export interface DataPlatformPorts {
  readonly baseUrl: string;
  /** The engine that tells it. */
  readonly source: string;
  readonly timeoutMs: number;
  readonly metrics: Metrics;
}

/** Tells the data platform of one payment, as the seed does: once, in the middle of the payment, a failure swallowed and counted. */
export async function tellDataPlatform(
  payment: PaymentCompleted,
  { baseUrl, source, timeoutMs, metrics }: DataPlatformPorts,
): Promise<void> {
  const url = new URL(`v1/events/${source}`, `${baseUrl.replace(/\/$/, '')}/`);
  const event = {
    eventId: `order-${payment.orderId}`,
    type: 'payment.completed',
    orderId: payment.orderId,
    data: payment,
  };
  const taken = await post(url, event, timeoutMs).catch(() => false);
  metrics.deliveries.inc({ target: 'data-platform', status: taken ? 'SENT' : 'FAILED' });
}

async function post(url: URL, body: unknown, timeoutMs: number): Promise<boolean> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  await response.arrayBuffer(); // read to its end, or the connection is not used again
  return response.ok;
}
