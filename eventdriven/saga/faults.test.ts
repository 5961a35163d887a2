import { describe, expect, test } from '@jest/globals';
import { isPoison, isRetryable } from './faults.ts';

const fault = (code: unknown) => Object.assign(new Error('a fault'), { code });

describe('a fault', () => {
  test.each(['40001', '40P01'])('%s may be sent again and is no poison', (code) => {
    expect([isRetryable(fault(code)), isPoison(fault(code))]).toEqual([true, false]);
  });

  test.each(['22P02', '22003', '23505', '23514', 'P0001', 'P0002', 'XX000'])('%s is poison', (code) => {
    expect([isRetryable(fault(code)), isPoison(fault(code))]).toEqual([false, true]);
  });

  test.each(['08006', '57014', '57P01', '55P03', '25P04', '53300', 'ECONNREFUSED', 42, undefined])(
    '%s is neither: its outcome is unknown, or every half would fail again',
    (code) => {
      expect([isRetryable(fault(code)), isPoison(fault(code))]).toEqual([false, false]);
    },
  );

  test('may be anything that was thrown', () => {
    for (const thrown of [undefined, null, 'text', 7, {}]) {
      expect([isRetryable(thrown), isPoison(thrown)]).toEqual([false, false]);
    }
  });
});
