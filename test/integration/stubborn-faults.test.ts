import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startWorker } from '../../eventdriven/index.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { brokenRules } from '../contract/books.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { acceptOneDue, leftOf, type OnePayment, type SagaSeen, untilSaga } from '../support/one-payment.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import { styles } from '../support/workers.ts';

/** A sequence counts the failures: unlike a row it does not forget them when their transaction rolls back. */
const failing = (name: string, table: string, kind: string, times: number) => `
  create sequence ${name}_tries;
  create function ${name}() returns trigger language plpgsql as $$ begin
    if nextval('${name}_tries') <= ${times} then raise exception '${name} is out of order'; end if;
    return new;
  end $$;
  create trigger ${name} before insert on ${table} for each row when (new.kind = '${kind}' and new.order_id = ORDER) execute function ${name}()`;

/** Shown to people from the third fault in a row, and tried again at once. */
const backoff = { firstMs: 1, longestMs: 1, attentionAfter: 3 };
const times = 4;

describe.each(styles)('in the $style', ({ style, roles }) => {
  let db: FreshDatabase;
  let ports: EnginePorts;
  let worker: { stop(): Promise<void> };
  beforeAll(async () => {
    db = await freshDatabase();
    ports = portsOn(db.url, freshRedis());
    ports = { ...ports, config: { ...ports.config, saga: { ...ports.config.saga, backoff } } };
    worker = await startWorker({ ...ports, roles });
  });
  afterAll(async () => {
    await worker.stop();
    await db.drop();
  });

  /** Begun with its trouble, if there is any. */
  const start = ({ blocked = false, trouble = '' }) =>
    acceptOneDue(db.pool, style, {
      blocked,
      before: async (orderId) => {
        if (trouble !== '') await db.pool.query(trouble.replace('ORDER', String(orderId)));
      },
    });
  const until = (saga: Saga, wished: (saga: SagaSeen) => boolean) => untilSaga(db.pool, saga, wished);
  const left = (one: OnePayment) => leftOf(db.pool, one);

  test('a compensation that fails is tried until it succeeds; people are shown it meanwhile', async () => {
    const one = await start({ blocked: true, trouble: failing('refunding', 'balance_ledger', 'REFUND', times) });
    const shown = await until(one.saga, ({ attention }) => attention);
    expect(shown).toMatchObject({ status: 'COMPENSATING', last_error: 'refunding is out of order' });
    expect(shown.attempts).toBeGreaterThanOrEqual(3);
    expect(await left(one)).toEqual([{ amount: 700 }, { available: 5, reserved: 0 }]);
    const end = await until(one.saga, ({ status }) => status === 'COMPENSATED');
    expect(end).toMatchObject({ attempts: 0, attention: false, last_error: 'refunding is out of order' });
    expect(await left(one)).toEqual([{ amount: 1_000 }, { available: 5, reserved: 0 }]);
    expect(await db.pool.query('select last_value from refunding_tries')).toEqual([{ last_value: times + 1 }]);
    expect(await brokenRules(db.pool)).toEqual({});
  });

  test('a step that fails is tried until it succeeds, and nothing is undone for it', async () => {
    const one = await start({ trouble: failing('confirming', 'stock_ledger', 'CONFIRM', times) });
    const shown = await until(one.saga, ({ attention }) => attention);
    expect(shown).toMatchObject({ status: 'RUNNING', last_error: 'confirming is out of order' });
    const end = await until(one.saga, ({ status }) => status === 'COMPLETED');
    expect(end).toMatchObject({ attempts: 0, attention: false });
    expect(await left(one)).toEqual([{ amount: 700 }, { available: 4, reserved: 0 }]);
    expect(await brokenRules(db.pool)).toEqual({});
  });

  test('a boundary that is blocked beyond its time-out is stopped, is unknown, and is tried again', async () => {
    let one: OnePayment | undefined;
    await db.pool.transaction(async (tx) => {
      const userId = await shop(db.pool).user({ balance: 1_000 });
      await tx.query('select from balances where user_id = $1 for update', [userId]);
      one = await acceptOneDue(db.pool, style, { userId });
      const stopped = await until(one.saga, ({ attempts }) => attempts > 0);
      expect(stopped).toMatchObject({ status: 'RUNNING', last_error: expect.stringMatching(/lock timeout/) });
      const waiting = await db.pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
           and clock_timestamp() - query_start > interval '3 s'`,
      );
      expect(waiting).toEqual([]);
    });
    if (one === undefined) throw new Error('it was not started');
    await until(one.saga, ({ status }) => status === 'COMPLETED');
    expect(await left(one)).toEqual([{ amount: 700 }, { available: 4, reserved: 0 }]);
    const steps = (await ports.metrics.sagaStep.get()).values;
    const unknown = steps.filter(
      ({ metricName, labels }) =>
        metricName?.endsWith('_count') && labels.step === 'deductBalance' && labels.outcome === 'unknown',
    );
    expect(unknown).toMatchObject([{ value: expect.any(Number) }]);
    expect(await brokenRules(db.pool)).toEqual({});
  });
});
