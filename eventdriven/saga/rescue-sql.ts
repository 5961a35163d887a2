import type { Tx } from '../../domain/ports.ts';
import type { Facts, Saga } from './saga.ts';

export interface RescueCall {
  readonly engine: string;
  readonly worker: string;
  /** Of definitions that it can run; sagas of others are left alone. */
  readonly versions: readonly number[];
  /** Sagas this worker has in hand; everything else it owns on paper is up for rescue. */
  readonly active: readonly number[];
  readonly maxCount: number;
  /** An owner silent for longer is dead. */
  readonly silentMs: number;
  /** A saga that nobody owns and no living worker has in hand is due when it has not moved for longer. */
  readonly unownedMs: number;
}

export interface RescuedSaga {
  readonly saga: Saga;
  readonly status: 'RUNNING' | 'COMPENSATING';
  /** The boundary recorded last; `accepted` before the first. */
  readonly currentStep: string;
  readonly attempts: number;
  /** It was claimed because its deadline had passed, and has just turned back. */
  readonly expired: boolean;
}

interface Row {
  readonly saga_id: number;
  readonly order_id: number;
  readonly epoch: number;
  readonly status: 'RUNNING' | 'COMPENSATING';
  readonly current_step: string;
  readonly attempts: number;
  readonly version: number;
  readonly expired: boolean;
  /** `due` is missing before the first boundary, and null when it found that the order's items do not add up. */
  readonly facts: Partial<Omit<Facts, 'due'>> & {
    readonly due?: number | null;
    readonly userId: number;
    readonly couponId: number | null;
  };
}

/** Claims what is due, under a raised epoch. */
export async function rescueSagas(tx: Tx, call: RescueCall): Promise<readonly RescuedSaga[]> {
  const rows = await tx.query<Row>(
    'select * from rescue_sagas($1, $2, $3::int[], $4::bigint[], $5, $6::interval, $7::interval)',
    [
      call.engine,
      call.worker,
      call.versions,
      call.active,
      call.maxCount,
      `${call.silentMs} ms`,
      `${call.unownedMs} ms`,
    ],
  );
  return rows.map((row) => ({
    saga: toSaga(row),
    status: row.status,
    currentStep: row.current_step,
    attempts: row.attempts,
    expired: row.expired,
  }));
}

function toSaga({ saga_id, order_id, epoch, version, facts }: Row): Saga {
  const saga = { sagaId: saga_id, orderId: order_id, epoch, version, userId: facts.userId, couponId: facts.couponId };
  const { due, discount = 0, products = [], qtys = [] } = facts;
  if (due === undefined) return saga;
  return { ...saga, facts: { due: due ?? 0, discount, products, qtys } };
}

export interface Backoff {
  /** Before the second try, less up to half as jitter. It doubles from there. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** From this many faults in a row a saga is shown to people. It is tried on. */
  readonly attentionAfter: number;
}

/** Puts sagas aside after a technical fault; a rescuer takes them up again when the delay is over. */
export async function deferSagas(tx: Tx, sagas: readonly Saga[], error: string, backoff: Backoff): Promise<void> {
  await tx.query('select * from defer_sagas($1::bigint[], $2::int[], $3::interval, $4::interval, $5, $6)', [
    sagas.map((saga) => saga.sagaId),
    sagas.map((saga) => saga.epoch),
    `${backoff.firstMs} ms`,
    `${backoff.longestMs} ms`,
    error,
    backoff.attentionAfter,
  ]);
}

/** Says that a worker lives, and what it has in hand: nobody claims that from it while it does. */
export async function beat(tx: Tx, worker: string, role: string, inHand: readonly number[] = []): Promise<void> {
  await tx.query(
    `insert into worker_heartbeat (worker_id, role, beat_at, in_hand) values ($1, $2, now(), $3::bigint[])
     on conflict (worker_id) do update set beat_at = now(), in_hand = excluded.in_hand`,
    [worker, role, inHand],
  );
}
