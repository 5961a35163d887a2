import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { factsLiteral } from './boundary-sql.ts';
import { pack, unpack } from './envelope.ts';
import type { Saga } from './saga.ts';

const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const won = fc.integer({ min: 0, max: 1e12 });
const facts = fc.record({ due: won, discount: won, products: fc.array(id), qtys: fc.array(won) });
const bare = {
  sagaId: id,
  orderId: id,
  userId: id,
  couponId: fc.option(id),
  epoch: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  version: fc.constant(2),
};
const sagas: fc.Arbitrary<Saga[]> = fc.array(fc.oneof(fc.record(bare), fc.record({ ...bare, facts })), {
  maxLength: 8,
});

describe('an envelope', () => {
  test('gives back the sagas that were put in, after a journey as JSON', () => {
    fc.assert(fc.property(sagas, (all) => expect(unpack(JSON.parse(JSON.stringify(pack(2, all))))).toEqual(all)));
  });

  test('of the time before there were versions holds sagas of the first', () => {
    expect(unpack({ sagas: [[1, 2, 3, 4, null]] })).toMatchObject([{ sagaId: 1, version: 1 }]);
  });

  test.each([
    ['nothing', undefined],
    ['no object', 'sagas'],
    ['no list', { sagas: 7 }],
    ['a saga with too little', { sagas: [[1, 2, 3, 4]] }],
    ['half of the facts', { sagas: [[1, 1, 1, 1, null, 5, 0]] }],
    ['text for an id', { sagas: [['1', 1, 1, 1, null]] }],
    ['a fraction', { sagas: [[1.5, 1, 1, 1, null]] }],
    ['an id beyond 2^53', { sagas: [[2 ** 53, 1, 1, 1, null]] }],
    ['one good and one bad saga', { sagas: [[1, 1, 1, 1, null], [null]] }],
  ])('with %s is not ours', (_, data) => {
    expect(() => unpack(data)).toThrow();
  });

  test('with anything at all is ours or throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        try {
          expect(unpack(data)).toBeInstanceOf(Array);
        } catch (error) {
          expect(error).toHaveProperty('issues');
        }
      }),
    );
  });
});

describe('the literal of a batch', () => {
  const saga: Saga = { sagaId: 1, orderId: 2, userId: 3, couponId: null, epoch: 4, version: 1 };

  test('is empty for nobody', () => {
    expect(factsLiteral([])).toBe('{}');
  });

  test('leaves out what is not known yet', () => {
    expect(factsLiteral([saga])).toBe('{"(1,4,2,3,,,,,,,)"}');
  });

  test('quotes the lists inside the row inside the array', () => {
    const known = { ...saga, couponId: 9, facts: { due: 50, discount: 5, products: [7, 8], qtys: [1, 2] } };
    expect(factsLiteral([known, saga])).toBe(String.raw`{"(1,4,2,3,9,50,5,\"{7,8}\",\"{1,2}\",,)","(1,4,2,3,,,,,,,)"}`);
  });
});
