import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { seenIds } from './seen-ids.ts';

describe('ids seen', () => {
  test('an id is new once, whatever it looks like', () => {
    const ids = seenIds();
    for (const id of [
      '1',
      '0',
      '32767',
      '32768',
      'order-1',
      'order-01',
      'order-1x',
      '',
      '123456789012345678901234',
      'a\n7',
    ]) {
      expect([id, ids.add(id), ids.add(id)]).toEqual([id, true, false]);
    }
  });

  test('agrees with a Set on any ids', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.nat(70_000).map(String),
            fc.string({ maxLength: 4 }),
            fc.nat(99).map((n) => `order-${n}`),
          ),
        ),
        (all) => {
          const [ids, set] = [seenIds(), new Set<string>()];
          return all.every((id) => ids.add(id) === (!set.has(id) && set.add(id) === set));
        },
      ),
    );
  });

  test('forgets the oldest page and the oldest other id beyond its caps', () => {
    const ids = seenIds(2, 2);
    for (const id of ['a-1', 'b-1', 'c-1', 'x', 'y', 'z']) ids.add(id);
    expect(['c-1', 'b-1', 'a-1', 'z', 'y', 'x'].map((id) => ids.add(id))).toEqual([
      false,
      false,
      true,
      false,
      false,
      true,
    ]);
  });
});
