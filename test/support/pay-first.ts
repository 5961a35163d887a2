import { cutOf } from '../../domain/cuts.ts';
import { defineSaga, type SagaOutline } from '../../domain/saga-definition.ts';
import { type PaymentDefinition, paymentDefinitions } from '../../domain/saga-definitions.ts';
import { type Step, steps } from '../../domain/steps.ts';

/** The payment's steps, but stock is confirmed for what is paid already: a step that may say no no more. */
const catalogue: readonly Step[] = steps.map((step) =>
  step.name === 'confirmStock' ? { ...step, kind: 'retriable', compensation: null } : step,
);
const define = (notation: string, boundaries: SagaOutline['boundaries']): PaymentDefinition => {
  const version = paymentDefinitions.length + 1;
  return { version, notation, cut: cutOf(defineSaga({ type: 'payment', version, boundaries }, catalogue)) };
};
const [order, balance] = [['validateOrder', 'applyCoupon'], ['deductBalance']] as const;

/** A definition that goes on after its pivot, which the payment's own do not. */
export const payFirst = define('vc-b-p-s', [order, balance, ['createPayment'], ['confirmStock']]);

/** The same, with the pivot and what comes after it in one boundary. */
export const payAndConfirm = define('vc-b-ps', [order, balance, ['createPayment', 'confirmStock']]);
