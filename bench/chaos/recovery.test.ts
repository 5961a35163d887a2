import { describe, expect, test } from '@jest/globals';
import { recoveryOf, type SagaTimes } from './recovery.ts';

/** `perSecond` sagas that take `tookMs`, final from `from` to `to`. */
const steady = (perSecond: number, from: number, to: number, tookMs = 50): SagaTimes[] =>
  Array.from({ length: Math.round(((to - from) * perSecond) / 1_000) }, (_, i) => {
    const finalAt = from + (i * 1_000) / perSecond;
    return { acceptedAt: finalAt - tookMs, finalAt };
  });
const at = { faultAt: 4_000, replacedAt: 4_000, loadFrom: 0, loadTo: 10_000 };

describe('recovery from a fault', () => {
  test('nothing to recover from when finals go on as before', () => {
    const recovery = recoveryOf(steady(100, 0, 10_000), at);
    expect(recovery).toMatchObject({ beforePerSecond: 100, restoredSeconds: 0, notFinal: 0 });
    expect(recovery.zeroOpenSeconds).toBeLessThanOrEqual(0.05);
    expect(recovery.p99Seconds).toBeCloseTo(0.05);
  });

  test('counts from the fault to the first final from which a second holds 80 % again', () => {
    const slow = steady(50, 5_000, 6_000);
    const recovery = recoveryOf([...steady(100, 0, 4_000), ...slow, ...steady(100, 6_000, 10_000)], at);
    // From 5.6 s on: 20 of the slow ones and 60 of the others.
    expect(recovery.restoredSeconds).toBeCloseTo(1.6, 1);
  });

  test('is not said to be back when the load ended before a whole second could be seen', () => {
    const { restoredSeconds } = recoveryOf([...steady(100, 0, 4_000), ...steady(100, 9_500, 10_400)], at);
    expect(restoredSeconds).toBeNull();
  });

  test('there is no rate to come back to when no saga had ended before', () => {
    expect(recoveryOf(steady(100, 4_500, 9_000), at)).toMatchObject({ beforePerSecond: 0, restoredSeconds: null });
  });

  test('sagas open at the fault count until the last is final, sagas accepted later from when they were accepted', () => {
    const open = { acceptedAt: 3_990, finalAt: 7_000 };
    const later = { acceptedAt: 5_000, finalAt: 6_000 };
    expect(recoveryOf([open, later], at)).toMatchObject({ zeroOpenSeconds: 3, p99Seconds: 3, notFinal: 0 });
    expect(recoveryOf([later], at)).toMatchObject({ zeroOpenSeconds: 0, p99Seconds: 1 });
  });

  test('p99 counts from when what was killed has been replaced; what ended before took no time', () => {
    const open = { acceptedAt: 3_990, finalAt: 7_000 };
    const replaced = { ...at, replacedAt: 5_500 };
    expect(recoveryOf([open], replaced)).toMatchObject({ replacedSeconds: 1.5, zeroOpenSeconds: 3, p99Seconds: 1.5 });
    expect(recoveryOf([{ ...open, finalAt: 5_000 }], replaced)).toMatchObject({ zeroOpenSeconds: 1, p99Seconds: 0 });
  });

  test('one that never ends is neither final nor forgotten', () => {
    const stuck = { acceptedAt: 3_990, finalAt: null };
    expect(recoveryOf([stuck], at)).toMatchObject({ zeroOpenSeconds: null, p99Seconds: null, notFinal: 1 });
  });

  test('without any saga there is nothing to say', () => {
    expect(recoveryOf([], { ...at, faultAt: 0, replacedAt: 0 })).toEqual({
      beforePerSecond: 0,
      restoredSeconds: null,
      replacedSeconds: 0,
      zeroOpenSeconds: 0,
      p99Seconds: null,
      notFinal: 0,
    });
  });
});
