import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { goBack, goForward } from '../../eventdriven/orchestration/orchestrator.ts';
import type { Style } from '../../eventdriven/saga/doorbell.ts';
import {
  type Backoff,
  beat,
  deferSagas,
  type RescueCall,
  type RescuedSaga,
  rescueSagas,
} from '../../eventdriven/saga/rescue-sql.ts';
import { type RescuerOptions, startRescuer } from '../../eventdriven/saga/rescuer.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { createLog } from '../../runtime/log.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';

const rescuer: RescueCall = {
  engine: 'orchestration',
  worker: 'rescuer',
  versions: [1],
  active: [],
  maxCount: 500,
  silentMs: 2_000,
  unownedMs: 3_000,
};

const backoff = (firstMs: number, attentionAfter: number): Backoff => ({ firstMs, longestMs: 30_000, attentionAfter });

let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query('truncate saga_state, saga_step_execution, worker_heartbeat');
});

async function open(count = 1, engine: Style = 'orchestration'): Promise<Saga[]> {
  const orders = [];
  for (let i = 0; i < count; i++) orders.push(await shop(db.pool).payable());
  return accept(db.pool, orders, engine);
}
const opened = async (): Promise<Saga> => (await open())[0] as Saga;

const rescue = async (call: Partial<RescueCall> = {}) => rescueSagas(db.pool, { ...rescuer, ...call });
const idsOf = (rescued: readonly RescuedSaga[]) => rescued.map(({ saga }) => saga.sagaId).sort((a, b) => a - b);

interface State {
  readonly owner: string | null;
  readonly epoch: number;
  readonly attempts: number;
  readonly waits_ms: number | null;
  readonly attention_at: Date | null;
  readonly last_error: string | null;
}
const stateOf = async ({ sagaId }: Saga): Promise<State> =>
  (
    await db.pool.query<State>(
      `select owner, epoch, attempts, (extract(epoch from next_run_at - now()) * 1000)::int as waits_ms, attention_at, last_error
       from saga_state where saga_id = $1`,
      [sagaId],
    )
  )[0] as State;

/** As if `owner` had it in hand and moved it last so many seconds ago. */
const owned = ({ sagaId }: Saga, owner: string | null, secondsAgo = 0) =>
  db.pool.query('update saga_state set owner = $2, updated_at = now() - make_interval(secs => $3) where saga_id = $1', [
    sagaId,
    owner,
    secondsAgo,
  ]);
const lastBeat = (worker: string, secondsAgo: number) =>
  db.pool.query(
    `insert into worker_heartbeat values ($1, 'test', now() - make_interval(secs => $2))
     on conflict (worker_id) do update set beat_at = excluded.beat_at`,
    [worker, secondsAgo],
  );

describe('a rescuer takes a saga', () => {
  test('whose owner is silent or was never heard of, and raises its epoch', async () => {
    const [silent, unheard, alive] = (await open(3)) as [Saga, Saga, Saga];
    await Promise.all([lastBeat('silent', 3), lastBeat('alive', 0)]);
    await Promise.all([owned(silent, 'silent'), owned(unheard, 'unheard'), owned(alive, 'alive', 60)]);
    const rescued = await rescue();
    expect(idsOf(rescued)).toEqual([silent.sagaId, unheard.sagaId]);
    expect(rescued[0]).toMatchObject({ status: 'RUNNING', currentStep: 'accepted', attempts: 0, saga: { epoch: 2 } });
    expect(await stateOf(silent)).toMatchObject({ owner: 'rescuer', epoch: 2 });
    expect(await stateOf(alive)).toMatchObject({ owner: 'alive', epoch: 1 });
  });

  test('that nobody took up for too long', async () => {
    const [lost, fresh] = (await open(2)) as [Saga, Saga];
    await Promise.all([owned(lost, null, 4), owned(fresh, null, 0)]);
    expect(idsOf(await rescue())).toEqual([lost.sagaId]);
  });

  test('that nobody moves, with twice the patience after each claim: it may wait behind a backlog', async () => {
    const saga = await opened();
    const takenAfter = async (secondsAgo: number) => {
      await owned(saga, null, secondsAgo);
      return idsOf(await rescue());
    };
    expect(await takenAfter(4)).toEqual([saga.sagaId]);
    expect(await takenAfter(4)).toEqual([]);
    expect(await takenAfter(7)).toEqual([saga.sagaId]);
    expect(await takenAfter(7)).toEqual([]);
    expect(await takenAfter(13)).toEqual([saga.sagaId]);
    await db.pool.query('update saga_state set epoch = 1000 where saga_id = $1', [saga.sagaId]);
    expect(await takenAfter(50)).toEqual([saga.sagaId]);
  });

  test('that nobody moves unless a living worker says it has it in hand, and when that one falls silent', async () => {
    const [held, lost] = (await open(2)) as [Saga, Saga];
    await Promise.all([owned(held, null, 60), owned(lost, null, 60)]);
    await beat(db.pool, 'slow', 'order', [held.sagaId]);
    expect(idsOf(await rescue())).toEqual([lost.sagaId]);
    await lastBeat('slow', 3);
    expect(idsOf(await rescue())).toEqual([held.sagaId]);
    await Promise.all([owned(held, null, 60), owned(lost, 'slow', 60), beat(db.pool, 'slow', 'order')]);
    expect(idsOf(await rescue())).toEqual([held.sagaId]); // it has put it down; what it owns is its own
  });

  test('that stands still since another worker fell silent, while it gives the others more time', async () => {
    const [before, since] = (await open(2)) as [Saga, Saga];
    await Promise.all([owned(before, null, 5), owned(since, null, 3), lastBeat('dead', 5.5)]);
    expect(idsOf(await rescue({ unownedMs: 9_000 }))).toEqual([before.sagaId]);
    await owned(since, null, 10);
    expect(idsOf(await rescue({ unownedMs: 9_000 }))).toEqual([since.sagaId]);
  });

  test('that it owns on paper only, and none that it has in hand', async () => {
    const [paper, inHand] = (await open(2)) as [Saga, Saga];
    await Promise.all([owned(paper, 'rescuer', 4), owned(inHand, 'rescuer', 4)]);
    expect(idsOf(await rescue({ active: [inHand.sagaId] }))).toEqual([paper.sagaId]);
  });

  test('whose retry is due, and none whose retry is not, whoever owns it', async () => {
    const [due, later] = (await open(2)) as [Saga, Saga];
    await deferSagas(db.pool, [due], 'fault', backoff(0, 8));
    await deferSagas(db.pool, [later], 'fault', backoff(60_000, 8));
    await owned(later, null, 3_600);
    expect(idsOf(await rescue())).toEqual([due.sagaId]);
    expect(await stateOf(due)).toMatchObject({ waits_ms: null, attempts: 1 });
  });

  test('of its own engine only, and none that is final', async () => {
    const [[other], [paid, mine]] = [await open(1, 'choreography'), await open(2)] as [[Saga], [Saga, Saga]];
    await goForward(doors(db.pool, { worker: null }).lanes, paid, 0);
    await Promise.all([other, paid, mine].map((saga) => owned(saga, null, 60)));
    expect(idsOf(await rescue())).toEqual([mine.sagaId]);
    expect(idsOf(await rescue({ engine: 'choreography' }))).toEqual([other.sagaId]);
  });

  test('once: two rescuers at the same moment share the work', async () => {
    const sagas = await open(40);
    await Promise.all(sagas.map((saga) => owned(saga, 'dead')));
    const [first, second] = await db.pool.transaction(async (tx) => {
      const claimed = await rescueSagas(tx, { ...rescuer, worker: 'r1', maxCount: 25 });
      return [claimed, await rescue({ worker: 'r2' })] as const; // the second while the first has not committed
    });
    expect([first.length, second.length]).toEqual([25, 15]);
    expect(idsOf([...first, ...second])).toEqual(sagas.map(({ sagaId }) => sagaId).sort((a, b) => a - b));
  });

  test('at most so many at a time, oldest first', async () => {
    const sagas = await open(3);
    await Promise.all(sagas.map((saga) => owned(saga, 'dead')));
    expect(idsOf(await rescue({ maxCount: 2 }))).toEqual(sagas.slice(0, 2).map(({ sagaId }) => sagaId));
  });
});

describe('a rescued saga', () => {
  test('goes on where it was, and its former owner can write no more', async () => {
    const door = doors(db.pool, { worker: 'dead' });
    const [saga] = (await door.pass(await open(), 2)) as [Saga];
    const [taken] = (await rescue()) as [RescuedSaga];
    expect(taken).toMatchObject({ currentStep: 'deductBalance', saga: { ...saga, epoch: 2 } });
    expect(await door.run(2, [saga])).toEqual([{ outcome: 'fenced' }]);
    const end = await goForward(doors(db.pool, { worker: 'rescuer' }).lanes, taken.saga, 2);
    expect(end).toMatchObject({ kind: 'paid', orderId: saga.orderId });
  });

  test('goes back when it was on its way back, even when its totals never added up', async () => {
    const { user, product, order } = shop(db.pool);
    const [userId, productId] = [await user(), await product({ stock: 5 })];
    const placed = await order({ userId, lines: [{ productId, qty: 2 }], total: 1 });
    await doors(db.pool, { worker: 'dead' }).run(0, await accept(db.pool, [placed]));
    const [taken] = (await rescue()) as [RescuedSaga];
    expect(taken).toMatchObject({ status: 'COMPENSATING', currentStep: 'validateOrder', saga: { facts: { due: 0 } } });
    const end = await goBack(doors(db.pool, { worker: 'rescuer' }).lanes, taken.saga, null);
    expect(end).toMatchObject({ kind: 'refused', code: 'VALIDATION_FAILED' });
    expect(await db.pool.query('select available, reserved from stocks where product_id = $1', [productId])).toEqual([
      { available: 5, reserved: 0 },
    ]);
  });
});

describe('a saga that met a fault', () => {
  test('waits, is nobody’s, and remembers why', async () => {
    const saga = await opened();
    await owned(saga, 'w1');
    await deferSagas(db.pool, [saga], 'x'.repeat(900), backoff(20_000, 3));
    const state = await stateOf(saga);
    expect(state).toMatchObject({ owner: null, attempts: 1, attention_at: null, last_error: 'x'.repeat(500) });
    expect(state.waits_ms).toBeGreaterThan(9_000);
    expect(state.waits_ms).toBeLessThanOrEqual(20_000);
  });

  test('waits about twice as long after each further fault, and never longer than half a minute', async () => {
    const saga = await opened();
    const waits: (number | null)[] = [];
    for (let fault = 1; fault <= 6; fault++) {
      await deferSagas(db.pool, [saga], 'fault', backoff(2_000, 8));
      waits.push((await stateOf(saga)).waits_ms);
    }
    waits.forEach((ms, i) => {
      const full = Math.min(30_000, 2_000 * 2 ** i);
      expect(ms).toBeGreaterThan(full / 2 - 1_000);
      expect(ms).toBeLessThanOrEqual(full);
    });
  });

  test('is shown to people from the n-th fault in a row, since that one, and is tried on', async () => {
    const saga = await opened();
    const defer = () => deferSagas(db.pool, [saga], 'fault', backoff(0, 3));
    await defer();
    await defer();
    expect((await stateOf(saga)).attention_at).toBeNull();
    await defer();
    const since = (await stateOf(saga)).attention_at;
    expect(since).toBeInstanceOf(Date);
    await defer();
    expect(await stateOf(saga)).toMatchObject({ attempts: 4, attention_at: since });
    expect(idsOf(await rescue())).toEqual([saga.sagaId]);
  });

  test('starts counting anew when a boundary passed', async () => {
    const saga = await opened();
    await deferSagas(db.pool, [saga], 'fault', backoff(0, 8));
    await doors(db.pool).run(0, [saga]);
    expect(await stateOf(saga)).toMatchObject({ attempts: 0 });
  });

  test('is not put aside by who lost it, nor when it is final', async () => {
    const [saga, paid] = (await open(2)) as [Saga, Saga];
    await goForward(doors(db.pool).lanes, paid, 0);
    await deferSagas(db.pool, [{ ...saga, epoch: 0 }, paid], 'fault', backoff(0, 8));
    expect(await stateOf(saga)).toMatchObject({ attempts: 0, waits_ms: null });
    expect(await stateOf(paid)).toMatchObject({ attempts: 0, waits_ms: null });
  });
});

describe('the rescuer’s loop', () => {
  const log = createLog('test', 'silent');
  const beats = async (worker: string) =>
    (
      await db.pool.query<{ at: string }>('select beat_at::text as at from worker_heartbeat where worker_id = $1', [
        worker,
      ])
    )[0]?.at;

  const start = (own: Pick<RescuerOptions, 'takeOver'> & Partial<RescuerOptions>) =>
    startRescuer({
      ...{ db: db.pool, engine: 'orchestration', worker: 'w9', role: 'orchestrator', log },
      ...{ unownedMs: 3_000, versions: [1], off: false, active: () => [], ...own },
    });

  test('beats before it returns, beats on, takes over what a dead worker left, and ends when it is stopped', async () => {
    const saga = await opened();
    await lastBeat('dead', 10);
    await owned(saga, 'dead');
    let took: (rescued: readonly RescuedSaga[]) => void = () => undefined;
    const taken = new Promise<readonly RescuedSaga[]>((resolve) => (took = resolve));
    const loop = await start({ takeOver: (rescued) => took(rescued) });
    const first = await beats('w9');
    expect(first).toBeDefined();
    expect(idsOf(await taken)).toEqual([saga.sagaId]);
    expect(await beats('w9')).not.toBe(first);
    expect(await loop.runOnce()).toBe(0);
    await loop.stop();
    const last = await beats('w9');
    await beat(db.pool, 'somebody else', 'test');
    expect(await beats('w9')).toBe(last);
  });

  test('claims nothing while it has its hands full, and beats on', async () => {
    const saga = await opened();
    await owned(saga, 'dead');
    let inHand = 4_000;
    const taken: number[] = [];
    const loop = await start({
      active: () => Array.from({ length: inHand }, (_, i) => -i - 1),
      takeOver: (rescued) => taken.push(...idsOf(rescued)),
    });
    const first = await beats('w9');
    const whileFull = await loop.runOnce();
    const [second, state] = [await beats('w9'), await stateOf(saga)];
    inHand = 3_999;
    await loop.runOnce();
    await loop.stop();
    expect(whileFull).toBe(0);
    expect(second).not.toBe(first);
    expect(state).toMatchObject({ epoch: 1 });
    expect(taken).toEqual([saga.sagaId]);
  });

  test('has more patience with what may be in a job, as long as jobs wait', async () => {
    const saga = await opened();
    await owned(saga, null, 5);
    let jobsWait = true;
    const taken: number[] = [];
    const loop = await start({
      jobsWait: () => jobsWait,
      takeOver: (rescued) => taken.push(...idsOf(rescued)),
    });
    const whileTheyWait = await loop.runOnce();
    jobsWait = false;
    await loop.runOnce();
    await loop.stop();
    expect([whileTheyWait, taken]).toEqual([0, [saga.sagaId]]);
  });

  test('survives a sweep that failed', async () => {
    const saga = await opened();
    await owned(saga, 'dead');
    let failures = 2;
    let took: () => void = () => undefined;
    const taken = new Promise<void>((resolve) => (took = resolve));
    const loop = await start({
      db: {
        query: async (text, values) => {
          if (text.includes('rescue_sagas') && failures-- > 0) throw new Error('the database is away');
          return db.pool.query(text, values);
        },
      },
      takeOver: () => took(),
    });
    await taken;
    await loop.stop();
    expect(failures).toBeLessThan(0);
  });
});
