import { describe, expect, test } from '@jest/globals';
import type { VerificationReport } from '../consistency/verifier.ts';
import { keepVerifying } from './demo-verifier.ts';

const report = { violations: 0 } as VerificationReport;

describe('verifying now and then', () => {
  test('goes on after a pass and after a fault', async () => {
    const heard: unknown[] = [];
    let passes = 0;
    let enough: () => void = () => undefined;
    const done = new Promise<void>((resolve) => (enough = resolve));
    const verifying = keepVerifying({
      verify: async () => {
        passes += 1;
        if (passes === 2) throw new Error('away');
        if (passes === 3) enough();
        return report;
      },
      firstMs: 0,
      everyMs: 1,
      onReport: (one) => heard.push(one),
      onFault: (error) => heard.push((error as Error).message),
    });
    await done;
    await verifying.stop();
    expect(heard.slice(0, 3)).toEqual([report, 'away', report]);
  });

  test('a stop breaks off the pass in hand, which is then no fault', async () => {
    const heard: unknown[] = [];
    let began: () => void = () => undefined;
    const beginning = new Promise<void>((resolve) => (began = resolve));
    const verifying = keepVerifying({
      verify: (signal) =>
        new Promise((_resolve, reject) => {
          began();
          signal.addEventListener('abort', () => {
            reject(new Error('broken off'));
          });
        }),
      firstMs: 0,
      everyMs: 1,
      onReport: (one) => heard.push(one),
      onFault: (error) => heard.push(error),
    });
    await beginning;
    await verifying.stop();
    expect(heard).toEqual([]);
  });

  test('a stop before the first pass runs none', async () => {
    let passes = 0;
    const verifying = keepVerifying({
      verify: async () => {
        passes += 1;
        return report;
      },
      firstMs: 60_000,
      everyMs: 1,
      onReport: () => undefined,
      onFault: () => undefined,
    });
    await verifying.stop();
    expect(passes).toBe(0);
  });
});
