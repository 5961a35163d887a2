import { describe, expect, test } from '@jest/globals';
import type { Isolation } from '../../domain/ports.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { isolationStage } from '../support/isolation-stage.ts';
import { accept, doors, turnBack } from '../support/sagas.ts';
import { shop } from '../support/services.ts';
import { faultOf } from '../support/sessions.ts';

/** T1 and T2 are two workers that have been handed the same payment at the same moment. */
const BALANCE = 1;

const on = isolationStage();

async function stage(isolation: Isolation) {
  const order = await shop(on.pool).payable({ balance: 1_000, price: 300 });
  const nobody = { worker: null };
  const [saga] = (await doors(on.pool, nobody).pass(await accept(on.pool, [order]), BALANCE)) as [Saga];
  const worker = async () => {
    const session = await on.session(isolation);
    const { run, undo } = doors(session, nobody);
    return {
      ...session,
      deduct: async () => (await run(BALANCE, [saga], true))[0]?.outcome,
      refund: async () => (await undo(BALANCE, [saga]))[0]?.outcome,
    };
  };
  const debits = async () =>
    (await on.pool.query('select from balance_ledger where order_id = $1 and kind = $2', [order.id, 'DEBIT'])).length;
  return { saga, t1: await worker(), t2: await worker(), debits };
}

describe('the same action by two workers', () => {
  test('happens once at read committed: the second reads the first’s receipt', async () => {
    const { t1, t2, debits } = await stage('read committed');
    await t1.begin();
    expect(await t1.deduct()).toBe('ok');
    const second = t2.deduct(); // waits
    await t2.blocked();
    await t1.commit();
    expect(await second).toBe('already-done');
    expect(await debits()).toBe(1);
  });

  test('happens in the second when the first rolled back', async () => {
    const { t1, t2, debits } = await stage('read committed');
    await t1.begin();
    expect(await t1.deduct()).toBe('ok');
    const second = t2.deduct(); // waits
    await t2.blocked();
    await t1.query('rollback');
    expect(await second).toBe('ok');
    expect(await debits()).toBe(1);
  });

  test.each(['repeatable read', 'serializable'] as const)(
    'happens once at %s: the second has to ask again',
    async (isolation) => {
      const { t1, t2, debits } = await stage(isolation);
      await t1.begin();
      expect(await t1.deduct()).toBe('ok');
      const second = faultOf(t2.deduct()); // waits
      await t2.blocked();
      await t1.commit();
      expect(await second).toBe('40001');
      expect(await t2.deduct()).toBe('already-done');
      expect(await debits()).toBe(1);
    },
  );
});

test('an action that waits while its undo commits does not happen', async () => {
  const { saga, t1, t2, debits } = await stage('read committed');
  await t1.begin();
  await turnBack(t1, saga.sagaId);
  expect(await t1.refund()).toBe('ok');
  const action = t2.deduct(); // waits
  await t2.blocked();
  await t1.commit();
  expect(await action).toBe('fenced');
  expect(await debits()).toBe(0);
});
