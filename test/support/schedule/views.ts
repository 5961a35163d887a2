import type { Outcome, Saga, UndoOutcome } from '../../../eventdriven/saga/saga.ts';
import type { RescuedSaga } from '../../../eventdriven/saga/rescue-sql.ts';
import { microTransactions } from '../../../domain/cuts.ts';
import type { Message } from './message.ts';

const lastAt = microTransactions.length - 1;

/** What one worker believes about one saga. It may be wrong: that is the point. */
export interface View {
  saga: Saga;
  /** The boundary to do next, or to undo next. */
  at: number;
  back: boolean;
  stopped: boolean;
}

export type Views = Map<number, View>;

export const viewsOf = (sagas: readonly Saga[]): Views =>
  new Map(sagas.map((saga) => [saga.sagaId, { saga, at: 0, back: false, stopped: false }]));

export function turn(view: View): void {
  Object.assign(view, { back: true, at: lastAt });
}

export function takeOver(views: Views, { saga, status, currentStep }: RescuedSaga): void {
  const back = status === 'COMPENSATING';
  const done = microTransactions.findIndex((boundary) => boundary.name === currentStep);
  views.set(saga.sagaId, { saga, at: back ? lastAt : done + 1, back, stopped: false });
}

/** A worker draws its conclusions from an answer. */
export function learn(view: View, { op, at }: Message, out: Outcome | UndoOutcome | undefined): void {
  if (out === undefined || out.outcome === 'busy') return;
  if (out.outcome === 'fenced') view.stopped = true;
  else if (op === 'undo') {
    view.at = Math.min(view.at, at - 1);
    view.stopped ||= view.at < 0;
  } else if ('facts' in out && !view.back) {
    view.saga = { ...view.saga, facts: out.facts };
    if (out.outcome === 'refused') turn(view);
    else {
      view.at = Math.max(view.at, at + 1);
      view.stopped ||= view.at > lastAt;
    }
  }
}
