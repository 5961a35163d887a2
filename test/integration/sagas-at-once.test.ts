import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { settleSaga } from '../../eventdriven/operations/settle-sagas.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { openSagasStage } from '../support/open-sagas.ts';
import { doors } from '../support/sagas.ts';
import { openSession, type Session } from '../support/sessions.ts';

const on = openSagasStage();
const { run, clear, saga, aged, actions } = on;

describe('of a worker and a person at the same instant exactly one wins:', () => {
  beforeEach(clear);
  const by = { actor: 'kim', command: 'sagas compensate', reason: 'x' };
  let person: Session;
  let worker: Session;
  beforeAll(async () => {
    person = await openSession(on.db.url, on.db.pool, 'read committed');
    worker = await openSession(on.db.url, on.db.pool, 'read committed');
  });
  afterAll(async () => {
    await person.close();
    await worker.close();
  });
  const statuses = (one: Saga) =>
    on.db.pool.query(
      'select s.status, o.status as "order" from saga_state s join orders o on o.id = s.order_id where saga_id = $1',
      [one.sagaId],
    );

  test.each(['retry', 'compensate', 'skip'] as const)('the worker that pays first; %s is refused', async (action) => {
    const one = await saga(3);
    await aged(one, 601);
    await worker.begin();
    expect(await doors(worker).run(3, [one])).toMatchObject([{ outcome: 'ok' }]);
    await person.begin();
    const acting = settleSaga(person, action, one.sagaId, by);
    await person.blocked();
    await worker.commit();
    expect(await acting).toMatchObject({ outcome: 'refused', code: action === 'compensate' ? 'PAST_PIVOT' : 'FINAL' });
    await person.commit();
    expect(await statuses(one)).toEqual([{ status: 'COMPLETED', order: 'PAID' }]);
    const refused = action === 'compensate' ? 'PAST_PIVOT' : 'FINAL';
    expect(await actions()).toMatchObject([{ before: { status: 'COMPLETED' }, after: { refused } }]);
  });

  test.each([
    { action: 'retry', status: 'RUNNING' },
    { action: 'compensate', status: 'COMPENSATING' },
    { action: 'skip', status: 'FAILED' },
  ] as const)('the person who comes first with $action; the payment is fenced', async ({ action, status }) => {
    const one = await saga(3);
    await aged(one, 601);
    await person.begin();
    expect(await settleSaga(person, action, one.sagaId, by)).toMatchObject({ outcome: 'done' });
    const paying = doors(worker).run(3, [one]);
    await worker.blocked();
    await person.commit();
    expect(await paying).toEqual([{ outcome: 'fenced' }]);
    expect(await statuses(one)).toEqual([{ status, order: 'PAYING' }]);
    expect(await actions()).toHaveLength(1);
  });

  test('two persons: the second finds what the first has left', async () => {
    const one = await saga(2);
    const both = await Promise.all([run('compensate', '1', '--reason', 'x'), run('compensate', '1', '--reason', 'y')]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 3]);
    expect(both.map(({ err }) => err).join('')).toContain('TURNING_BACK');
    expect(await statuses(one)).toEqual([{ status: 'COMPENSATING', order: 'PAYING' }]);
    expect(await actions()).toMatchObject([
      { after: { status: 'COMPENSATING' } },
      { before: { status: 'COMPENSATING' }, after: { refused: 'TURNING_BACK' } },
    ]);
  });
});
