import type { LOCK, Transaction } from 'sequelize';
import { assertCovers } from '../domain/balance/balance-rules.ts';
import { assertCouponUsable, discountOf } from '../domain/coupon/coupon-rules.ts';
import { Rejection } from '../domain/errors.ts';
import { assertTotalsAddUp } from '../domain/order/order-rules.ts';
import type { PayOrder } from '../domain/payment-engine.ts';
import { assertMayPay } from '../domain/payment/payment-rules.ts';
import { assertReservationLive } from '../domain/product/stock-rules.ts';
import type { StepName } from '../domain/steps.ts';
import type { Entities, OrderItemRow, OrderRow } from './entities.ts';
import type { RowLocks } from './row-locks.ts';

/** One payment on its way through the five steps, in one transaction. */
export interface EntityPayment {
  readonly entities: Entities;
  readonly command: PayOrder;
  readonly engine: string;
  /** `lock` is absent only under the test fault that shows what happens without row locks. */
  readonly read: { readonly transaction: Transaction; readonly lock?: LOCK };
  readonly transaction: Transaction;
  readonly rowLocks: RowLocks;
  order?: OrderRow;
  items: OrderItemRow[];
  due: number;
  /** Of the coupon, once it has been applied: it stays on a refused order as the record of the attempt. */
  discount: number;
  paymentId?: number;
}

/** Entities are loaded, changed and saved one by one, as such monoliths do; the rules are the ones everybody uses. */
export const entitySteps: Readonly<Record<StepName, (payment: EntityPayment) => Promise<void>>> = {
  async validateOrder(p) {
    const { Order, OrderItem } = p.entities;
    const order = await p.rowLocks.taking('order', () => Order.findByPk(p.command.orderId, p.read));
    if (order?.status !== 'PENDING') throw new Rejection('ORDER_NOT_PAYABLE', 'the order is not to be paid any more');
    const items = await OrderItem.findAll({
      where: { orderId: order.id },
      order: [['productId', 'ASC']],
      transaction: p.transaction,
    });
    assertTotalsAddUp(order.totalAmount, items);
    Object.assign(p, { order, items, due: order.totalAmount });
  },

  async applyCoupon(p) {
    const { couponId, userId, orderId } = p.command;
    if (couponId === null) return;
    const { UserCoupon, Coupon } = p.entities;
    const mine = (await p.rowLocks.taking('coupon', () => UserCoupon.findByPk(couponId, p.read))) ?? undefined;
    assertCouponUsable(mine, userId);
    const coupon = await Coupon.findByPk(mine.couponId, { transaction: p.transaction, rejectOnEmpty: true });
    p.discount = discountOf(p.due, coupon.discount);
    p.due -= p.discount;
    await mine.set({ status: 'USED', usedOrderId: orderId }).save({ transaction: p.transaction });
  },

  async deductBalance(p) {
    const { userId, orderId } = p.command;
    const { Balance, BalanceLedger } = p.entities;
    const balance = await p.rowLocks.taking('balance', () => Balance.findByPk(userId, p.read));
    assertCovers(balance?.amount, p.due);
    await balance
      .set({ amount: balance.amount - p.due, version: balance.version + 1 })
      .save({ transaction: p.transaction });
    await BalanceLedger.create(
      { userId, orderId, kind: 'DEBIT', amount: -p.due, balanceAfter: balance.amount, version: balance.version },
      { transaction: p.transaction },
    );
  },

  async confirmStock(p) {
    const { Stock, StockLedger } = p.entities;
    const { orderId } = p.command;
    for (const { productId, qty } of p.items) {
      const stock = await p.rowLocks.taking('stock', () =>
        Stock.findByPk(productId, { ...p.read, rejectOnEmpty: true }),
      );
      const movements = await StockLedger.findAll({ where: { orderId, productId }, transaction: p.transaction });
      assertReservationLive(movements, qty);
      await stock.set({ reserved: stock.reserved - qty }).save({ transaction: p.transaction });
      await StockLedger.create({ productId, orderId, kind: 'CONFIRM', qty }, { transaction: p.transaction });
    }
  },

  async createPayment(p) {
    const { User, Payment } = p.entities;
    const { userId, orderId, couponId } = p.command;
    const user = await User.findByPk(userId, { transaction: p.transaction });
    assertMayPay(user ?? undefined);
    const payment = await Payment.create(
      { orderId, userId, amount: p.due, engine: p.engine },
      { transaction: p.transaction },
    );
    p.paymentId = payment.id;
    await p.order
      ?.set({
        status: 'PAID',
        engine: p.engine,
        userCouponId: couponId,
        discountAmount: p.discount,
        finalAmount: p.due,
      })
      .save({ transaction: p.transaction });
  },
};
