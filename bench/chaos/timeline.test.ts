import { describe, expect, test } from '@jest/globals';
import { timelineOf } from './timeline.ts';

const moments = { faultAt: 10_000, loadFrom: 9_400, loadTo: 10_500 };

describe('what happened around a fault', () => {
  test('is counted in steps that begin with the fault, from the first payment to the last end', () => {
    const sagas = [
      { acceptedAt: 9_400, finalAt: 9_600 }, // ends before anybody looks again
      { acceptedAt: 9_700, finalAt: 10_010 }, // open at the fault
      { acceptedAt: 9_990, finalAt: 10_800 },
      { acceptedAt: 10_000, finalAt: 10_020 },
    ];
    expect(timelineOf(sagas, moments)).toEqual({
      stepSeconds: 0.25,
      fromSeconds: -0.75,
      finalPerSecond: [0, 4, 0, 8, 0, 0, 4],
      open: [0, 1, 1, 2, 1, 1, 1],
    });
  });

  test('a saga that never ends stays open, and what ends a minute later is off the chart', () => {
    const stuck = timelineOf([{ acceptedAt: 9_500, finalAt: null }], moments);
    expect(stuck?.open).toEqual([0, 0, 1, 1, 1]);
    const late = timelineOf([{ acceptedAt: 9_500, finalAt: 99_000 }], moments);
    expect(late?.open).toHaveLength(3 + 240);
    expect(late?.finalPerSecond.some((rate) => rate > 0)).toBe(false);
  });

  test('there is none of a fault that did not come', () => {
    expect(timelineOf([], { ...moments, faultAt: 0 })).toBeNull();
  });
});
