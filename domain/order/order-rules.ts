import { Rejection } from '../errors.ts';

export interface OrderLine {
  readonly qty: number;
  readonly unitPrice: number;
}

/** Money in whole won. An order is sound when it has lines and they add up to a positive total. */
export function assertTotalsAddUp(total: number, lines: readonly OrderLine[]): void {
  const sum = lines.reduce((won, line) => won + line.qty * line.unitPrice, 0);
  if (total <= 0 || sum !== total) {
    throw new Rejection('VALIDATION_FAILED', `the order's lines add up to ${sum}, its total says ${total}`);
  }
}
