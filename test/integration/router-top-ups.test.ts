import { describe, expect, test } from '@jest/globals';
import { call } from '../support/api-client.ts';
import { routerStage } from '../support/router-stage.ts';

const on = routerStage();
const { everything } = on;

describe('top-ups', () => {
  const topUp = (userId: number | string, amountWon: unknown, key: string | undefined) =>
    call(
      'POST',
      `${on.monolith.url}/v1/users/${userId}/top-ups`,
      { amountWon },
      key === undefined ? {} : { 'idempotency-key': key },
    );
  const balanceOf = (userId: number) =>
    on.database.pool.query(
      'select b.amount, b.version, l.kind, l.balance_after from balances b join balance_ledger l using (user_id, version) where user_id = $1',
      [userId],
    );

  test('the money comes once per key, however often and at once it is sent', async () => {
    const userId = await on.store.user({ balance: 100 });
    const replies = await Promise.all(Array.from({ length: 16 }, () => topUp(userId, 50, 'key-1')));
    for (const reply of [...replies, await topUp(userId, 50, 'key-1')]) {
      expect(reply).toMatchObject({ status: 201, body: { userId, amountWon: 50, balanceWon: 150 } });
    }
    expect(await balanceOf(userId)).toEqual([{ amount: 150, version: 2, kind: 'TOPUP', balance_after: 150 }]);
    expect(await topUp(userId, 51, 'key-1')).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    expect(await topUp(await on.store.user(), 50, 'key-1')).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
  });

  test('a first balance begins its own ledger', async () => {
    const [user] = await on.database.pool.query<{ id: number }>('insert into users default values returning id');
    const userId = user?.id ?? 0;
    expect(await topUp(userId, 70, 'first')).toMatchObject({ status: 201, body: { balanceWon: 70 } });
    expect(await balanceOf(userId)).toEqual([{ amount: 70, version: 1, kind: 'TOPUP', balance_after: 70 }]);
  });

  test('bad ones change nothing', async () => {
    const userId = await on.store.user({ balance: Number.MAX_SAFE_INTEGER - 10 });
    const before = await everything();
    expect(await topUp(userId, 50, undefined)).toMatchObject({ status: 400 });
    expect(await topUp(userId, 50, 'x'.repeat(201))).toMatchObject({ status: 400 });
    for (const amount of [0, -1, 1.5, '50', null, 1_000_000_001])
      expect(await topUp(userId, amount, 'bad')).toMatchObject({ status: 400 });
    expect(await topUp('x', 50, 'bad')).toMatchObject({ status: 400 });
    expect(await topUp(999_999_999, 50, 'nobody')).toMatchObject({ status: 404, body: { code: 'USER_NOT_FOUND' } });
    expect(await topUp(userId, 50, 'too much')).toMatchObject({ status: 400 });
    expect(await topUp(userId, 50, 'too-much')).toMatchObject({ status: 422, body: { code: 'AMOUNT_TOO_LARGE' } });
    expect(await everything()).toEqual(before);
  });
});
