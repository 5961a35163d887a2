import type { RefusalCode } from '../../domain/errors.ts';
import type { Tx } from '../../domain/ports.ts';
import type { SagaEnd } from './saga.ts';

interface Waiter {
  readonly sagaId: number;
  readonly since: number;
  readonly resolve: (end: SagaEnd) => void;
}

interface Row {
  readonly saga_id: number;
  readonly order_id: number;
  readonly status: string;
  readonly refusal_code: RefusalCode | null;
  readonly payment_id: number | null;
  readonly amount: number | null;
}

/** A router that hears nothing looks into Postgres every 250 ms. */
export const pollMs = 250;
/** Looked up per poll, oldest first. */
const maxPerPoll = 500;

/** The payments of this router that are open. A message or the poll calls them out; both may come, the first counts. */
export class WaitingRoom {
  readonly #waiters = new Map<number, Waiter>();
  readonly #db: Tx;
  readonly #onError: (error: unknown) => void;
  #onEmpty: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();

  constructor(db: Tx, onError: (error: unknown) => void) {
    this.#db = db;
    this.#onError = onError;
  }

  get size(): number {
    return this.#waiters.size;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#polling = this.#polling.then(() => this.poll()).catch(this.#onError);
    }, pollMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#polling;
  }

  /** Resolves with the saga's end. When `signal` aborts nobody listens any more and the promise stays open. */
  wait(orderId: number, sagaId: number, signal: AbortSignal): Promise<SagaEnd> {
    return new Promise((resolve) => {
      const leave = () => {
        this.#leave(orderId);
      };
      this.#waiters.set(orderId, {
        sagaId,
        since: performance.now(),
        resolve: (end) => {
          signal.removeEventListener('abort', leave);
          resolve(end);
        },
      });
      signal.addEventListener('abort', leave, { once: true });
      if (signal.aborted) leave();
    });
  }

  /** Resolves when nobody waits any more, or after `limitMs`: sagas go on without a listener. */
  async emptied(limitMs: number): Promise<void> {
    if (this.#waiters.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  call(end: SagaEnd): void {
    const waiter = this.#waiters.get(end.orderId);
    if (waiter === undefined) return;
    this.#leave(end.orderId);
    waiter.resolve(end);
  }

  #leave(orderId: number): void {
    this.#waiters.delete(orderId);
    if (this.#waiters.size === 0) this.#onEmpty?.();
  }

  async poll(): Promise<void> {
    const before = performance.now() - pollMs;
    const due = [];
    for (const [orderId, waiter] of this.#waiters) {
      if (waiter.since > before || due.length >= maxPerPoll) break; // a Map keeps the order of arrival
      due.push(orderId);
    }
    if (due.length === 0) return;
    const rows = await this.#db.query<Row>(
      `select s.saga_id, o.id as order_id, o.status, o.refusal_code, p.id as payment_id, p.amount
       from orders o join saga_state s on s.order_id = o.id left join lateral (select * from payments x where x.order_id = o.id limit 1) p on true
       where o.id = any($1::bigint[]) and o.status not in ('PENDING', 'PAYING')`,
      [due],
    );
    for (const row of rows) this.call(toEnd(row));
  }
}

function toEnd({
  saga_id: sagaId,
  order_id: orderId,
  status,
  refusal_code: code,
  payment_id: paymentId,
  amount,
}: Row): SagaEnd {
  if (status === 'PAID')
    return { kind: 'paid', sagaId, orderId, paymentId: paymentId as number, amount: amount as number };
  return { kind: 'refused', sagaId, orderId, code: code ?? 'PAYMENT_FAILED' };
}
