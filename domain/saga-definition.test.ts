import { describe, expect, test } from '@jest/globals';
import { microTransactions } from './cuts.ts';
import { DefinitionError, defineSaga, pivotSeenFrom, type SagaOutline, type SagaStep } from './saga-definition.ts';
import { currentDefinition, paymentDefinitions } from './saga-definitions.ts';
import { steps } from './steps.ts';

const catalogue: readonly SagaStep[] = [
  { name: 'reserve', kind: 'compensatable', compensation: 'release' },
  { name: 'debit', kind: 'compensatable', compensation: 'refund' },
  { name: 'decide', kind: 'pivot', compensation: null },
  { name: 'decideAgain', kind: 'pivot', compensation: null },
  { name: 'tell', kind: 'retriable', compensation: null },
  { name: 'forgetful', kind: 'compensatable', compensation: null },
  { name: 'undoablePivot', kind: 'pivot', compensation: 'undecide' },
  { name: 'undoableLater', kind: 'retriable', compensation: 'untell' },
];
const define = (boundaries: SagaOutline['boundaries'], more: Partial<SagaOutline> = {}) =>
  defineSaga({ type: 'refund', version: 3, boundaries, ...more }, catalogue);

describe('a saga is defined', () => {
  test.each<[string, SagaOutline['boundaries']]>([
    ['by a pivot alone', [['decide']]],
    ['by compensatable steps and a pivot', [['reserve'], ['debit'], ['decide']]],
    ['with retriable steps after the pivot', [['reserve'], ['decide'], ['tell']]],
    ['with all of it in one boundary', [['reserve', 'debit', 'decide', 'tell']]],
  ])('%s', (_, boundaries) => {
    const saga = define(boundaries);
    expect(saga).toMatchObject({ type: 'refund', version: 3 });
    expect(saga.boundaries.map((steps) => steps.map(({ name }) => name))).toEqual(boundaries);
  });

  test.each<[string, SagaOutline['boundaries'], RegExp]>([
    ['two pivots', [['decide'], ['decideAgain']], /2 pivots, 'decide' and 'decideAgain'/],
    ['no pivot', [['reserve'], ['debit']], /no pivot/],
    ['no step at all', [], /no pivot/],
    ['a compensatable step without compensation', [['forgetful'], ['decide']], /'forgetful' has no compensation/],
    ['the same, and no pivot', [['forgetful']], /no pivot.*'forgetful' has no compensation/],
    ['a compensatable step after the pivot', [['decide'], ['debit']], /'debit' comes after the pivot/],
    ['the same within a boundary', [['decide', 'debit']], /'debit' comes after the pivot/],
    ['a retriable step before the pivot', [['tell'], ['decide']], /'tell' comes before the pivot/],
    ['a pivot with a compensation', [['undoablePivot']], /pivot step 'undoablePivot' has a compensation/],
    ['a retriable step with one', [['decide'], ['undoableLater']], /'undoableLater' has a compensation/],
    ['a step nobody knows', [['reserve'], ['pay'], ['decide']], /there is no step 'pay'/],
    ['a step twice', [['reserve'], ['reserve'], ['decide']], /'reserve' is in it twice/],
    ['a boundary without steps', [['reserve'], [], ['decide']], /boundary 2 has no step/],
  ])('but not with %s', (_, boundaries, message) => {
    expect(() => define(boundaries)).toThrow(DefinitionError);
    expect(() => define(boundaries)).toThrow(message);
    expect(() => define(boundaries)).toThrow(/^saga 'refund' version 3: /);
  });

  test.each([0, -1, 1.5, Number.NaN])('but not as version %d', (version) => {
    expect(() => define([['decide']], { version })).toThrow(/version is not a whole number/);
  });

  test('with every fault named at once', () => {
    expect(() => define([['forgetful'], ['pay'], ['decide'], ['decideAgain']], { type: '' })).toThrow(
      /no type; there is no step 'pay'; it has 2 pivots.*'forgetful' has no compensation/,
    );
  });
});

describe('from a boundary of a saga, the pivot', () => {
  const seenFrom = (boundaries: SagaOutline['boundaries']) =>
    boundaries.map((_, i) => pivotSeenFrom(define(boundaries).boundaries, i));

  test.each<[string, SagaOutline['boundaries'], readonly (number | null)[]]>([
    ['lies ahead, then is among the steps, then behind', [['reserve'], ['decide'], ['tell']], [null, 1, 0]],
    ['is found by its place', [['reserve', 'debit', 'decide', 'tell']], [3]],
  ])('%s', (_, boundaries, seen) => {
    expect(seenFrom(boundaries)).toEqual(seen);
  });
});

describe('the payment’s saga', () => {
  test('has four steps that can be undone and then its pivot', () => {
    expect(steps.map(({ kind }) => kind)).toEqual([...Array<string>(4).fill('compensatable'), 'pivot']);
  });

  test('has a version for each cut, numbered from 1 without a gap', () => {
    expect(paymentDefinitions.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(paymentDefinitions.map(({ notation }) => notation)).size).toBe(8);
  });

  // The numbers stand in databases: this table may only grow.
  test.each([
    [1, 'vc-b-s-p'],
    [2, 'vcbsp'],
    [3, 'vc-bsp'],
    [4, 'vcb-sp'],
    [5, 'vcbs-p'],
    [6, 'vc-b-sp'],
    [7, 'vc-bs-p'],
    [8, 'vcb-s-p'],
  ])('is cut in version %d as %s', (version, notation) => {
    expect(paymentDefinitions[version - 1]).toMatchObject({ version, notation });
    expect(currentDefinition(notation).version).toBe(version);
  });

  test('is current in its first version, unless another cut is asked for', () => {
    expect(currentDefinition()).toMatchObject({ version: 1, cut: microTransactions });
    expect(() => currentDefinition('vcbsp', paymentDefinitions.slice(0, 1))).toThrow(/no version .* cut vcbsp/);
  });
});
