import { silentMs } from '../saga/rescuer.ts';
import type { PastAction, Receipt, SagaState } from './saga-story-sql.ts';

export interface Standing {
  readonly saga: SagaState;
  readonly receipts: readonly Receipt[];
  readonly actions: readonly PastAction[];
  /** Of its version, in order; undefined when these sources do not know that version. */
  readonly boundaries: readonly string[] | undefined;
  /** What the books hold for its order, in words. */
  readonly open: readonly string[];
}

/** Says what a saga will do by itself, and when, in sentences; and what nobody but a person will do. */
export function whatHappensNext(standing: Standing): string[] {
  const { saga, open } = standing;
  switch (saga.status) {
    case 'COMPLETED':
      return [`Nothing: the order is paid.${prunedText(saga)}`];
    case 'COMPENSATED':
      return [`Nothing: all of it is undone, the order ended ${saga.failureCode ?? ''}.${prunedText(saga)}`];
    case 'FAILED':
      return [givenUpText(standing), ...open.map((line) => `Left open: ${line}.`)];
    case 'RUNNING':
    case 'COMPENSATING':
      return [directionText(standing), turnText(standing)];
  }
}

const prunedText = ({ prunedAt }: SagaState): string =>
  prunedAt === null ? '' : ` Its receipts were deleted at ${prunedAt.toISOString()}, long after its end.`;

function givenUpText({ saga, actions }: Standing): string {
  const last = actions.findLast(({ command, refused }) => command === 'sagas skip' && refused === null);
  const who = last === undefined ? '' : ` by ${last.actor} at ${last.at.toISOString()} (${last.reason})`;
  const way = saga.failureCode === null ? 'forward' : 'back';
  return `Nothing by itself: it was given up${who}. \`retry\` takes it up again, on its way ${way}.`;
}

function directionText({ saga, receipts, boundaries }: Standing): string {
  if (boundaries === undefined) {
    return `These sources do not know version ${saga.version} of its definition; a worker that does goes on with it.`;
  }
  if (saga.status === 'COMPENSATING') {
    const undone = new Set(receipts.filter(({ op }) => op === 'COMPENSATE').map(({ step }) => step));
    const next = boundaries.findLast((name) => !undone.has(name)) ?? 'its end';
    return `It is on its way back and undoes ${next} next. Undoing is tried until it succeeds; the order then ends ${saga.failureCode ?? 'PAYMENT_FAILED'}.`;
  }
  const next = boundaries[boundaries.indexOf(saga.step) + 1] ?? 'its end';
  const leftMs = saga.deadlineAt === null ? undefined : untilMs(saga, saga.deadlineAt);
  if (leftMs === undefined) return `It goes on with ${next}; it has no deadline.`;
  if (leftMs <= 0)
    return `It would go on with ${next}, but its deadline passed ${seconds(-leftMs)} ago: it turns back.`;
  return `It goes on with ${next}. If it is not paid within ${seconds(leftMs)}, it turns back.`;
}

/** Whose turn it is: the first reason that applies, in the order in which a rescuer asks. */
function turnText({ saga }: Standing): string {
  const { style, nextRunAt, workersAlive } = saga;
  if (workersAlive === 0) {
    return `No worker of the ${style} was heard of within ${seconds(silentMs)}: nothing happens until one is started.`;
  }
  if (nextRunAt !== null) {
    const waitMs = untilMs(saga, nextRunAt);
    return waitMs > 0
      ? `Its next try is due in ${seconds(waitMs)}, at ${nextRunAt.toISOString()}; \`retry\` makes it due at once.`
      : 'Its next try is due: a worker takes it up within a second.';
  }
  return handText(saga);
}

/** Between two boundaries nobody owns a saga, yet a worker may have it in hand: it waits its turn there, or hangs there. */
function handText(saga: SagaState): string {
  const { owner, ownerBeatAt, inHandOf } = saga;
  const unmoved = `did not move for ${seconds(-untilMs(saga, saga.updatedAt))}`;
  if (owner === null && inHandOf === null) {
    return `Nobody has it in hand and it ${unmoved}: a worker that hears of it, or sweeps, takes it up.`;
  }
  const heardAt = owner === null ? saga.inHandBeatAt : ownerBeatAt;
  const quietMs = heardAt === null ? undefined : -untilMs(saga, heardAt);
  if (owner !== null && (quietMs === undefined || quietMs > silentMs)) {
    const quiet = quietMs === undefined ? 'was never heard of' : `is silent since ${seconds(quietMs)}`;
    return `Worker ${owner} owns it and ${quiet}: another takes it up within a second.`;
  }
  const worker = owner ?? inHandOf ?? '';
  const holds = inHandOf === worker ? 'has it in hand' : 'owns it';
  return `Worker ${worker} ${holds} and was heard of ${seconds(quietMs ?? 0)} ago; the saga ${unmoved}. \`retry\` takes it away from that worker.`;
}

const untilMs = ({ now }: SagaState, at: Date): number => at.getTime() - now.getTime();

const seconds = (ms: number): string => `${(Math.max(0, ms) / 1_000).toFixed(ms < 60_000 ? 1 : 0)} s`;
