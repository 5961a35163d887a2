import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Mode, verify } from '../../consistency/verifier.ts';
import { startWorker } from '../../eventdriven/index.ts';
import { settleSaga } from '../../eventdriven/operations/settle-sagas.ts';
import { openDoorbell } from '../../eventdriven/saga/doorbell.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { portsOn } from '../contract/engine-ports.ts';
import {
  acceptOne,
  acceptOneDue,
  leftOf,
  type OnePayment,
  type PaymentWanted,
  type SagaSeen,
  untilSaga,
} from '../support/one-payment.ts';
import { sagas } from '../support/sagas-command.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';
import { openSession } from '../support/sessions.ts';
import { styles } from '../support/workers.ts';

/** After its first fault a saga asks for a person, and is not tried again within this test: who goes on was told to. */
const backoff = { firstMs: 1_200_000, longestMs: 1_200_000, attentionAfter: 1 };
const by = { actor: 'kim', command: 'sagas test', reason: 'the test says so' };

interface Listed {
  readonly sagas: readonly { readonly sagaId: number; readonly error: string }[];
}

describe.each(styles)('beside a worker of the $style', ({ style, roles }) => {
  let db: FreshDatabase;
  let ports: EnginePorts;
  let worker: { stop(): Promise<void> };
  beforeAll(async () => {
    db = await freshDatabase();
    await db.pool.query('delete from delivery_route'); // nobody delivers here
    ports = portsOn(db.url, freshRedis());
    ports = { ...ports, config: { ...ports.config, saga: { ...ports.config.saga, backoff } } };
    worker = await startWorker({ ...ports, roles });
  });
  afterAll(async () => {
    await worker.stop();
    await db.drop();
  });
  beforeEach(() => db.pool.query('truncate operator_action'));
  afterEach(() =>
    db.pool.query('drop trigger if exists trouble on balance_ledger; drop trigger if exists trouble on stock_ledger'),
  );

  const run = (...argv: string[]) => sagas(db.url, argv);
  async function json<T>(...argv: string[]): Promise<T> {
    const { code, out, err } = await run(...argv, '--json');
    expect([code, err]).toEqual([0, '']);
    return JSON.parse(out) as T;
  }
  /** Until it is mended no such entry can be made. */
  const break_ = (ledger: string, kind: string) =>
    db.pool
      .query(`create or replace function trouble() returns trigger language plpgsql as $$ begin raise exception 'the disk of % is full', new.kind; end $$;
      create trigger trouble before insert on ${ledger} for each row when (new.kind = '${kind}') execute function trouble()`);
  const mend = (ledger: string) => db.pool.query(`drop trigger trouble on ${ledger}`);

  const start = () => acceptOne(db.pool, style);
  const begin = (wanted?: PaymentWanted) => acceptOneDue(db.pool, style, wanted);
  const until = (saga: Saga, wished: (saga: SagaSeen) => boolean) => untilSaga(db.pool, saga, wished);
  const left = (one: OnePayment) => leftOf(db.pool, one);
  const nothingTaken = [{ amount: 1_000 }, { available: 5, reserved: 0 }];
  const broken = async (mode: Mode) =>
    (await verify(db.url, { mode, expectEngines: [style] })).perInvariant.flatMap(({ code, violations, sample }) =>
      violations > 0 ? [`${code}: ${sample.join(', ')}`] : [],
    );
  const actions = () =>
    db.pool.query('select actor, command, subject, reason, before, after from operator_action order by id');

  test('a stuck saga is found, a retry before the mending brings it back to the list, one after it ends it', async () => {
    await break_('balance_ledger', 'REFUND');
    const one = await begin({ blocked: true });
    const id = `${one.saga.sagaId}`;
    await until(one.saga, ({ attention }) => attention);
    const filter = ['--status', 'attention', '--error', 'DISK OF refund', '--step', 'confirmStock', '--style', style];
    expect((await json<Listed>('list', ...filter, '--version', '1')).sagas).toMatchObject([
      { sagaId: one.saga.sagaId, status: 'COMPENSATING', error: 'the disk of REFUND is full', attempts: 1 },
    ]);
    const shown = (await run('show', id)).out;
    expect(shown).toMatch(/undoes deductBalance next.*\n.*Its next try is due in \d+ s/);

    expect((await run('retry', id, '--reason', 'perhaps it was a moment')).out).toBe(
      `saga ${id}: COMPENSATING -> COMPENSATING, due now, faults in a row 1\n`,
    );
    await until(one.saga, ({ attempts, attention }) => attempts === 2 && attention);

    await mend('balance_ledger');
    expect(await run('retry', '--status', 'attention', '--reason', 'disk added')).toMatchObject({ code: 0 });
    expect(await until(one.saga, ({ status }) => status === 'COMPENSATED')).toMatchObject({ order: 'PAYMENT_FAILED' });
    expect(await left(one)).toEqual(nothingTaken);
    expect(await broken('drained')).toEqual([]);
    expect(await actions()).toMatchObject([
      {
        actor: 'kim',
        command: 'sagas retry',
        subject: `saga ${id}`,
        before: { attempts: 1 },
        after: { attentionAt: null },
      },
      { reason: 'disk added', before: { attempts: 2, status: 'COMPENSATING' }, after: { owner: null } },
    ]);
    expect(await run('retry', id, '--reason', 'once more')).toMatchObject({
      code: 3,
      err: expect.stringContaining('FINAL') as unknown,
    });
    expect((await actions()).slice(2)).toMatchObject([
      { reason: 'once more', before: { status: 'COMPENSATED' }, after: { refused: 'FINAL' } },
    ]);
  });

  test('one that cannot go on is turned back by a person, and all of it is undone', async () => {
    await break_('stock_ledger', 'CONFIRM');
    const one = await begin();
    const id = `${one.saga.sagaId}`;
    await until(one.saga, ({ attention }) => attention);
    expect(await left(one)).toEqual([{ amount: 700 }, { available: 4, reserved: 1 }]);
    const compensate = ['compensate', id, '--reason', 'the product is gone', '--actor', 'lee'];
    expect(await run(...compensate, '--dry-run')).toMatchObject({
      code: 0,
      out: `saga ${id}: RUNNING at deductBalance, would be done\n`,
    });
    expect(await actions()).toEqual([]);
    expect((await run(...compensate)).out).toBe(`saga ${id}: RUNNING -> COMPENSATING, due now\n`);
    expect(await until(one.saga, ({ status }) => status === 'COMPENSATED')).toMatchObject({ order: 'PAYMENT_FAILED' });
    expect(await left(one)).toEqual(nothingTaken);
    expect(await broken('drained')).toEqual([]);
    expect(await actions()).toMatchObject([
      {
        actor: 'lee',
        before: { status: 'RUNNING', epoch: 2 },
        after: { status: 'COMPENSATING', epoch: 3, failureCode: 'PAYMENT_FAILED' },
      },
    ]);
    expect(
      await db.pool.query(
        `select event_data from event_store where aggregate_id = $1 and event_type = 'payment.rejected'`,
        [`order-${one.saga.orderId}`],
      ),
    ).toEqual([{ event_data: { code: 'PAYMENT_FAILED', reason: 'turned back by lee: the product is gone' } }]);
    expect(await run(...compensate)).toMatchObject({ code: 3, out: '' });
  });

  test('one that is given up stays, says what it leaves open, is named by the verifier, and can be taken up again', async () => {
    await break_('balance_ledger', 'REFUND');
    const one = await begin({ blocked: true });
    const id = `${one.saga.sagaId}`;
    await until(one.saga, ({ attention }) => attention);
    expect((await run('skip', id, '--reason', 'refunded by bank transfer')).out.split('\n')).toEqual([
      `saga ${id}: COMPENSATING -> FAILED, given up`,
      `  left open: the order stays PAYING: asked for again, its payment is 409 PAYMENT_IN_PROGRESS`,
      `  left open: 300 won of user ${one.userId} were debited without a payment`,
      '',
    ]);
    for (const mode of ['live', 'drained'] as const) expect(await broken(mode)).toContain(`G7: saga ${id}`);
    expect(await broken('drained')).toContain(`P7: order ${one.saga.orderId}`);
    expect((await run('show', id)).out).toContain('given up by kim');
    expect((await json<Listed>('list', '--status', 'failed')).sagas).toMatchObject([{ sagaId: one.saga.sagaId }]);

    await mend('balance_ledger');
    expect((await run('retry', id, '--reason', 'the transfer bounced')).out).toContain(
      'FAILED -> COMPENSATING, due now',
    );
    await until(one.saga, ({ status }) => status === 'COMPENSATED');
    expect(await left(one)).toEqual(nothingTaken);
    expect(await broken('drained')).toEqual([]);
  });

  test.each([
    { action: 'retry', ends: 'COMPLETED' },
    { action: 'compensate', ends: 'COMPENSATED' },
    { action: 'skip', ends: 'FAILED' },
  ] as const)(
    '$action takes a saga out of the hands of a worker that is alive: that one is fenced',
    async ({ action, ends }) => {
      const fenced = async () =>
        (await ports.metrics.sagaFenced.get()).values.reduce((sum, { value }) => sum + value, 0);
      const before = await fenced();
      const one = await start();
      await db.pool.query('update saga_state set attention_at = now() where saga_id = $1', [one.saga.sagaId]);
      const person = await openSession(db.url, db.pool, 'read committed');
      const bell = openDoorbell(style, one.saga.version, ports.config, () => undefined);
      await person.begin();
      await person.query('select from saga_state where saga_id = $1 for update', [one.saga.sagaId]);
      bell.ring([one.saga]);
      const [{ pid } = { pid: 0 }] = await person.query<{ pid: number }>('select pg_backend_pid() as pid');
      while (
        (await db.pool.query('select from pg_stat_activity where $1 = any(pg_blocking_pids(pid))', [pid])).length === 0
      );
      const shown = async () => (await run('show', `${one.saga.sagaId}`)).out;
      while (action === 'retry' && !(await shown()).includes(`Worker ${ports.config.workerId} has it in hand`));
      expect(await settleSaga(person, action, one.saga.sagaId, by)).toMatchObject({
        outcome: 'done',
        after: { epoch: 2 },
      });
      await person.commit();
      await person.close();
      await bell.close();
      await until(one.saga, ({ status }) => status === ends);
      while ((await fenced()) === before) await new Promise((resolve) => setTimeout(resolve, 5));
      if (action === 'skip') await run('compensate', `${one.saga.sagaId}`, '--reason', 'x'); // refused: given up
      expect(await left(one)).toEqual(
        {
          retry: [{ amount: 700 }, { available: 4, reserved: 0 }],
          compensate: nothingTaken,
          skip: [{ amount: 1_000 }, { available: 4, reserved: 1 }],
        }[action],
      );
      if (action === 'skip') await run('retry', `${one.saga.sagaId}`, '--reason', 'x');
      await until(one.saga, ({ status }) => ['COMPLETED', 'COMPENSATED'].includes(status));
      expect(await broken('drained')).toEqual([]);
    },
  );

  test('of a worker that is paying and a person who turns back exactly one wins each saga', async () => {
    const many = await Promise.all(Array.from({ length: 24 }, () => start()));
    const bell = openDoorbell(style, 1, ports.config, () => undefined);
    bell.ring(many.map(({ saga }) => saga));
    const { out, code } = await run(
      'compensate',
      ...many.map(({ saga }) => `${saga.sagaId}`),
      '--reason',
      'race',
      '--json',
    );
    await bell.close();
    const { sagas: settled } = JSON.parse(out) as {
      sagas: readonly { sagaId: number; outcome: string; code?: string }[];
    };
    const refused = settled.filter(({ outcome }) => outcome !== 'done');
    expect(refused.every((one) => one.outcome === 'refused' && one.code === 'PAST_PIVOT')).toBe(true);
    expect(code).toBe(refused.length > 0 ? 3 : 0);
    for (const { saga } of many) {
      const won = settled.find(({ sagaId }) => sagaId === saga.sagaId)?.outcome === 'done';
      const { status } = await until(saga, (state) => ['COMPLETED', 'COMPENSATED'].includes(state.status));
      expect(status).toBe(won ? 'COMPENSATED' : 'COMPLETED');
    }
    expect(await actions()).toHaveLength(settled.length);
    expect(await broken('drained')).toEqual([]);
  });
});
