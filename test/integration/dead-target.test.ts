import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { createSagaEngine, startWorker } from '../../eventdriven/index.ts';
import { createLeanEngine } from '../../legacy/index.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { type DeliveryStage, openDeliveryStage, until } from '../support/delivery-stage.ts';
import { manyOrders, type PayableOrder } from '../support/many-orders.ts';
import { payAll } from '../support/saga-load.ts';
import { styles } from '../support/workers.ts';

const payments = 40;

interface Arm {
  readonly name: string;
  readonly open: (ports: EnginePorts) => Promise<{ readonly engine: PaymentEngine; stop(): Promise<void> }>;
}
const arms: readonly Arm[] = [
  { name: 'legacy-lean', open: async (ports) => opened(createLeanEngine(ports)) },
  ...styles.map(({ style, roles }) => ({
    name: style,
    open: async (ports: EnginePorts) => opened(createSagaEngine(style, ports), await startWorker({ ...ports, roles })),
  })),
];

async function opened(engine: PaymentEngine, worker?: { stop(): Promise<void> }): ReturnType<Arm['open']> {
  await engine.start();
  return {
    engine,
    async stop() {
      await engine.stop();
      await worker?.stop();
    },
  };
}

/** The relay runs beside the engine, in one process, as in a router. */
describe.each(arms)('a payment by $name', ({ open }) => {
  let stage: DeliveryStage;
  let arm: Awaited<ReturnType<Arm['open']>>;
  let orders: PayableOrder[];
  beforeAll(async () => {
    stage = await openDeliveryStage();
    orders = [...(await manyOrders(stage.database.pool, 2 * (payments + 1)))];
    arm = await open(portsOn(stage.database.url, stage.redis));
  });
  afterEach(() => stage.clear());
  afterAll(async () => {
    await arm.stop();
    await stage.close();
  });

  const pay = async (count: number): Promise<readonly string[]> => {
    const load = await payAll(arm.engine, orders.splice(0, count));
    return (await load.ends).map(({ kind }) => kind);
  };
  /** Those that wait for the relay. */
  const blocked = () =>
    stage.database.pool.query(
      `select b.query from pg_stat_activity b, pg_stat_activity relay
       where relay.application_name = 'delivery' and relay.datname = current_database() and relay.pid = any(pg_blocking_pids(b.pid))`,
    );
  const allPaid = (count: number): string[] => Array<string>(count).fill('paid');

  test('waits for no target that takes its time: all are paid while the first POST has no answer', async () => {
    const held: ServerResponse[] = [];
    let slow = true;
    const url = await stage.target((req, res) => {
      req.resume();
      if (slow) held.push(res);
      else res.writeHead(202).end();
    });
    stage.relay(url, {}, { SAGASHIFT_OUTSIDE_TIMEOUT_MS: '60000' });
    expect(await pay(1)).toEqual(allPaid(1));
    await until(() => held.length > 0);

    let ended = false;
    const paid = pay(payments).finally(() => (ended = true));
    while (!ended) expect(await blocked()).toEqual([]);
    expect(await paid).toEqual(allPaid(payments));
    expect([await stage.statuses(), (await stage.rows()).length]).toEqual(['PENDING', payments + 1]);

    slow = false;
    for (const res of held) res.writeHead(202).end();
    await until(async () => (await stage.statuses()) === 'SENT');
  });

  test('waits for no target that is down, and is heard of when it is back', async () => {
    let down = true;
    const url = await stage.target((req, res) => {
      req.resume();
      res.writeHead(down ? 503 : 202).end();
    });
    const { metrics } = stage.relay(url);
    expect(await pay(1)).toEqual(allPaid(1));
    await until(async () => (await metrics.breakerState.get()).values[0]?.value === 2);
    expect(await pay(payments)).toEqual(allPaid(payments));
    expect(await stage.statuses()).not.toContain('SENT');
    down = false;
    await until(async () => (await stage.statuses()) === 'SENT');
    expect(await stage.rows()).toHaveLength(payments + 1);
  });
});
