import { describe, expect, test } from '@jest/globals';
import { microTransactions } from '../../domain/cuts.ts';
import type { RefusalCode } from '../../domain/errors.ts';
import type { Lane } from '../saga/lane.ts';
import type { Outcome, Saga, UndoOutcome } from '../saga/saga.ts';
import { goBack, goForward } from './orchestrator.ts';

const saga: Saga = { sagaId: 1, orderId: 2, userId: 3, couponId: null, epoch: 4, version: 1 };
const facts = { due: 50, discount: 0, products: [7], qtys: [1] };
const passed = (paymentId: number | null = null): Outcome => ({ outcome: 'ok', facts, paymentId });
const refused = (code: RefusalCode): Outcome => ({ outcome: 'refused', code, facts });
const undone: UndoOutcome = { outcome: 'ok', code: 'STOCK_INSUFFICIENT' };

/** Four lanes that give these answers, and a diary of what they were asked. */
function walking(answers: readonly (Outcome | Error)[], undos: readonly (UndoOutcome | Error)[] = []) {
  const diary: string[] = [];
  const given: Saga[] = [];
  const answer = <T>(what: T | Error = new Error('nobody should have asked')): Promise<T> =>
    what instanceof Error ? Promise.reject(what) : Promise.resolve(what);
  const lanes = microTransactions.map((boundary, i): Lane => ({
    boundary,
    execute: (one) => {
      diary.push(boundary.name);
      given.push(one);
      return answer(answers[i]);
    },
    undo: () => {
      diary.push(`undo ${boundary.name}`);
      return answer(undos[i] ?? undone);
    },
    drained: async () => undefined,
  }));
  return { lanes, diary, given };
}

const forward = ['validateOrder', 'deductBalance', 'confirmStock', 'createPayment'];
const backward = [...forward].reverse().map((name) => `undo ${name}`);

describe('an orchestrator going forward', () => {
  test('passes every boundary in order and ends paid, with what the first boundary found out', async () => {
    const { lanes, diary, given } = walking([passed(), passed(), passed(), passed(99)]);
    const end = await goForward(lanes, saga, 0);
    expect(end).toEqual({ kind: 'paid', sagaId: 1, orderId: 2, paymentId: 99, amount: 50 });
    expect(diary).toEqual(forward);
    expect(given.map((one) => one.facts)).toEqual([undefined, facts, facts, facts]);
  });

  test('goes on where the saga was left, and takes a receipt for an answer', async () => {
    const again: Outcome = { outcome: 'already-done', facts, paymentId: 99 };
    const { lanes, diary } = walking([passed(), passed(), passed(), again]);
    expect(await goForward(lanes, { ...saga, facts }, 2)).toMatchObject({ kind: 'paid', paymentId: 99 });
    expect(diary).toEqual(['confirmStock', 'createPayment']);
  });

  test.each([0, 1, 2, 3])('turns back when boundary %d refuses, and undoes all of them, last first', async (at) => {
    const { lanes, diary } = walking(forward.map((_, i) => (i === at ? refused('STOCK_INSUFFICIENT') : passed())));
    const end = await goForward(lanes, saga, 0);
    expect(end).toEqual({ kind: 'refused', sagaId: 1, orderId: 2, code: 'STOCK_INSUFFICIENT' });
    expect(diary).toEqual([...forward.slice(0, at + 1), ...backward]);
  });

  test.each(['fenced', 'busy'] as const)('lets go when it is told %s', async (outcome) => {
    const { lanes, diary } = walking([passed(), { outcome }]);
    expect(await goForward(lanes, saga, 0)).toBeNull();
    expect(diary).toEqual(forward.slice(0, 2));
  });

  test('does not call it paid when nobody saw a payment', async () => {
    const { lanes } = walking([passed(), passed(), passed(), passed(null)]);
    expect(await goForward(lanes, saga, 0)).toBeNull();
    expect(await goForward(lanes, saga, 4)).toBeNull();
  });

  test('compensates nothing on a fault: it may have taken effect', async () => {
    const { lanes, diary } = walking([passed(), new Error('connection lost')]);
    await expect(goForward(lanes, saga, 0)).rejects.toThrow('connection lost');
    expect(diary).toEqual(forward.slice(0, 2));
  });
});

describe('an orchestrator going back', () => {
  const refusedEnd = (code: RefusalCode) => ({ kind: 'refused', sagaId: 1, orderId: 2, code });

  test('tells the refusal that the saga remembers, even when it was not told itself', async () => {
    const { lanes, diary } = walking([]);
    expect(await goBack(lanes, saga, null)).toEqual(refusedEnd('STOCK_INSUFFICIENT'));
    expect(diary).toEqual(backward);
  });

  test('tells its own when the saga remembers none, and PAYMENT_FAILED when nobody knows', async () => {
    const silent: UndoOutcome = { outcome: 'already-done', code: null };
    const { lanes } = walking([], [silent, silent, silent, silent]);
    expect(await goBack(lanes, saga, 'BALANCE_INSUFFICIENT')).toEqual(refusedEnd('BALANCE_INSUFFICIENT'));
    expect(await goBack(lanes, saga, null)).toEqual(refusedEnd('PAYMENT_FAILED'));
  });

  test('lets go when it is fenced, and stops at a fault', async () => {
    const { lanes, diary } = walking([], [undone, undone, { outcome: 'fenced', code: null }, undone]);
    expect(await goBack(lanes, saga, null)).toBeNull();
    expect(diary).toEqual(backward.slice(0, 2));
    await expect(goBack(walking([], [undone, new Error('lost')]).lanes, saga, null)).rejects.toThrow('lost');
  });
});
