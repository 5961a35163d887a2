import { afterAll, beforeAll } from '@jest/globals';
import { deferSagas } from '../../eventdriven/saga/rescue-sql.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import type { Tx } from '../../domain/ports.ts';
import { accept, doors } from './sagas.ts';
import { type Ran, sagas } from './sagas-command.ts';
import { type FreshDatabase, freshDatabase, shop } from './services.ts';

/** Sagas for a person to find and act on. Read `db` in tests: before them there is none. */
export interface OpenSagas {
  readonly db: FreshDatabase;
  /** `npm run sagas` on it. */
  readonly run: (...argv: string[]) => Promise<Ran>;
  readonly clear: () => Promise<void>;
  /** One payment of 300 that has passed so many boundaries. */
  readonly saga: (passed?: number, options?: SagaOptions) => Promise<Saga>;
  /** 1 running, 2 running and old with a fault, 3 turned back and asking for a person, 4 paid, 5 undone, 6 given up. */
  readonly six: () => Promise<Six>;
  readonly aged: (saga: Saga, seconds: number) => Promise<unknown>;
  readonly rows: () => Promise<readonly unknown[]>;
  readonly actions: () => Promise<readonly { readonly subject: string }[]>;
}

export type Six = readonly [Saga, Saga, Saga, Saga, Saga, Saga];

interface SagaOptions {
  readonly coupon?: boolean;
}

/** On a database of this file's own. Call it once, outside of tests. */
export function openSagasStage(): OpenSagas {
  const made = {} as { db: FreshDatabase };
  beforeAll(async () => {
    made.db = await freshDatabase();
  });
  afterAll(() => made.db.drop());
  const run = (...argv: string[]) => sagas(made.db.url, argv);
  return Object.assign(made, {
    run,
    clear: async () => {
      await made.db.pool.query(cleared);
    },
    saga: (passed?: number, options?: SagaOptions) => begun(made.db.pool, passed, options),
    six: () => six(made.db.pool, run),
    aged: (saga: Saga, seconds: number) => aged(made.db.pool, saga, seconds),
    rows: () => made.db.pool.query('select * from saga_state order by saga_id'),
    actions: () =>
      made.db.pool.query<{ subject: string }>(
        'select command, subject, before, after from operator_action order by id',
      ),
  });
}

const cleared =
  'truncate saga_state, saga_step_execution, event_store, worker_heartbeat, operator_action restart identity';

async function begun(tx: Tx, passed = 0, { coupon = false }: SagaOptions = {}): Promise<Saga> {
  const order = await shop(tx).payable({ balance: 1_000, price: 300, stock: 5 });
  const couponId = coupon ? await shop(tx).coupon({ userId: order.userId, discount: 100 }) : null;
  const accepted = await accept(tx, [{ ...order, couponId }], 'orchestration', { deadlineMs: 3_600_000 });
  return (await doors(tx).pass(accepted, passed))[0] as Saga;
}

const faulted = (tx: Tx, one: Saga, error: string, attentionAfter = 8) =>
  deferSagas(tx, [one], error, { firstMs: 60_000, longestMs: 60_000, attentionAfter });

const aged = (tx: Tx, { sagaId }: Saga, seconds: number) =>
  tx.query('update saga_state set created_at = now() - make_interval(secs => $2) where saga_id = $1', [
    sagaId,
    seconds,
  ]);

async function six(tx: Tx, run: OpenSagas['run']): Promise<Six> {
  const all: Saga[] = [];
  for (const passed of [0, 2, 3, 4, 1, 3]) all.push(await begun(tx, passed, { coupon: passed === 3 }));
  const [, old, back, , , given] = all as [Saga, Saga, Saga, Saga, Saga, Saga];
  await aged(tx, old, 3_600);
  await faulted(tx, old, 'No space left on device');
  await run('compensate', `${back.sagaId}`, '--reason', 'x');
  await tx.query('update saga_state set epoch = $2 where saga_id = $1', [back.sagaId, back.epoch]);
  await faulted(tx, back, 'no partition of relation "balance_ledger"', 1);
  await tx.query(`update saga_state set status = 'COMPENSATED' where saga_id = 5`);
  await tx.query('update saga_state set attention_at = now() where saga_id = $1', [given.sagaId]);
  await run('skip', `${given.sagaId}`, '--reason', 'x');
  await tx.query('truncate operator_action');
  return all as [Saga, Saga, Saga, Saga, Saga, Saga];
}
