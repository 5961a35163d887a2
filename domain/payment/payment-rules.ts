import { Rejection } from '../errors.ts';

export function assertMayPay(user: { readonly paymentBlocked: boolean } | undefined): void {
  if (user === undefined || user.paymentBlocked) throw new Rejection('PAYMENT_FAILED', 'the user may not pay');
}
