import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Cut, isolationPresets, microTransactions, oneTransaction, parseCut } from './cuts.ts';
import { engines } from './engines.ts';
import { steps } from './steps.ts';

/** All eight cuts: each gap has a hyphen or not, but for the first. */
const everyCut = Array.from({ length: 8 }, (_, bits) =>
  steps.map((step, i) => (i > 1 && bits & (1 << (i - 2)) ? `-${step.letter}` : step.letter)).join(''),
);

const namesOf = (cut: Cut) => cut.flatMap((boundary) => boundary.steps.map((step) => step.name));

describe('a cut', () => {
  test.each(everyCut)('%s flattens to the same five steps', (notation) => {
    const cut = parseCut(notation);
    expect(namesOf(cut)).toEqual(steps.map((step) => step.name));
    expect(cut.map((boundary) => boundary.no)).toEqual(cut.map((_, i) => i + 1));
    expect(cut.filter((boundary) => boundary.last)).toEqual([cut.at(-1)]);
    expect(cut.filter((boundary) => boundary.pivot !== null)).toEqual([cut.at(-1)]);
    expect(new Set(cut.map((boundary) => boundary.name)).size).toBe(cut.length);
    expect(cut.reduce((ms, boundary) => ms + boundary.timeoutMs, 0)).toBe(10_000);
  });

  test.each([
    '',
    'v-c-b-s-p',
    'v-cbsp',
    'vcbs',
    'vcbspp',
    'cvbsp',
    'vc--b-s-p',
    '-vcbsp',
    'vcbsp-',
    'vc b s p',
    'VC-B-S-P',
    'x',
  ])("'%s' is not a cut", (notation) => {
    expect(() => parseCut(notation)).toThrow(TypeError);
  });

  test('of any other letters is turned away', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !everyCut.includes(text)),
        (text) => {
          expect(() => parseCut(text)).toThrow(TypeError);
        },
      ),
    );
  });

  test('is the seed’s four micro-transactions with its time-outs', () => {
    expect(microTransactions.map(({ name, domain, timeoutMs }) => [name, domain, timeoutMs])).toEqual([
      ['validateOrder', 'order', 3_000],
      ['deductBalance', 'balance', 2_000],
      ['confirmStock', 'product', 2_000],
      ['createPayment', 'payment', 3_000],
    ]);
    expect(oneTransaction).toHaveLength(1);
  });

  test('speaks through its first step, and on success through its last', () => {
    expect(parseCut('vcb-sp').map((boundary) => boundary.events)).toEqual([
      { passed: 'balance.deducted', refused: 'order.rejected', undone: 'payment.failed' },
      { passed: 'payment.completed', refused: 'stock.rejected', undone: 'stock.released' },
    ]);
  });

  test('of every engine can be read', () => {
    for (const engine of engines) expect(namesOf(parseCut(engine.cut))).toHaveLength(5);
    expect(isolationPresets.seed).toMatchObject({ balance: 'serializable', product: 'repeatable read' });
  });
});
