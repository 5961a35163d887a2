import autocannon from 'autocannon';
import { classify } from './answer.ts';
import { type Operation, toOperation } from './operation.ts';
import { supplyOf } from './order-supply.ts';
import type { OrderPlan } from '../dataset/plan.ts';
import type { Load, Loaded } from './driver.ts';

/** Of one run; beyond it something is down, and every further order would be wasted on it. */
const connectionErrorLimit = 50;
const clock = () => performance.now();

/**
 * Each client asks for its next order when the last one has been answered; after the window it finishes the one in hand,
 * so that every request has an answer. autocannon drives the sockets; times and outcomes are our own. Its rate
 * correction is wrong (it takes milliseconds for seconds), so there is no rate here, and without one it corrects nothing.
 */
export async function runClosedLoop(load: Load, signal: AbortSignal): Promise<Loaded> {
  const supply = supplyOf(load.orders);
  const operations: Operation[] = [];
  const from = clock() + load.leadInMs;
  const until = from + load.windowMs;
  let ranOutAt = 0;
  let connectionErrors = 0;
  const take = (): OrderPlan | undefined => {
    if (clock() >= until || signal.aborted || connectionErrors > connectionErrorLimit) return undefined;
    const plan = supply.next();
    if (plan === undefined && ranOutAt === 0) ranOutAt = clock();
    return plan;
  };
  const record = (operation: Operation): void => {
    if (operation.status === 0) connectionErrors += 1;
    operations.push(operation);
  };
  await Promise.all(
    load.urls.map((url, i) => {
      const share = Math.floor(load.clients / load.urls.length) + (i < load.clients % load.urls.length ? 1 : 0);
      return share === 0 ? Promise.resolve() : drive(url, share, load, take, record);
    }),
  );
  signal.throwIfAborted();
  return {
    operations,
    window: [from, ranOutAt === 0 ? until : Math.min(until, ranOutAt)],
    endedEarly: ranOutAt !== 0 && ranOutAt < until,
    arrivals: null,
    faults: [],
  };
}

/** What autocannon's client has beyond its type declaration: both are called on every client for every request. */
interface RequestSource extends autocannon.Client {
  getRequestBuffer(): Buffer;
  destroy(): void;
}

const nothing = Buffer.alloc(0);

async function drive(
  url: string,
  connections: number,
  { leadInMs, windowMs, requestTimeoutMs }: Load,
  take: () => OrderPlan | undefined,
  record: (operation: Operation) => void,
): Promise<void> {
  const { host } = new URL(url);
  await autocannon({
    url,
    connections,
    method: 'POST',
    duration: Math.ceil((leadInMs + windowMs + 2 * requestTimeoutMs) / 1_000), // a stop of last resort: the clients end themselves
    timeout: Math.ceil(requestTimeoutMs / 1_000),
    sampleInt: 50,
    setupClient: (client) => {
      attach(client as RequestSource, host, take, record);
    },
  });
}

/**
 * Gives a client its requests as ready bytes. Building them through autocannon's setupRequest copies its whole options
 * for every request; this way the generator leaves the cores to what is measured.
 */
function attach(
  client: RequestSource,
  host: string,
  take: () => OrderPlan | undefined,
  record: (operation: Operation) => void,
): void {
  let inHand: { readonly plan: OrderPlan; readonly startedAt: number } | undefined;
  const lose = (code: string): void => {
    if (inHand === undefined) return;
    record(
      toOperation(inHand.plan, inHand.startedAt, clock(), 0, {
        outcome: 'unknown',
        code,
        paymentId: null,
        engine: null,
      }),
    );
    inHand = undefined;
  };
  client.setRequests([
    {
      method: 'POST',
      onResponse: (status: number, body: string) => {
        if (inHand === undefined) return;
        record(toOperation(inHand.plan, inHand.startedAt, clock(), status, classify(status, body)));
        inHand = undefined;
      },
    },
  ]);
  client.getRequestBuffer = () => {
    lose('CONNECTION_LOST'); // a request while one is in hand: autocannon has connected anew
    const plan = take();
    if (plan === undefined) {
      setImmediate(() => {
        client.destroy();
      });
      return nothing;
    }
    inHand = { plan, startedAt: clock() };
    return requestBytes(plan, host);
  };
}

function requestBytes({ orderId, userId, couponId }: OrderPlan, host: string): Buffer {
  const body = couponId === null ? `{"userId":${userId}}` : `{"userId":${userId},"couponId":${couponId}}`;
  return Buffer.from(
    `POST /v1/orders/${orderId}/payments HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  );
}
