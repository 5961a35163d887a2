import { Rejection } from '../errors.ts';

export function assertCovers(balance: number | undefined, due: number): asserts balance is number {
  if (balance === undefined || balance < due) {
    throw new Rejection('BALANCE_INSUFFICIENT', `a balance of ${balance ?? 'nothing'} does not cover ${due}`);
  }
}
