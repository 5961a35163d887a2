import { Rejection } from '../errors.ts';

export interface StockMovement {
  readonly kind: 'RESTOCK' | 'RESERVE' | 'CONFIRM' | 'RELEASE' | 'UNCONFIRM';
  readonly qty: number;
}

const effectOnReservation: Readonly<Record<StockMovement['kind'], number>> = {
  RESTOCK: 0,
  RESERVE: 1,
  UNCONFIRM: 1,
  CONFIRM: -1,
  RELEASE: -1,
};

/** What of an order's reservation of one product is still live, given its movements. */
export const reservedQty = (movements: readonly StockMovement[]): number =>
  movements.reduce((sum, { kind, qty }) => sum + effectOnReservation[kind] * qty, 0);

export function assertReservationLive(movements: readonly StockMovement[], qty: number): void {
  const live = reservedQty(movements);
  if (live < qty) throw new Rejection('STOCK_INSUFFICIENT', `${qty} wanted, ${live} still reserved`);
}
