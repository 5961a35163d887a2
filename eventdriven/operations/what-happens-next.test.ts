import { describe, expect, test } from '@jest/globals';
import type { Receipt, SagaState } from './saga-story-sql.ts';
import { whatHappensNext } from './what-happens-next.ts';

const now = new Date('2026-11-22T12:00:00Z');
const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1_000);
const boundaries = ['validateOrder', 'deductBalance', 'confirmStock', 'createPayment'];

const saga: SagaState = {
  ...{ sagaId: 7, orderId: 17, style: 'orchestration', version: 1, status: 'RUNNING', step: 'deductBalance', epoch: 2 },
  ...{ attempts: 0, failureCode: null, error: null, facts: null, owner: 'w1', ownerBeatAt: at(-0.3), workersAlive: 2 },
  ...{ inHandOf: 'w1', inHandBeatAt: at(-0.3) },
  ...{
    deadlineAt: at(40),
    nextRunAt: null,
    attentionAt: null,
    prunedAt: null,
    createdAt: at(-20),
    updatedAt: at(-3),
    now,
  },
};
const undone = (step: string): Receipt => ({
  ...{ step, no: 1, op: 'COMPENSATE', status: 'SUCCESS', output: null, error: null, at: now },
});
const next = (over: Partial<SagaState>, also: Partial<Parameters<typeof whatHappensNext>[0]> = {}): string =>
  whatHappensNext({ saga: { ...saga, ...over }, receipts: [], actions: [], boundaries, open: [], ...also }).join(' ');

describe('what happens next', () => {
  test.each<[string, Partial<SagaState>, RegExp]>([
    [
      'with which boundary it goes on, until when',
      {},
      /^It goes on with confirmStock\. If it is not paid within 40\.0 s, it turns back\./,
    ],
    ['that nothing ran yet', { step: 'accepted' }, /goes on with validateOrder/],
    ['that it is without deadline', { deadlineAt: null }, /it has no deadline/],
    [
      'that its deadline has passed',
      { deadlineAt: at(-90) },
      /would go on with confirmStock, but its deadline passed 90 s ago: it turns back/,
    ],
    [
      'who has it in hand',
      {},
      /Worker w1 has it in hand and was heard of 0\.3 s ago; the saga did not move for 3\.0 s\. `retry` takes it away/,
    ],
    [
      'in whose hand one is that nobody owns, between two boundaries',
      { owner: null, ownerBeatAt: null, inHandOf: 'w2', inHandBeatAt: at(-0.1) },
      /Worker w2 has it in hand and was heard of 0\.1 s ago; the saga did not move for 3\.0 s\./,
    ],
    [
      'that its owner does not say it has it in hand',
      { inHandOf: null, inHandBeatAt: null },
      /Worker w1 owns it and was/,
    ],
    [
      'that another is asked while its owner is silent',
      { ownerBeatAt: at(-5), inHandOf: 'w2' },
      /w1 owns it and is silent/,
    ],
    [
      'that its worker is silent',
      { ownerBeatAt: at(-5) },
      /Worker w1 owns it and is silent since 5\.0 s: another takes it up/,
    ],
    ['that nobody ever heard of its worker', { ownerBeatAt: null }, /w1 owns it and was never heard of/],
    [
      'that nobody has it',
      { owner: null, ownerBeatAt: null, inHandOf: null, inHandBeatAt: null },
      /Nobody has it in hand and it did not move for 3\.0 s/,
    ],
    [
      'when it is tried again',
      { nextRunAt: at(12), owner: null },
      /next try is due in 12\.0 s, at 2026-11-22T12:00:12\.000Z/,
    ],
    ['that a try is due', { nextRunAt: at(-1) }, /next try is due: a worker takes it up within a second/],
    [
      'that no worker is there to do it',
      { workersAlive: 0, nextRunAt: at(-1) },
      /^It goes on .* No worker of the orchestration was heard of within 2\.0 s/,
    ],
    ['that it is paid', { status: 'COMPLETED' }, /^Nothing: the order is paid\.$/],
    ['that its receipts are gone', { status: 'COMPLETED', prunedAt: at(-1) }, /deleted at 2026-11-22T11:59:59/],
    [
      'how it was refused',
      { status: 'COMPENSATED', failureCode: 'STOCK_INSUFFICIENT' },
      /^Nothing: .* ended STOCK_INSUFFICIENT\.$/,
    ],
  ])('says %s', (_what, over, text) => {
    expect(next(over)).toMatch(text);
  });

  test('says what is undone next, and how it will end', () => {
    const back = { status: 'COMPENSATING', failureCode: 'STOCK_INSUFFICIENT' } as const;
    expect(next(back)).toMatch(/undoes createPayment next.*the order then ends STOCK_INSUFFICIENT/);
    const receipts = [undone('createPayment'), undone('confirmStock')];
    expect(next(back, { receipts })).toMatch(/undoes deductBalance next/);
  });

  test('says that a version is for other workers', () => {
    expect(next({ version: 9 }, { boundaries: undefined })).toMatch(/do not know version 9/);
  });

  test('says who gave it up, which way it would go on, and what is open', () => {
    const skipped = { at: at(-60), actor: 'kim', command: 'sagas skip', reason: 'by hand', refused: null };
    const again = { ...skipped, actor: 'lee', refused: 'GIVEN_UP' };
    const text = next({ status: 'FAILED' }, { actions: [skipped, again], open: ['300 won were debited'] });
    expect(text).toBe(
      'Nothing by itself: it was given up by kim at 2026-11-22T11:59:00.000Z (by hand). `retry` takes it up again, on its way forward. Left open: 300 won were debited.',
    );
    expect(next({ status: 'FAILED', failureCode: 'PAYMENT_FAILED' })).toMatch(/given up\. .*on its way back/);
  });
});
