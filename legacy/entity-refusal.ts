import type { LOCK, Transaction } from 'sequelize';
import { type RefusalCode, refusalStatus } from '../domain/errors.ts';
import type { PayOrder } from '../domain/payment-engine.ts';
import { reservedQty } from '../domain/product/stock-rules.ts';
import type { Entities } from './entities.ts';
import type { RowLocks } from './row-locks.ts';

export interface EntityRefusal {
  readonly entities: Entities;
  readonly command: PayOrder;
  readonly engine: string;
  readonly code: RefusalCode;
  /** What the coupon had taken off before the refusal; 0 when none was applied. */
  readonly discount: number;
  readonly read: { readonly transaction: Transaction; readonly lock?: LOCK };
  readonly transaction: Transaction;
  readonly rowLocks: RowLocks;
}

/** After the rollback: the order gets the status that says why, and its stock goes back. Money and coupon came back with the rollback. */
export async function refuseOrder(r: EntityRefusal): Promise<void> {
  const { Order, OrderItem } = r.entities;
  const { orderId, couponId } = r.command;
  const order = await r.rowLocks.taking('order', () => Order.findByPk(orderId, { ...r.read, rejectOnEmpty: true }));
  const items = await OrderItem.findAll({
    where: { orderId },
    order: [['productId', 'ASC']],
    transaction: r.transaction,
  });
  for (const { productId } of items) await giveStockBack(r, productId);
  await order
    .set({
      status: refusalStatus(r.code),
      refusalCode: r.code,
      engine: r.engine,
      userCouponId: r.discount > 0 ? couponId : null,
      discountAmount: r.discount,
      finalAmount: order.totalAmount - r.discount,
    })
    .save({ transaction: r.transaction });
}

/** Nothing is confirmed here any more, so what of the reservation is live is all there is to release. */
async function giveStockBack(r: EntityRefusal, productId: number): Promise<void> {
  const { Stock, StockLedger } = r.entities;
  const { orderId } = r.command;
  const stock = await r.rowLocks.taking('stock', () => Stock.findByPk(productId, { ...r.read, rejectOnEmpty: true }));
  const qty = reservedQty(await StockLedger.findAll({ where: { orderId, productId }, transaction: r.transaction }));
  if (qty <= 0) return;
  await stock
    .set({ reserved: stock.reserved - qty, available: stock.available + qty })
    .save({ transaction: r.transaction });
  await StockLedger.create({ productId, orderId, kind: 'RELEASE', qty }, { transaction: r.transaction });
}
