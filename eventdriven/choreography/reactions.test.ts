import { describe, expect, test } from '@jest/globals';
import { microTransactions, oneTransaction, parseCut } from '../../domain/cuts.ts';
import { requested } from '../saga/doorbell.ts';
import { reactionsOf, reactionTo, type Topic } from './reactions.ts';

const cuts = ['vcbsp', 'vc-b-s-p', 'vcb-sp', 'vc-bsp', 'vcb-s-p', 'vcbs-p'];

describe('the choreography of a cut', () => {
  test.each(cuts)('%s: every topic has exactly one who reacts, except those that end a payment', (notation) => {
    const cut = parseCut(notation);
    const reactions = reactionsOf(cut);
    const paid = cut.at(-1)?.events.passed;
    const [refused] = cut.map((boundary) => boundary.events.undone);
    const said = new Set<Topic>([
      requested,
      ...cut.flatMap(({ events }) => [events.passed, events.refused, events.undone]),
    ]);
    for (const topic of said) {
      const reacting = reactions.filter((reaction) => reaction.on.includes(topic));
      const final = topic === paid || topic === refused;
      expect([topic, reacting.length]).toEqual([topic, final ? 0 : 1]);
    }
  });

  test.each(cuts)('%s: nobody waits for a topic that nobody says', (notation) => {
    const cut = parseCut(notation);
    const said: readonly Topic[] = [
      requested,
      ...cut.flatMap(({ events }) => [events.passed, events.refused, events.undone]),
    ];
    for (const { on } of reactionsOf(cut)) expect(said).toEqual(expect.arrayContaining([...on]));
  });

  test('of the seed reads as its comment says', () => {
    const reactions = reactionsOf(microTransactions);
    const to = (topic: string) => {
      const reaction = reactionTo(reactions, topic);
      return reaction && `${reaction.domain} ${reaction.op} ${reaction.boundary.name}`;
    };
    expect(to('payment.requested')).toBe('order execute validateOrder');
    expect(to('order.validated')).toBe('balance execute deductBalance');
    expect(to('balance.deducted')).toBe('product execute confirmStock');
    expect(to('stock.confirmed')).toBe('payment execute createPayment');
    for (const refusal of ['order.rejected', 'balance.rejected', 'stock.rejected', 'payment.rejected']) {
      expect(to(refusal)).toBe('payment undo createPayment');
    }
    expect(to('payment.voided')).toBe('product undo confirmStock');
    expect(to('stock.released')).toBe('balance undo deductBalance');
    expect(to('balance.refunded')).toBe('order undo validateOrder');
    expect([to('payment.completed'), to('payment.failed'), to('somebody.sneezed')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('of one transaction has one who does it all, and who undoes it all', () => {
    expect(reactionsOf(oneTransaction).map(({ on, op }) => [on, op])).toEqual([
      [['payment.requested'], 'execute'],
      [['order.rejected'], 'undo'],
    ]);
  });
});
