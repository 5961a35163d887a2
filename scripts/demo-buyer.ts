import type { DemoCounts } from './demo-counts.ts';
import type { DemoCustomers } from './demo-customers.ts';

export interface BuyerOptions {
  readonly url: string;
  readonly customers: DemoCustomers;
  readonly random: () => number;
  readonly counts: DemoCounts;
  /** Breaks off what is in hand. */
  readonly signal: AbortSignal;
}

/** `served`: the router answered, whatever it said. Else it turned us away, or was not there. */
export type Verdict = 'served' | { readonly retryAfterMs: number };

type Kind = 'ordinary' | 'poor' | 'blocked' | 'coupon' | 'greedy' | 'topUp';

/** What people do, of a thousand. The rest buys and pays. */
const perThousand: readonly (readonly [Kind, number])[] = [
  ['poor', 25],
  ['blocked', 10],
  ['coupon', 20],
  ['greedy', 10],
  ['topUp', 40],
];

const topUpWon = 1_000_000;
/** Of one product in one order the API takes 10,000. */
const tooMany = 10_001;
/** The router answers 202 after 30 s at the latest. */
const requestLimitMs = 35_000;

interface Reply {
  readonly status: number;
  readonly body: {
    readonly orderId?: number;
    readonly code?: string;
    readonly route?: { readonly side: 'legacy' | 'saga' };
  };
  readonly retryAfterMs: number;
}

class TurnedAway extends Error {
  override readonly name = 'TurnedAway';
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number, cause?: unknown) {
    super('the router takes nothing now', { cause });
    this.retryAfterMs = retryAfterMs;
  }
}

/** One person at a time: each call is one visit. Never rejects. */
export function createBuyer({ url, customers, random, counts, signal }: BuyerOptions): () => Promise<Verdict> {
  const pick = (ids: readonly number[]): number => ids[Math.floor(random() * ids.length)] as number;

  function draw(): Kind {
    let point = random() * 1_000;
    for (const [kind, share] of perThousand) {
      if (point < share) return has(kind) ? kind : 'ordinary';
      point -= share;
    }
    return 'ordinary';
  }
  const has = (kind: Kind): boolean =>
    kind === 'poor' ? customers.poor.length > 0 : kind === 'blocked' ? customers.blocked.length > 0 : true;

  async function visit(kind: Kind): Promise<void> {
    const userId = pick(kind === 'poor' ? customers.poor : kind === 'blocked' ? customers.blocked : customers.ordinary);
    if (kind === 'topUp') await topUp(userId);
    const orderId = await place(userId, kind === 'greedy' ? tooMany : 1 + Math.floor(random() * 3));
    if (orderId === undefined) return;
    // A coupon of nobody's changes nothing: the same order is then paid without.
    if (kind === 'coupon') await pay(orderId, { userId, couponId: customers.strangeCoupon });
    const code = await pay(orderId, { userId });
    if (code === 'BALANCE_INSUFFICIENT' && kind !== 'poor') await topUp(userId);
  }

  async function place(userId: number, qty: number): Promise<number | undefined> {
    const productIds = new Set([pick(customers.products), pick(customers.products)]);
    const lines = [...productIds].map((productId) => ({ productId, qty }));
    const { status, body } = await send('/v1/orders', { userId, lines });
    if (status === 201) {
      counts.ordersPlaced += 1;
      return body.orderId;
    }
    settle(status);
    return undefined;
  }

  /** Returns the code of a refusal. */
  async function pay(orderId: number, body: { userId: number; couponId?: number }): Promise<string | undefined> {
    const { status, body: answer } = await send(`/v1/orders/${orderId}/payments`, body);
    if (status === 201) counts.paid += 1;
    else if (status === 202) counts.open += 1;
    else settle(status);
    if (status !== 202 && answer.route !== undefined) counts[answer.route.side] += 1;
    return answer.code;
  }

  async function topUp(userId: number): Promise<void> {
    const key = `demo-${crypto.randomUUID()}`;
    const { status } = await send(`/v1/users/${userId}/top-ups`, { amountWon: topUpWon }, { 'idempotency-key': key });
    if (status === 201) counts.topUps += 1;
    else settle(status);
  }

  const settle = (status: number): void => {
    if (status >= 400 && status < 500) counts.refused += 1;
    else counts.failed += 1;
  };

  async function send(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const reply = await post(`${url}${path}`, body, headers, signal).catch((error: unknown) => {
      if (!signal.aborted) counts.failed += 1;
      throw new TurnedAway(0, error);
    });
    if (reply.status === 429 || reply.status === 503) {
      counts.turnedAway += 1;
      throw new TurnedAway(reply.retryAfterMs);
    }
    return reply;
  }

  return async () => {
    try {
      await visit(draw());
      return 'served';
    } catch (error) {
      if (error instanceof TurnedAway) return { retryAfterMs: error.retryAfterMs };
      throw error;
    }
  };
}

async function post(url: string, body: object, headers: object, signal: AbortSignal): Promise<Reply> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.any([signal, AbortSignal.timeout(requestLimitMs)]),
  });
  return {
    status: response.status,
    body: (await response.json()) as Reply['body'],
    retryAfterMs: 1_000 * Number(response.headers.get('retry-after') ?? 0),
  };
}
