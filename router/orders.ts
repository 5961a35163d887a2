import type { RequestHandler } from 'express';
import type { Tx } from '../domain/ports.ts';
import type { Pool } from '../runtime/database.ts';
import { answerJson } from './answers.ts';
import { placeOrderBody } from './api-schemas.ts';
import { readBody } from './json-body.ts';
import { insertOrder, lockStocks, type OrderLine, readOrder, readPayment, type StockedProduct } from './order-sql.ts';
import { RequestProblem } from './problems.ts';
import { idFrom } from './request-ids.ts';

/** POST /v1/orders: prices from `products`, stock reserved, all or nothing. */
export function placeOrder(pool: Pool): RequestHandler {
  return async (req, res) => {
    const { userId, lines } = await readBody(req, placeOrderBody);
    const orderId = await pool.transaction((tx) => place(tx, userId, lines));
    const order = await knownOrder(pool, orderId);
    answerJson(res, 201, order, { location: `/v1/orders/${orderId}` });
  };
}

async function place(tx: Tx, userId: number, lines: readonly OrderLine[]): Promise<number> {
  const stocked = new Map(
    (
      await lockStocks(
        tx,
        lines.map((line) => line.productId),
      )
    ).map((product) => [product.id, product]),
  );
  assertOrderable(lines, stocked);
  const orderId = await insertOrder(tx, userId, lines);
  if (orderId === undefined) throw new RequestProblem('USER_NOT_FOUND', `user ${userId} does not exist`, { userId });
  return orderId;
}

function assertOrderable(lines: readonly OrderLine[], stocked: ReadonlyMap<number, StockedProduct>): void {
  let total = 0;
  for (const { productId, qty } of lines) {
    const product = stocked.get(productId);
    if (product === undefined)
      throw new RequestProblem('PRODUCT_NOT_FOUND', `product ${productId} does not exist`, { productId });
    if (product.available < qty) {
      throw new RequestProblem(
        'STOCK_INSUFFICIENT',
        `${qty} of product ${productId} wanted, ${product.available} available`,
        { productId },
      );
    }
    total += qty * product.price;
  }
  if (!Number.isSafeInteger(total))
    throw new RequestProblem('AMOUNT_TOO_LARGE', `the total of ${total} won is beyond 2^53`);
  if (total === 0) throw new RequestProblem('VALIDATION_FAILED', 'there is nothing to pay: every product is free');
}

/** GET /v1/orders/:orderId */
export function showOrder(tx: Tx): RequestHandler<{ orderId: string }> {
  return async (req, res) => {
    answerJson(res, 200, await knownOrder(tx, idFrom('orderId', req.params.orderId)));
  };
}

async function knownOrder(tx: Tx, orderId: number): Promise<object> {
  const order = await readOrder(tx, orderId);
  if (order === undefined) throw new RequestProblem('ORDER_NOT_FOUND', `order ${orderId} does not exist`, { orderId });
  return order;
}

/** GET /v1/orders/:orderId/payment: where a 202 points to. PENDING says that no payment has begun. */
export function showPayment(tx: Tx): RequestHandler<{ orderId: string }> {
  return async (req, res) => {
    const orderId = idFrom('orderId', req.params.orderId);
    const row = await readPayment(tx, orderId);
    if (row === undefined) throw new RequestProblem('ORDER_NOT_FOUND', `order ${orderId} does not exist`, { orderId });
    const { side, reason, bucket, version, ...rest } = row;
    const route = side === null ? null : { side, reason, bucket, version };
    const known = Object.entries({ ...rest, route }).filter(([, value]) => value !== null);
    const final = !['PENDING', 'PAYING'].includes(row.status);
    answerJson(res, 200, { orderId, ...Object.fromEntries(known) }, final ? {} : { 'retry-after': '1' });
  };
}
