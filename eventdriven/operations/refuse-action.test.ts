import { describe, expect, test } from '@jest/globals';
import { type SagaStatus, sagaStatuses } from './find-sagas.ts';
import { refusalOf, type SagaAction, sagaActions } from './refuse-action.ts';

const codeOf = (
  action: SagaAction,
  status: SagaStatus,
  {
    ageMs = 0,
    attentionAt = new Date(),
    orderStatus = 'PAYING',
    decided = false,
  }: { ageMs?: number; attentionAt?: Date | null; orderStatus?: string; decided?: boolean } = {},
) =>
  refusalOf(action, {
    orderId: 1,
    orderStatus,
    ageMs,
    decided,
    mark: {
      ...{ status, step: 'accepted', epoch: 1, owner: null, attempts: 0, failureCode: null, error: null },
      ...{ nextRunAt: null, attentionAt },
    },
  })?.code;

describe('an action', () => {
  test('is refused or not by the status it finds', () => {
    const table = sagaActions.map((action) => sagaStatuses.map((status) => codeOf(action, status) ?? 'ok'));
    // prettier-ignore
    expect(table).toEqual([
      // RUNNING, COMPENSATING,   COMPLETED,    COMPENSATED, FAILED
      ['ok',      'ok',           'FINAL',      'FINAL',     'ok'],       // retry
      ['ok',      'TURNING_BACK', 'PAST_PIVOT', 'FINAL',     'GIVEN_UP'], // compensate
      ['ok',      'ok',           'FINAL',      'FINAL',     'GIVEN_UP'], // skip
    ]);
  });

  test('of giving up is refused while a saga is young and asks for nobody', () => {
    expect(codeOf('skip', 'RUNNING', { attentionAt: null, ageMs: 599_999 })).toBe('NEEDS_NOBODY');
    expect(codeOf('skip', 'COMPENSATING', { attentionAt: null, ageMs: 600_000 })).toBeUndefined();
    expect(codeOf('retry', 'RUNNING', { attentionAt: null })).toBeUndefined();
  });

  test('takes nothing up again whose books somebody has closed: it would refund twice', () => {
    expect(codeOf('retry', 'FAILED', { orderStatus: 'PENDING' })).toBeUndefined();
    expect(codeOf('retry', 'FAILED', { orderStatus: 'PAYMENT_FAILED' })).toBe('CLOSED_BY_HAND');
  });

  test('never turns back what is decided; given up and paid, that is taken up again, as it only goes forward', () => {
    expect(codeOf('compensate', 'RUNNING', { orderStatus: 'PAID', decided: true })).toBe('PAST_PIVOT');
    expect(codeOf('retry', 'RUNNING', { orderStatus: 'PAID', decided: true })).toBeUndefined();
    expect(codeOf('retry', 'FAILED', { orderStatus: 'PAID', decided: true })).toBeUndefined();
  });
});
