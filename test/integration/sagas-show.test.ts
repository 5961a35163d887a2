import { beforeEach, describe, expect, test } from '@jest/globals';
import { beat } from '../../eventdriven/saga/rescue-sql.ts';
import { openSagasStage } from '../support/open-sagas.ts';

const on = openSagasStage();
const { run, clear, saga, six } = on;

describe('show', () => {
  beforeEach(clear);
  test('tells all of a saga, by its id or its order’s', async () => {
    const [, , back, , , given] = await six();
    await run('retry', '3', '--reason', 'new partition');
    await run('compensate', '3', '--reason', 'too late');
    const { out } = await run('show', '3');
    for (const line of [
      /^saga {13}3, COMPENSATING at confirmStock$/m,
      /^order +\d+, PAYING of user \d+$/m,
      /^payment +none$/m,
      /^facts +\{.*"due":200/m,
      /^ {2}It is on its way back and undoes createPayment next/m,
      /^ {2}No worker of the orchestration was heard of/m,
      /deductBalance +EXECUTE +SUCCESS/,
      /payment\.rejected +\S+ +\{"code":"PAYMENT_FAILED","reason":"turned back by kim: x"\}/,
      /balance +\d+ +DEBIT +-200/,
      /stock +\d+ +CONFIRM +1/,
      /kim +sagas retry +new partition$/m,
      /kim +sagas compensate +too late +TURNING_BACK$/m,
    ]) {
      expect(out).toMatch(line);
    }
    expect((await run('show', '--order', `${back.orderId}`)).out.split('\n')[0]).toBe(out.split('\n')[0]);
    expect((await run('show', `${given.sagaId}`)).out).toMatch(
      /Left open: 1 of product \d+ stay confirmed.*\n.*Left open: coupon \d+ stays used/,
    );
    const story = JSON.parse((await run('show', '4', '--json')).out) as {
      payment: object;
      next: string[];
      books: object;
    };
    expect(story).toMatchObject({
      payment: { amount: 300 },
      next: ['Nothing: the order is paid.'],
      books: { debited: 0 },
    });
  });

  test('says whose worker has it', async () => {
    await saga(2);
    await beat(on.db.pool, 'w1', 'orchestrator');
    expect((await run('show', '1')).out).toContain('Worker w1 owns it and was heard of');
    await beat(on.db.pool, 'w1', 'orchestrator', [1]);
    expect((await run('show', '1')).out).toContain('Worker w1 has it in hand');
    await on.db.pool.query(`update worker_heartbeat set beat_at = now() - interval '1 minute'`);
    await beat(on.db.pool, 'w2', 'orchestrator');
    expect((await run('show', '1')).out).toContain('Worker w1 owns it and is silent since 60 s');
  });

  test('names the living worker in whose hand a saga is that nobody owns', async () => {
    await saga(2);
    await on.db.pool.query('update saga_state set owner = null');
    await beat(on.db.pool, 'w1', 'orchestrator', [2, 3]);
    expect((await run('show', '1')).out).toMatch(/in hand of nobody$[^]*Nobody has it in hand/m);
    await beat(on.db.pool, 'w2', 'orchestrator', [3, 1]);
    expect((await run('show', '1')).out).toMatch(
      /owner nobody, in hand of w2$[^]*Worker w2 has it in hand and was heard of 0\.\d s ago/m,
    );
    await on.db.pool.query(`update worker_heartbeat set beat_at = now() - interval '3 seconds' where worker_id = 'w2'`);
    expect((await run('show', '1')).out).toContain('Nobody has it in hand');
  });

  test('says what is not there', async () => {
    expect(await run('show', '9')).toEqual({ code: 1, out: '', err: 'there is no saga 9\n' });
    expect(await run('show', '--order', '9')).toMatchObject({ code: 1, err: 'order 9 has no saga\n' });
    expect(await run('show', 'x')).toMatchObject({ code: 2, err: expect.stringContaining('not a saga id') as unknown });
  });
});
