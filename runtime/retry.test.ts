import { describe, expect, test } from '@jest/globals';
import { createMetrics } from './metrics.ts';
import { withRetry } from './retry.ts';

class Fault extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`fault ${code}`);
    this.code = code;
  }
}

function failing(times: number, code: string) {
  let calls = 0;
  const work = async (): Promise<string> => {
    calls += 1;
    if (calls <= times) throw new Fault(code);
    return 'done';
  };
  return { work, calls: () => calls };
}

describe('withRetry', () => {
  test('tries again after a serialization failure or a deadlock, and counts it', async () => {
    const metrics = createMetrics();
    const { work, calls } = failing(2, '40001');
    expect(await withRetry(work, { metrics })).toBe('done');
    expect(calls()).toBe(3);
    expect(await metrics.registry.getSingleMetricAsString('payment_tx_retries_total')).toContain(
      '{sqlstate="40001"} 2',
    );
  });

  test('gives up after the last try with the last fault', async () => {
    const { work, calls } = failing(9, '40P01');
    await expect(withRetry(work, { attempts: 3 })).rejects.toThrow('fault 40P01');
    expect(calls()).toBe(3);
  });

  test.each(['23505', 'ECONNRESET'])('passes %s on at once', async (code) => {
    const { work, calls } = failing(1, code);
    await expect(withRetry(work)).rejects.toThrow(code);
    expect(calls()).toBe(1);
  });

  test('passes a fault without a code on at once', async () => {
    await expect(withRetry(() => Promise.reject(new Error('no code')))).rejects.toThrow('no code');
  });

  test('takes another list', async () => {
    const { work } = failing(1, 'ECONNRESET');
    expect(await withRetry(work, { retryOn: ['ECONNRESET'] })).toBe('done');
  });

  test('stops waiting when told to', async () => {
    const { work, calls } = failing(9, '40001');
    await expect(withRetry(work, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    expect(calls()).toBe(1);
  });
});
