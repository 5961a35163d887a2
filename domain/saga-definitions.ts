import { type Cut, parseCut } from './cuts.ts';

/** A saga as it is run: by which version a saga was accepted decides how it ends, whatever is current by then. */
export interface PaymentDefinition {
  readonly version: number;
  /** Its cut, in the notation of `parseCut`. */
  readonly notation: string;
  readonly cut: Cut;
}

/** Version n is the n-th. The numbers stand in the database: append, and never take one out while a saga of it may be open. */
const notations = ['vc-b-s-p', 'vcbsp', 'vc-bsp', 'vcb-sp', 'vcbs-p', 'vc-b-sp', 'vc-bs-p', 'vcb-s-p'];

/** Every version these sources can run. */
export const paymentDefinitions: readonly PaymentDefinition[] = notations.map((notation, i) => ({
  version: i + 1,
  notation,
  cut: parseCut(notation, i + 1),
}));

/** What new sagas are accepted by: the one of this cut, or version 1. Throws a RangeError when there is none among them. */
export function currentDefinition(
  notation = 'vc-b-s-p',
  definitions: readonly PaymentDefinition[] = paymentDefinitions,
): PaymentDefinition {
  const found = definitions.find((one) => one.notation === notation);
  if (found === undefined) throw new RangeError(`no version of the payment's saga is cut ${notation}`);
  return found;
}
