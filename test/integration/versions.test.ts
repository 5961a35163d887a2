import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type PaymentDefinition, paymentDefinitions } from '../../domain/saga-definitions.ts';
import { createSagaEngine, startWorker } from '../../eventdriven/index.ts';
import { firstQueue, openDoorbell } from '../../eventdriven/saga/doorbell.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { openQueue } from '../../runtime/queues.ts';
import { brokenRules } from '../contract/books.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { manyOrders } from '../support/many-orders.ts';
import { accept, doors, turnBack } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import { styles } from '../support/workers.ts';

const version = (n: number) => paymentDefinitions[n - 1] as PaymentDefinition;

/** A deployment: sagas were accepted by one version, and workers come that know others. */
describe.each(styles)('open sagas of the $style', ({ style, roles }) => {
  let db: FreshDatabase;
  let ports: EnginePorts;
  const said: string[] = [];
  beforeAll(async () => {
    db = await freshDatabase();
  });
  afterAll(() => db.drop());
  beforeEach(() => {
    said.length = 0;
    ports = portsOn(db.url, freshRedis());
  });

  const dead = style === 'orchestration' ? 'dead' : null;
  /** A saga of version `n` that a worker has left at boundary `at`. */
  async function left(n: number, at: number): Promise<Saga> {
    const accepted = await accept(db.pool, [await shop(db.pool).payable()], style, { version: n });
    const [saga] = await doors(db.pool, { engine: style, worker: dead, cut: version(n).cut }).pass(accepted, at);
    return saga as Saga;
  }
  const outgrown = () => db.pool.query(`update saga_state set updated_at = now() - interval '1 minute'`);
  const statesOf = (sagas: readonly Saga[]) =>
    db.pool.query<{ status: string; definition_version: number; boundaries: number }>(
      `select s.status, s.definition_version,
         (select count(*) from saga_step_execution e where e.saga_id = s.saga_id and e.op = 'EXECUTE' and e.status = 'SUCCESS') as boundaries
       from saga_state s where s.saga_id = any($1) order by array_position($1::bigint[], s.saga_id)`,
      [sagas.map(({ sagaId }) => sagaId)],
    );
  async function final(sagas: readonly Saga[]): Promise<void> {
    while ((await statesOf(sagas)).some(({ status }) => ['RUNNING', 'COMPENSATING'].includes(status)))
      await new Promise((resolve) => setTimeout(resolve, 20));
  }
  /** In the queue of new sagas, not done. */
  async function jobsKept(): Promise<number> {
    const { redisUrl, keyPrefix } = ports.config;
    const queue = openQueue({ redisUrl, prefix: `${keyPrefix}:bull`, name: firstQueue[style] });
    const counts = await queue.getJobCounts('waiting', 'delayed', 'failed');
    await queue.close();
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }
  const work = (...versions: number[]) => {
    const log = ports.log.child({}, { level: 'warn' });
    log.warn = (...words: unknown[]) => void said.push(String(words[1]));
    return startWorker({ ...ports, log, roles, definitions: versions.map(version) });
  };

  test('end by their own version under code that has two, forward and back', async () => {
    const sagas = [
      await left(1, 0),
      await left(1, 2),
      await left(4, 0),
      await left(4, 1),
      await left(1, 3),
      await left(4, 1),
    ];
    const back = sagas.slice(4);
    for (const { sagaId } of back) await turnBack(db.pool, sagaId, 'STOCK_INSUFFICIENT');
    await outgrown();
    const worker = await work(1, 4);
    await final(sagas);
    await worker.stop();
    expect(await statesOf(sagas)).toEqual([
      { status: 'COMPLETED', definition_version: 1, boundaries: 4 },
      { status: 'COMPLETED', definition_version: 1, boundaries: 4 },
      { status: 'COMPLETED', definition_version: 4, boundaries: 2 },
      { status: 'COMPLETED', definition_version: 4, boundaries: 2 },
      { status: 'COMPENSATED', definition_version: 1, boundaries: 3 },
      { status: 'COMPENSATED', definition_version: 4, boundaries: 1 },
    ]);
    expect(await brokenRules(db.pool)).toEqual({});
  });

  test('of a version nobody here knows are left alone and reported, and end when one comes who does', async () => {
    const [known, unknown] = [await left(1, 1), await left(3, 1)];
    await outgrown();
    const asLeft = await db.pool.query('select * from saga_state where saga_id = $1', [unknown.sagaId]);
    const worker = await work(1);
    const doorbell = openDoorbell(style, 3, ports.config, () => undefined);
    doorbell.ring([{ ...unknown, version: 3 }]);
    await doorbell.close();
    await final([known]);
    const gauge = async () => (await ports.metrics.sagaUnknownVersion.get()).values[0]?.value;
    while ((await gauge()) !== 1) await new Promise((resolve) => setTimeout(resolve, 20));
    await worker.stop();
    expect(await db.pool.query('select * from saga_state where saga_id = $1', [unknown.sagaId])).toEqual(asLeft);
    expect(said.filter((words) => words.includes('unknown version'))).toHaveLength(1);
    expect(await jobsKept()).toBe(1); // for a worker that knows it, which may be there before the rescuer is

    const newer = await work(1, 3);
    await final([unknown]);
    await newer.stop();
    expect(await statesOf([unknown])).toMatchObject([{ status: 'COMPLETED', boundaries: 2 }]);
  });

  test('of the cut before end by it while new ones run by another', async () => {
    const older = [await left(1, 1), await left(1, 2)];
    await outgrown();
    ports = portsOn(db.url, freshRedis(), { cut: 'vc-bsp' });
    const worker = await startWorker({ ...ports, roles });
    const engine = createSagaEngine(style, ports);
    await engine.start();
    const orders = await manyOrders(db.pool, 20);
    const ends = await Promise.all(
      orders.map(async ({ id, userId }) => {
        const route = { side: 'saga', reason: 'pinned', bucket: userId % 100, version: 1 } as const;
        const command = { orderId: id, userId, couponId: null, route };
        return (await engine.submit(command, new AbortController().signal)).settled;
      }),
    );
    await final(older);
    await engine.stop();
    await worker.stop();
    expect(ends.every(({ kind }) => kind === 'paid')).toBe(true);
    expect(await statesOf(older)).toMatchObject([{ boundaries: 4 }, { boundaries: 4 }]);
    const cuts = await db.pool.query(
      'select distinct definition_version from saga_state where order_id = any($1::bigint[])',
      [orders.map(({ id }) => id)],
    );
    expect(cuts).toEqual([{ definition_version: 3 }]);
  });
});
