import type { PaymentDefinition } from '../../domain/saga-definitions.ts';
import type { WorkerOptions } from '../worker.ts';
import type { Saga } from './saga.ts';

export interface KnowingOptions extends WorkerOptions {
  readonly definitions: readonly PaymentDefinition[];
}

/** Sagas of a definition that newer code has brought. Their job goes back to its queue, where a worker that knows it may be quicker. */
export class UnknownVersion extends Error {
  override readonly name = 'UnknownVersion';
}

export interface Versions {
  readonly known: readonly number[];
  /** The same sagas; throws an UnknownVersion if one of them must be left to others. */
  mustKnow(sagas: readonly Saga[]): readonly Saga[];
}

export function versionsOf(definitions: readonly PaymentDefinition[]): Versions {
  const known = definitions.map(({ version }) => version);
  return {
    known,
    mustKnow(sagas) {
      const strange = sagas.find(({ version }) => !known.includes(version));
      if (strange === undefined) return sagas;
      throw new UnknownVersion(
        `this worker knows versions ${known.join(', ')} of the payment's saga, not ${strange.version}`,
      );
    },
  };
}
