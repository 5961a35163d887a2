import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RefusalCode } from '../../domain/errors.ts';
import type { Answer, PaymentEngine, PayOrder, Route, Side } from '../../domain/payment-engine.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { openRedis } from '../../runtime/redis.ts';
import { type FreshDatabase, freshDatabase, freshRedis, type Shop, shop } from '../support/services.ts';
import { brokenRules } from './books.ts';
import { portsOn } from './engine-ports.ts';

/** An engine with all it needs to pay: a saga brings its workers. `stop` stops the engine first and then those. */
export interface RunningEngine {
  readonly engine: PaymentEngine;
  stop(): Promise<void>;
}

export interface ContractOptions {
  /** Which side the engine works for, default legacy. */
  readonly side?: Side;
  /** What else may be left in Redis after the engine was stopped: queues, which Redis keeps. Default: nothing. */
  readonly keptKeys?: RegExp;
}

type Ask = Pick<PayOrder, 'orderId' | 'userId'> & { readonly couponId?: number | null };

/**
 * What every engine does, whatever it is made of. Call it in a test file of its own; it brings a database and Redis keys.
 * `start` is given an engine's ports and returns the engine, started.
 */
export function exercisePaymentEngine(
  name: string,
  start: (ports: EnginePorts) => Promise<RunningEngine>,
  { side = 'legacy', keptKeys = /^$/ }: ContractOptions = {},
): void {
  describe(`${name} keeps the contract of a payment engine`, () => {
    let db: FreshDatabase;
    let redis: { readonly url: string; readonly prefix: string };
    let running: RunningEngine;
    let to: Shop;
    let route: Route;

    beforeAll(async () => {
      db = await freshDatabase();
      redis = freshRedis();
      to = shop(db.pool);
      route = { side, reason: 'pinned', bucket: 7, version: 3 };
      running = await start(portsOn(db.url, redis));
    }, 30_000);
    afterAll(async () => {
      await running.stop();
      await db.drop();
    });

    const submit = ({ orderId, userId, couponId = null }: Ask) =>
      running.engine.submit({ orderId, userId, couponId, route }, new AbortController().signal);
    const pay = async (ask: Ask): Promise<Answer> => (await submit(ask)).settled;
    const rows = <Row>(text: string, ...values: unknown[]): Promise<Row[]> => db.pool.query<Row>(text, values);
    const order = async (id: number) => {
      const [row] = await rows<Record<string, unknown>>(
        `select status, engine, discount_amount, final_amount, user_coupon_id, refusal_code from orders where id = $1`,
        id,
      );
      return row;
    };
    const moneyOf = async (userId: number) =>
      (await rows<{ amount: number }>('select amount from balances where user_id = $1', userId))[0]?.amount;
    const stockOf = async (productId: number) =>
      (
        await rows<{ available: number; reserved: number }>(
          'select available, reserved from stocks where product_id = $1',
          productId,
        )
      )[0];
    const couponOf = async (id: number | null) =>
      (
        await rows<{ status: string; used_order_id: number | null }>(
          'select status, used_order_id from user_coupons where id = $1',
          id,
        )
      )[0];
    const routesOf = (orderId: number) => rows('select order_id from payment_route where order_id = $1', orderId);

    /** An order that can be paid, unless the options say otherwise: 2 x 500 of a product with 10 on the shelf. */
    async function placed(
      options: {
        balance?: number;
        blocked?: boolean;
        discount?: number;
        used?: boolean;
        lapsed?: boolean;
        total?: number;
      } = {},
    ) {
      const { balance = 10_000, blocked = false, discount, used = false, lapsed = false, total } = options;
      const userId = await to.user({ balance, blocked });
      const productId = await to.product({ price: 500, stock: 10 });
      const lines = [{ productId, qty: 2 }];
      const { id } = await to.order({ userId, lines, lapsed, ...(total === undefined ? {} : { total }) });
      const couponId = discount === undefined ? null : await to.coupon({ userId, discount, used });
      return { orderId: id, userId, productId, couponId };
    }

    test('pays: money, stock, coupon, payment and route are written together', async () => {
      const ask = await placed({ discount: 150 });
      const answer = await pay(ask);
      expect(answer).toMatchObject({ kind: 'paid', amount: 850, engine: running.engine.name, route });
      const { orderId, userId, productId, couponId } = ask;
      expect(await order(orderId)).toEqual({
        status: 'PAID',
        engine: running.engine.name,
        discount_amount: 150,
        final_amount: 850,
        user_coupon_id: couponId,
        refusal_code: null,
      });
      expect(
        await rows('select id, user_id, amount, status, engine from payments where order_id = $1', orderId),
      ).toEqual([
        {
          id: 'paymentId' in answer ? answer.paymentId : 0,
          user_id: userId,
          amount: 850,
          status: 'COMPLETED',
          engine: running.engine.name,
        },
      ]);
      expect(await moneyOf(userId)).toBe(9_150);
      expect(
        await rows('select kind, amount, balance_after, version from balance_ledger where order_id = $1', orderId),
      ).toEqual([{ kind: 'DEBIT', amount: -850, balance_after: 9_150, version: 2 }]);
      expect(await stockOf(productId)).toEqual({ available: 8, reserved: 0 });
      expect(await rows('select kind, qty from stock_ledger where order_id = $1 order by id', orderId)).toEqual([
        { kind: 'RESERVE', qty: 2 },
        { kind: 'CONFIRM', qty: 2 },
      ]);
      expect(await couponOf(couponId)).toEqual({ status: 'USED', used_order_id: orderId });
      expect(
        await rows(
          'select side, reason, bucket, config_version, user_id, user_coupon_id from payment_route where order_id = $1',
          orderId,
        ),
      ).toEqual([{ side, reason: 'pinned', bucket: 7, config_version: 3, user_id: userId, user_coupon_id: couponId }]);
    });

    test('a coupon never takes off more than the total, and nothing to pay is paid', async () => {
      const ask = await placed({ discount: 5_000, balance: 0 });
      expect(await pay(ask)).toMatchObject({ kind: 'paid', amount: 0 });
      expect(await order(ask.orderId)).toMatchObject({ status: 'PAID', discount_amount: 1_000, final_amount: 0 });
    });

    test('pays an order of several products', async () => {
      const userId = await to.user();
      const products = [
        await to.product({ price: 100 }),
        await to.product({ price: 7 }),
        await to.product({ price: 0 }),
      ];
      const { id: orderId } = await to.order({
        userId,
        lines: products.map((productId, i) => ({ productId, qty: i + 1 })),
      });
      expect(await pay({ orderId, userId })).toMatchObject({ kind: 'paid', amount: 114 });
      expect(
        await rows(`select kind from stock_ledger where order_id = $1 and kind = 'CONFIRM'`, orderId),
      ).toHaveLength(3);
    });

    const poor = { balance: 999 };
    const refusals: {
      when: string;
      placing: Parameters<typeof placed>[0];
      code: RefusalCode;
      status: string;
      discount: number;
    }[] = [
      {
        when: 'the balance does not cover it',
        placing: poor,
        code: 'BALANCE_INSUFFICIENT',
        status: 'BALANCE_INSUFFICIENT',
        discount: 0,
      },
      {
        when: 'the balance does not cover it even with the coupon',
        placing: { balance: 849, discount: 150 },
        code: 'BALANCE_INSUFFICIENT',
        status: 'BALANCE_INSUFFICIENT',
        discount: 150,
      },
      {
        when: 'the reservation has lapsed',
        placing: { lapsed: true, discount: 150 },
        code: 'STOCK_INSUFFICIENT',
        status: 'STOCK_INSUFFICIENT',
        discount: 150,
      },
      {
        when: 'the user is blocked',
        placing: { blocked: true, discount: 150 },
        code: 'PAYMENT_FAILED',
        status: 'PAYMENT_FAILED',
        discount: 150,
      },
      {
        when: 'the coupon is used',
        placing: { used: true, discount: 150 },
        code: 'COUPON_UNUSABLE',
        status: 'VALIDATION_FAILED',
        discount: 0,
      },
      {
        when: 'the total is not what the lines add up to',
        placing: { total: 1_001 },
        code: 'VALIDATION_FAILED',
        status: 'VALIDATION_FAILED',
        discount: 0,
      },
    ];

    test.each(refusals)(
      'refuses when $when, and gives everything back',
      async ({ placing, code, status, discount }) => {
        const ask = await placed(placing);
        const [money, coupon] = [await moneyOf(ask.userId), await couponOf(ask.couponId)];
        expect(await pay(ask)).toMatchObject({ kind: 'refused', code, engine: running.engine.name, route });

        const total = placing?.total ?? 1_000;
        expect(await order(ask.orderId)).toEqual({
          status,
          engine: running.engine.name,
          discount_amount: discount,
          final_amount: total - discount,
          user_coupon_id: discount > 0 ? ask.couponId : null,
          refusal_code: code,
        });
        expect(await moneyOf(ask.userId)).toBe(money);
        expect(await couponOf(ask.couponId)).toEqual(coupon);
        expect(await stockOf(ask.productId)).toEqual({ available: 10, reserved: 0 });
        expect(await rows('select id from payments where order_id = $1', ask.orderId)).toEqual([]);
        expect(await routesOf(ask.orderId)).toHaveLength(1);

        expect(await pay(ask)).toMatchObject({ kind: 'refused', code, replayed: true, route });
        expect(await stockOf(ask.productId)).toEqual({ available: 10, reserved: 0 });
      },
    );

    test('the same request again gets the first answer, whatever has changed', async () => {
      const ask = await placed();
      const first = await pay(ask);
      await rows('update users set payment_blocked = true where id = $1', ask.userId);
      expect(first).toMatchObject({ kind: 'paid' });
      expect(await pay(ask)).toEqual({ ...first, replayed: true });
      expect(await moneyOf(ask.userId)).toBe(9_000);
    });

    test('the same order with another coupon is a mismatch', async () => {
      const ask = await placed({ discount: 150 });
      await pay({ ...ask, couponId: null });
      expect(await pay(ask)).toMatchObject({ kind: 'unchanged', code: 'COUPON_MISMATCH' });
      expect(await couponOf(ask.couponId)).toMatchObject({ status: 'ISSUED' });
    });

    test('an unknown order, and somebody else’s, is not found, and nobody is routed', async () => {
      const theirs = await placed();
      const userId = await to.user();
      for (const orderId of [theirs.orderId, 4_000_000_000_000]) {
        expect(await pay({ orderId, userId })).toMatchObject({ kind: 'unchanged', code: 'ORDER_NOT_FOUND' });
        expect(await routesOf(orderId)).toEqual([]);
      }
      expect(await order(theirs.orderId)).toMatchObject({ status: 'PENDING', engine: null });
    });

    test('an order that was never to be paid is not payable', async () => {
      const ask = await placed({ total: 1 });
      await rows(`update orders set status = 'VALIDATION_FAILED' where id = $1`, ask.orderId);
      expect(await pay(ask)).toMatchObject({ kind: 'unchanged', code: 'ORDER_NOT_PAYABLE' });
      expect(await routesOf(ask.orderId)).toEqual([]);
      await rows(`update orders set status = 'PENDING' where id = $1`, ask.orderId);
    });

    test('an empty order is refused', async () => {
      const userId = await to.user();
      const { id: orderId } = await to.order({ userId, lines: [] });
      expect(await pay({ orderId, userId })).toMatchObject({ kind: 'refused', code: 'VALIDATION_FAILED' });
      expect(await order(orderId)).toMatchObject({ status: 'VALIDATION_FAILED', final_amount: 0 });
    });

    test('an unknown coupon, and somebody else’s, changes nothing: the order can still be paid', async () => {
      const ask = await placed();
      const theirs = (await placed({ discount: 10 })).couponId;
      for (const couponId of [theirs, 4_000_000_000_000]) {
        expect(await pay({ ...ask, couponId })).toMatchObject({ kind: 'unchanged', code: 'COUPON_UNUSABLE' });
      }
      expect(await order(ask.orderId)).toMatchObject({ status: 'PENDING', engine: null });
      expect(await routesOf(ask.orderId)).toEqual([]);
      expect(await pay(ask)).toMatchObject({ kind: 'paid', amount: 1_000 });
    });

    test('requests for one order at once: one pays, the others are told so or get its answer', async () => {
      const ask = await placed();
      const answers = await Promise.all(Array.from({ length: 5 }, () => pay(ask)));
      const firsts = answers.filter((a) => a.kind === 'paid' && a.replayed !== true);
      expect(firsts).toHaveLength(1);
      for (const answer of answers) {
        if (answer.kind === 'paid') expect(answer).toMatchObject({ amount: 1_000 });
        else expect(answer).toMatchObject({ kind: 'unchanged', code: 'PAYMENT_IN_PROGRESS' });
      }
      expect(await rows('select id from payments where order_id = $1', ask.orderId)).toHaveLength(1);
      expect(await moneyOf(ask.userId)).toBe(9_000);
    });

    test('twenty payments of one user and one product at once: what fits is paid, the rest is refused', async () => {
      const userId = await to.user({ balance: 1_500 });
      const productId = await to.product({ price: 100, stock: 20 });
      const orders = await Promise.all(
        Array.from({ length: 20 }, () => to.order({ userId, lines: [{ productId, qty: 1 }] })),
      );
      const answers = await Promise.all(orders.map(({ id }) => pay({ orderId: id, userId })));
      expect(answers.filter((a) => a.kind === 'paid')).toHaveLength(15);
      expect(answers.filter((a) => a.kind === 'refused' && a.code === 'BALANCE_INSUFFICIENT')).toHaveLength(5);
      expect(await moneyOf(userId)).toBe(0);
      expect(await stockOf(productId)).toEqual({ available: 5, reserved: 0 });
    }, 30_000);

    test('orders that share products in opposite order do not stand in each other’s way', async () => {
      const [a, b] = [await to.product({ price: 1 }), await to.product({ price: 1 })];
      const both = [
        { productId: a, qty: 1 },
        { productId: b, qty: 1 },
      ];
      const asks: Ask[] = [];
      for (let i = 0; i < 10; i += 1) {
        const userId = await to.user();
        const { id } = await to.order({ userId, lines: i % 2 === 0 ? both : [...both].reverse() });
        asks.push({ orderId: id, userId });
      }
      const answers = await Promise.all(asks.map(pay));
      expect(answers.map(({ kind }) => kind)).toEqual(asks.map(() => 'paid'));
      expect(await stockOf(a)).toEqual({ available: 990, reserved: 0 });
    }, 30_000);

    test('one coupon asked for by two orders at once goes to one of them', async () => {
      const first = await placed({ discount: 150 });
      const { id } = await to.order({ userId: first.userId, lines: [{ productId: first.productId, qty: 1 }] });
      const answers = await Promise.all([pay(first), pay({ ...first, orderId: id })]);
      expect(answers.map((a) => (a.kind === 'refused' ? a.code : a.kind)).sort()).toEqual(['COUPON_UNUSABLE', 'paid']);
    });

    test('a request that was given up before it began is not accepted', async () => {
      const ask = await placed();
      const command = { orderId: ask.orderId, userId: ask.userId, couponId: null, route };
      await expect(running.engine.submit(command, AbortSignal.abort())).rejects.toThrow();
      expect(await routesOf(ask.orderId)).toEqual([]);
    });

    test('stop() waits for the work in hand, and leaves nothing behind', async () => {
      const asks = await Promise.all(Array.from({ length: 6 }, () => placed()));
      const submissions = await Promise.all(asks.map(submit));
      let settled = 0;
      const answers = Promise.all(
        submissions.map(async (submission) => {
          const answer = await submission.settled;
          settled += 1;
          return answer;
        }),
      );
      await running.engine.stop();
      expect(settled).toBe(asks.length);
      expect((await answers).map(({ kind }) => kind)).toEqual(asks.map(() => 'paid'));
      await expect(submit(await placed())).rejects.toThrow();
      await running.stop();

      expect(await brokenRules(db.pool)).toEqual({});
      expect(
        await rows(`select pid from pg_stat_activity where datname = current_database() and application_name <> 'test'
          and backend_type = 'client backend' and (state <> 'idle' or state is null)`),
      ).toEqual([]);
      expect(
        await rows(`select objid from pg_locks where locktype = 'advisory' and database = (
          select oid from pg_database where datname = current_database())`),
      ).toEqual([]);
      const client = openRedis(redis.url, 'test');
      try {
        expect((await client.keys(`${redis.prefix}*`)).filter((key) => !keptKeys.test(key))).toEqual([]);
      } finally {
        client.disconnect();
      }
    });
  });
}
