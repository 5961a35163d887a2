import { describe, expect, test } from '@jest/globals';
import { type Boundary, microTransactions } from '../../domain/cuts.ts';
import { requested } from '../saga/doorbell.ts';
import type { Lane } from '../saga/lane.ts';
import type { Outcome, Saga, UndoOutcome } from '../saga/saga.ts';
import { type Reaction, reactionsOf, reactionTo, type Topic } from './reactions.ts';
import { react, type Said } from './reactor.ts';

const saga: Saga = { sagaId: 1, orderId: 2, userId: 3, couponId: null, epoch: 4, version: 1 };
const facts = { due: 50, discount: 0, products: [7], qtys: [1] };
const reactions = reactionsOf(microTransactions);

function laneOf(boundary: Boundary, out: Outcome, undone: UndoOutcome = { outcome: 'ok', code: null }): Lane {
  return { boundary, execute: async () => out, undo: async () => undone, drained: async () => undefined };
}

const hear = (topic: Topic, out: Outcome, undone?: UndoOutcome): Promise<Said | null> => {
  const reaction = reactionTo(reactions, topic) as Reaction;
  return react(reaction, laneOf(reaction.boundary, out, undone), saga);
};

const passed: Outcome = { outcome: 'ok', facts, paymentId: null };
const known = { ...saga, facts };

describe('a domain that hears', () => {
  test('its predecessor’s success says its own, with what is known by then', async () => {
    expect(await hear(requested, passed)).toEqual({ topic: 'order.validated', saga: known, end: null });
    expect(await hear('balance.deducted', passed)).toEqual({ topic: 'stock.confirmed', saga: known, end: null });
  });

  test('it a second time says the same again: the next may have missed it', async () => {
    const again: Outcome = { outcome: 'already-done', facts, paymentId: null };
    expect(await hear('order.validated', again)).toEqual({ topic: 'balance.deducted', saga: known, end: null });
  });

  test('the last success ends the payment, once the payment has a number', async () => {
    const end = { kind: 'paid', sagaId: 1, orderId: 2, paymentId: 99, amount: 50 };
    expect(await hear('stock.confirmed', { ...passed, paymentId: 99 })).toEqual({
      topic: 'payment.completed',
      saga: known,
      end,
    });
    expect(await hear('stock.confirmed', passed)).toMatchObject({ end: null });
  });

  test('and has to refuse says so, and does not end the payment yet', async () => {
    const refused: Outcome = { outcome: 'refused', code: 'BALANCE_INSUFFICIENT', facts };
    expect(await hear('order.validated', refused)).toEqual({ topic: 'balance.rejected', saga: known, end: null });
  });

  test.each(['fenced', 'busy'] as const)('and is told %s says nothing', async (outcome) => {
    expect(await hear('order.validated', { outcome })).toBeNull();
  });

  test('its successor’s undo undoes, and says so', async () => {
    expect(await hear('payment.voided', passed)).toEqual({ topic: 'stock.released', saga, end: null });
    expect(await hear('payment.voided', passed, { outcome: 'fenced', code: null })).toBeNull();
  });

  test('the last undo ends the payment with the refusal that the saga remembers', async () => {
    const end = { kind: 'refused', sagaId: 1, orderId: 2, code: 'STOCK_INSUFFICIENT' };
    const undone: UndoOutcome = { outcome: 'already-done', code: 'STOCK_INSUFFICIENT' };
    expect(await hear('balance.refunded', passed, undone)).toEqual({ topic: 'payment.failed', saga, end });
    expect(await hear('balance.refunded', passed)).toMatchObject({ end: { code: 'PAYMENT_FAILED' } });
  });
});

describe('the whole choreography', () => {
  /** Follows the topics from the first until one ends the payment. */
  async function play(refusing?: string): Promise<string[]> {
    const heard: string[] = [];
    let topic: Topic = requested;
    for (let turn = 0; turn < 20; turn++) {
      heard.push(topic);
      const reaction = reactionTo(reactions, topic);
      if (reaction === undefined) return heard;
      const refuse = reaction.boundary.name === refusing;
      const out: Outcome = refuse
        ? { outcome: 'refused', code: 'PAYMENT_FAILED', facts }
        : { outcome: 'ok', facts, paymentId: 9 };
      const said = await react(reaction, laneOf(reaction.boundary, out), saga);
      topic = (said as Said).topic;
    }
    return heard;
  }

  test('pays in four reactions', async () => {
    const topics = [requested, 'order.validated', 'balance.deducted', 'stock.confirmed', 'payment.completed'];
    expect(await play()).toEqual(topics);
  });

  test.each(['validateOrder', 'deductBalance', 'confirmStock', 'createPayment'])(
    'undoes every boundary when %s refuses',
    async (refusing) => {
      const undos = ['payment.voided', 'stock.released', 'balance.refunded', 'payment.failed'];
      expect((await play(refusing)).slice(-4)).toEqual(undos);
    },
  );
});
