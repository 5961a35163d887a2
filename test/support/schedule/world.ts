import type { Pool } from '../../../runtime/database.ts';
import type { Style } from '../../../eventdriven/saga/doorbell.ts';
import type { Saga } from '../../../eventdriven/saga/saga.ts';
import { accept, type OrderToPay } from '../sagas.ts';
import { shop } from '../shop.ts';
import type { Draw } from './draw.ts';

/** A few people and goods with too little of everything, and payments that fight over them. */
export interface World {
  readonly engine: Style;
  readonly users: readonly number[];
  readonly products: readonly number[];
  readonly orders: readonly number[];
  readonly sagas: readonly Saga[];
}

export function createWorld(db: Pool, draw: Draw): Promise<World> {
  const engine: Style = draw.chance(0.5) ? 'orchestration' : 'choreography';
  return db.transaction(async (tx) => {
    const { user, product, coupon, order } = shop(tx);
    const users: number[] = [];
    for (let i = 0; i <= draw.below(2); i++) {
      users.push(await user({ balance: draw.below(6) * 100, blocked: draw.chance(0.15) }));
    }
    const products: number[] = [];
    for (let i = 0; i < 3; i++) products.push(await product({ price: 50, stock: 10 }));
    const owner = users[0] as number;
    const shared = await coupon({ userId: owner, discount: 30 });
    const orders: OrderToPay[] = [];
    for (let i = 0, count = 1 + draw.below(4); i < count; i++) {
      const userId = draw.pick(users) ?? owner;
      const chosen = products.filter(() => draw.chance(0.5));
      const lines = (chosen.length > 0 ? chosen : products.slice(0, 1)).map((productId) => ({
        productId,
        qty: 1 + draw.below(2),
      }));
      const placed = await order({
        userId,
        lines,
        lapsed: draw.chance(0.12),
        ...(draw.chance(0.08) && { total: 999 }),
      });
      orders.push({ ...placed, couponId: userId === owner && draw.chance(0.5) ? shared : null });
    }
    return { engine, users, products, orders: orders.map(({ id }) => id), sagas: await accept(tx, orders, engine) };
  });
}
