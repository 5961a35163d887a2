import type { Boundary, Cut } from '../../../domain/cuts.ts';
import type { Outcome, Saga, UndoOutcome } from '../../../eventdriven/saga/saga.ts';

/** One rule taken out of the model. The schedules are worth something only if they see it. */
export const modelMutants = [
  'receipts off',
  'undo without its receipt',
  'status fence off',
  'epoch off',
  'a late action finds neither status nor receipt',
  'compensation swallowed',
  'undo in the order of doing',
  'rescuer off',
  'fault taken for a refusal',
  'deadline after the pivot',
] as const;
export type ModelMutant = (typeof modelMutants)[number];

type Op = 'execute' | 'undo';
type Receipt = 'SUCCESS' | 'FAILED' | 'VOIDED' | 'COMPENSATED' | 'NOTHING';

interface State {
  status: 'RUNNING' | 'COMPENSATING' | 'COMPLETED' | 'COMPENSATED';
  epoch: number;
  owner: string | null;
  step: string;
  /** Its pivot has passed. */
  decided: boolean;
  /** It waits for another try, or nobody has it: a rescuer may claim it. */
  due: boolean;
  readonly receipts: Map<string, Receipt>;
  /** What was done and undone, in the order of the commits. */
  readonly effects: { readonly op: Op; readonly no: number }[];
}

export interface Answered {
  readonly out: Outcome | UndoOutcome;
  /** What the world may complain of: rules broken by this very answer. */
  readonly wrong?: string;
}

const facts = { due: 10, discount: 0, products: [1], qtys: [1] };

/**
 * The rules of `run_boundary`, `undo_boundary` and `rescue_sagas` on a Map: fence (epoch, owner, status), claim the receipt, act,
 * record, all at once as a transaction does. One user's money and one boundary that refuses make it possible to go wrong.
 */
export class ModelStore {
  readonly #sagas = new Map<number, State>();
  readonly #mutant: ModelMutant | undefined;
  readonly #refusing: ReadonlySet<number>;
  readonly #cut: Cut;

  /** `refusing`: numbers of the boundaries at which a rule says no. */
  constructor(cut: Cut, refusing: ReadonlySet<number>, mutant?: ModelMutant) {
    this.#cut = cut;
    this.#refusing = refusing;
    this.#mutant = mutant;
  }

  accept(sagaId: number): Saga {
    this.#sagas.set(sagaId, {
      ...{ status: 'RUNNING', epoch: 1, owner: null, step: 'accepted', decided: false, due: false },
      ...{ receipts: new Map(), effects: [] },
    });
    return { sagaId, orderId: sagaId, userId: 1, couponId: null, epoch: 1, version: 1 };
  }

  execute(boundary: Boundary, saga: Saga, worker: string | null): Answered {
    const state = this.#state(saga);
    const key = `execute ${boundary.name}`;
    const stale = saga.epoch !== state.epoch;
    if (!this.#isOpen(saga, state, worker, 'RUNNING')) {
      const receipt = state.receipts.get(key);
      if (receipt === 'SUCCESS')
        return { out: { outcome: 'already-done', facts, paymentId: this.#paymentOf(boundary) } };
      if (receipt === 'FAILED') return { out: { outcome: 'refused', code: 'STOCK_INSUFFICIENT', facts } };
      return { out: { outcome: 'fenced' } };
    }
    const receipt = state.receipts.get(key);
    if (receipt !== undefined && this.#mutant !== 'receipts off') {
      if (receipt === 'SUCCESS')
        return { out: { outcome: 'already-done', facts, paymentId: this.#paymentOf(boundary) } };
      return receipt === 'FAILED'
        ? { out: { outcome: 'refused', code: 'STOCK_INSUFFICIENT', facts } }
        : { out: { outcome: 'fenced' } };
    }
    const refused = boundary.pivot !== 0 && this.#refusing.has(boundary.no);
    state.receipts.set(key, refused ? 'FAILED' : 'SUCCESS');
    if (!refused) state.effects.push({ op: 'execute', no: boundary.no });
    Object.assign(state, { step: boundary.name, owner: worker, due: false });
    state.decided ||= boundary.pivot !== null && !refused;
    state.status = refused ? 'COMPENSATING' : boundary.last ? 'COMPLETED' : 'RUNNING';
    const out: Outcome = refused
      ? { outcome: 'refused', code: 'STOCK_INSUFFICIENT', facts }
      : { outcome: 'ok', facts, paymentId: this.#paymentOf(boundary) };
    return stale
      ? { out, wrong: `saga ${saga.sagaId}: a worker with epoch ${saga.epoch} wrote at ${state.epoch}` }
      : { out };
  }

  undo(boundary: Boundary, saga: Saga, worker: string | null): Answered {
    const state = this.#state(saga);
    const [key, action] = [`undo ${boundary.name}`, `execute ${boundary.name}`];
    const done = state.receipts.has(key);
    const code = 'STOCK_INSUFFICIENT' as const;
    const open = this.#isOpen(saga, state, worker, 'COMPENSATING');
    const fresh = open && (!done || this.#mutant === 'undo without its receipt');
    if (!fresh) return { out: { outcome: done ? 'already-done' : 'fenced', code } };
    const acted = state.receipts.get(action) === 'SUCCESS';
    state.receipts.set(key, acted ? 'COMPENSATED' : 'NOTHING');
    const claims = this.#mutant !== 'a late action finds neither status nor receipt';
    if (claims && !state.receipts.has(action)) state.receipts.set(action, 'VOIDED');
    // The pivot has no compensation: undone, it would stay done.
    if (acted && boundary.pivot === null) state.effects.push({ op: 'undo', no: boundary.no });
    Object.assign(state, { step: boundary.name, owner: worker, due: false });
    state.status = boundary.no === 1 ? 'COMPENSATED' : 'COMPENSATING';
    const stale = saga.epoch !== state.epoch;
    const out = { outcome: 'ok', code } as const;
    return stale
      ? { out, wrong: `saga ${saga.sagaId}: a worker with epoch ${saga.epoch} undid at ${state.epoch}` }
      : { out };
  }

  /** A worker puts a saga aside after a fault, unless it has lost it. */
  defer(saga: Saga): void {
    const state = this.#state(saga);
    if (saga.epoch === state.epoch && isOpen(state)) Object.assign(state, { due: true, owner: null });
  }

  /** A person turns it back and tells the worker that has it: the epoch stays. False when it no longer runs. */
  turn(sagaId: number, blindly = false): boolean {
    const state = this.#sagas.get(sagaId);
    if (state === undefined || !(mayTurn(state) || (blindly && isPaid(state)))) return false;
    state.status = 'COMPENSATING';
    return true;
  }

  /** The owner died, the wake-up call got lost, or the deadline passed: somebody may claim it. */
  abandon(sagaId: number): void {
    const state = this.#sagas.get(sagaId);
    if (state !== undefined && isOpen(state)) state.due = true;
  }

  /** As `rescue_sagas` claims; `expired` turns it back first if it still may. Null: not due. */
  claim(sagaId: number, worker: string | null, expired: boolean): { saga: Saga; back: boolean; step: string } | null {
    const state = this.#sagas.get(sagaId);
    if (state === undefined || this.#mutant === 'rescuer off') return null;
    const late = expired && (mayTurn(state) || (this.#mutant === 'deadline after the pivot' && isPaid(state)));
    if (!late && !(isOpen(state) && state.due)) return null;
    if (late) state.status = 'COMPENSATING';
    Object.assign(state, { epoch: state.epoch + 1, owner: worker, due: false });
    const saga = { sagaId, orderId: sagaId, userId: 1, couponId: null, epoch: state.epoch, version: 1, facts };
    return { saga, back: state.status === 'COMPENSATING', step: state.step };
  }

  open(): number[] {
    return [...this.#sagas].flatMap(([id, state]) => (isOpen(state) ? [id] : []));
  }

  /** What must be true when nothing is under way any more. */
  violations(): string[] {
    return [...this.#sagas].flatMap(([id, state]) => broken(state, this.#cut).map((rule) => `saga ${id}: ${rule}`));
  }

  #state(saga: Saga): State {
    return this.#sagas.get(saga.sagaId) as State;
  }

  #paymentOf(boundary: Boundary): number | null {
    return boundary.pivot === null || boundary.pivot === 0 ? null : 1;
  }

  #isOpen(saga: Saga, state: State, worker: string | null, wanted: State['status']): boolean {
    const blind = ['status fence off', 'a late action finds neither status nor receipt'] as readonly unknown[];
    const right = state.status === wanted || (wanted === 'RUNNING' && blind.includes(this.#mutant));
    if (this.#mutant === 'epoch off') return right;
    return right && saga.epoch === state.epoch && (worker === null || state.owner === null || state.owner === worker);
  }
}

const mayTurn = ({ status, decided }: State): boolean => status === 'RUNNING' && !decided;
const isPaid = ({ status, decided }: State): boolean => decided && (status === 'RUNNING' || status === 'COMPLETED');
const isOpen = ({ status }: State): boolean => status === 'RUNNING' || status === 'COMPENSATING';

function broken({ status, effects }: State, cut: Cut): string[] {
  const net = cut.map(({ no }) =>
    effects.reduce((sum, one) => (one.no === no ? sum + (one.op === 'execute' ? 1 : -1) : sum), 0),
  );
  const undone = effects.filter(({ op }) => op === 'undo').map(({ no }) => no);
  return [
    ...(status === 'RUNNING' || status === 'COMPENSATING' ? [`it is still ${status}`] : []),
    ...(net.some((n) => n !== 0 && n !== 1) ? [`an effect happened ${Math.max(...net)} times: ${net.join(' ')}`] : []),
    ...(status === 'COMPLETED' && net.some((n) => n !== 1) ? [`paid, and done ${net.join(' ')}`] : []),
    ...(status === 'COMPENSATED' && net.some((n) => n !== 0) ? [`refused, and left ${net.join(' ')}`] : []),
    ...(undone.some((no, i) => i > 0 && no >= (undone[i - 1] as number))
      ? [`undone in the order ${undone.join(' ')}`]
      : []),
  ];
}
