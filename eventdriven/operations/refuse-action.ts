import type { SagaStatus } from './find-sagas.ts';
import type { LockedSaga } from './settle-saga-sql.ts';

export const sagaActions = ['retry', 'compensate', 'skip'] as const;
export type SagaAction = (typeof sagaActions)[number];

/** Why an action is refused: its code is stable, its message is for people. */
export interface ActionRefusal {
  readonly code: 'FINAL' | 'PAST_PIVOT' | 'TURNING_BACK' | 'GIVEN_UP' | 'CLOSED_BY_HAND' | 'NEEDS_NOBODY';
  readonly message: string;
}

/** From this age on a saga may be given up though it does not ask for a person. Its worker may hang without a fault. */
const giveUpAfterMs = 600_000;

const paid: ActionRefusal = { code: 'FINAL', message: 'it is COMPLETED: the order is paid' };
const pastPivot: ActionRefusal = {
  code: 'PAST_PIVOT',
  message: 'its pivot has committed: from there it only goes forward; `retry` makes its next try due at once',
};
const undone: ActionRefusal = {
  code: 'FINAL',
  message: 'it is COMPENSATED: all of it is undone, the order is refused',
};

const refusals: Readonly<Record<SagaAction, Partial<Record<SagaStatus, ActionRefusal>>>> = {
  retry: { COMPLETED: paid, COMPENSATED: undone },
  compensate: {
    COMPLETED: {
      code: 'PAST_PIVOT',
      message: 'it is COMPLETED: its pivot has committed, the order is paid, and nothing undoes that',
    },
    COMPENSATED: undone,
    COMPENSATING: {
      code: 'TURNING_BACK',
      message: 'it is on its way back already; `retry` makes its next try due at once',
    },
    FAILED: { code: 'GIVEN_UP', message: 'it was given up; `retry` takes it up again' },
  },
  skip: {
    COMPLETED: paid,
    COMPENSATED: undone,
    FAILED: { code: 'GIVEN_UP', message: 'it was given up before; `retry` takes it up again' },
  },
};

/** Undefined: nothing speaks against it. */
export const refusalOf = (action: SagaAction, saga: LockedSaga): ActionRefusal | undefined =>
  refusals[action][saga.mark.status] ?? otherwise[action](saga);

const otherwise: Readonly<Record<SagaAction, (saga: LockedSaga) => ActionRefusal | undefined>> = {
  retry: ofClosedBooks,
  compensate: ({ decided }) => (decided ? pastPivot : undefined),
  skip: ofNeed,
};

function ofNeed({ mark, ageMs }: LockedSaga): ActionRefusal | undefined {
  if (mark.attentionAt !== null || ageMs >= giveUpAfterMs) return undefined;
  return {
    code: 'NEEDS_NOBODY',
    message: `it does not ask for a person and is ${Math.floor(ageMs / 1_000)} s old: it may be given up when it does, or after ${giveUpAfterMs / 60_000} minutes`,
  };
}

/** Somebody wrote the undo by hand: the saga's own would refund a second time. */
function ofClosedBooks({ mark, orderStatus, decided }: LockedSaga): ActionRefusal | undefined {
  if (mark.status !== 'FAILED' || decided || orderStatus === 'PENDING' || orderStatus === 'PAYING') return undefined;
  return {
    code: 'CLOSED_BY_HAND',
    message: `it was given up, and its order is ${orderStatus} since: nothing is left to do`,
  };
}
