import { type StepEvents, stepEvents } from './events.ts';
import type { Isolation } from './ports.ts';
import { defineSaga, pivotSeenFrom, type SagaDefinition } from './saga-definition.ts';
import { type Step, type StepName, steps } from './steps.ts';

export type Domain = 'order' | 'balance' | 'product' | 'payment';

/** Steps that commit together: one transaction, one receipt, one event. */
export interface Boundary {
  /** Name of its first step: the key of its receipt. */
  readonly name: StepName;
  /** 1..n. */
  readonly no: number;
  readonly steps: readonly Step[];
  readonly domain: Domain;
  readonly events: StepEvents;
  /** Its success ends the saga. */
  readonly last: boolean;
  /** The pivot's place among its steps, from 1; 0: it lies behind, and from there the saga only goes forward; null: ahead. */
  readonly pivot: number | null;
  /** Statement, lock and transaction time-out in the database. */
  readonly timeoutMs: number;
}

/** A cut names the steps by letter, boundaries apart by a hyphen: `vcbsp` is one transaction, `vc-b-s-p` the seed's four. */
export type Cut = readonly Boundary[];

const domains: Readonly<Record<StepName, Domain>> = {
  validateOrder: 'order',
  applyCoupon: 'order',
  deductBalance: 'balance',
  confirmStock: 'product',
  createPayment: 'payment',
};

/** The seed's: 3, 2, 2 and 3 s for its four micro-transactions; a wider boundary has the sum of its parts. */
const stepTimeoutsMs: Readonly<Record<StepName, number>> = {
  validateOrder: 3_000,
  applyCoupon: 0,
  deductBalance: 2_000,
  confirmStock: 2_000,
  createPayment: 3_000,
};

/**
 * Throws a TypeError unless the notation names the five steps in their order, each once, and leaves v and c together: the
 * first boundary fixes what is due, and everything after it, an undo included, works from that. `version` is for the message
 * of a DefinitionError.
 */
export function parseCut(notation: string, version = 1): Cut {
  if (notation.replaceAll('-', '') !== steps.map((s) => s.letter).join('') || /^-|-$|--/.test(notation)) {
    throw new TypeError(
      `'${notation}' is not a cut: name the steps v, c, b, s, p in this order, with '-' between boundaries`,
    );
  }
  if (notation.startsWith('v-')) {
    throw new TypeError(`'${notation}' is not a cut: v and c stay together, the first boundary fixes what is due`);
  }
  return cutOf(definePayment(notation, version));
}

/** The payment's saga in this cut; DefinitionError unless its steps stand in an order that is safe. */
const definePayment = (notation: string, version: number): SagaDefinition<Step> =>
  defineSaga(
    {
      type: 'payment',
      version,
      boundaries: notation
        .split('-')
        .map((letters) => steps.filter((step) => letters.includes(step.letter)).map((step) => step.name)),
    },
    steps,
  );

/** The boundaries of a definition that may also have retriable steps after its pivot, or the steps in another order. */
export const cutOf = ({ boundaries }: SagaDefinition<Step>): Cut =>
  boundaries.map((parts, i) => toBoundary(parts, i, boundaries));

function toBoundary(parts: readonly Step[], i: number, all: SagaDefinition<Step>['boundaries']): Boundary {
  const [first, last] = [parts[0] as Step, parts[parts.length - 1] as Step];
  return {
    name: first.name,
    no: i + 1,
    steps: parts,
    domain: domains[first.name],
    events: { ...stepEvents[first.name], passed: stepEvents[last.name].passed },
    last: i === all.length - 1,
    pivot: pivotSeenFrom(all, i),
    timeoutMs: parts.reduce((sum, step) => sum + stepTimeoutsMs[step.name], 0),
  };
}

export const oneTransaction = parseCut('vcbsp');
export const microTransactions = parseCut('vc-b-s-p');

/** Isolation levels as data. `minimal` relies on row locks and conditional changes; `seed` is what the seed asks for. */
export const isolationPresets: Readonly<Record<'minimal' | 'seed', Readonly<Record<Domain, Isolation>>>> = {
  minimal: { order: 'read committed', balance: 'read committed', product: 'read committed', payment: 'read committed' },
  seed: { order: 'read committed', balance: 'serializable', product: 'repeatable read', payment: 'read committed' },
};
