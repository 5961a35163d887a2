import { describe, expect, test } from '@jest/globals';
import { collectLimits, createCollectLimiter, createTokenBucket } from './collect-limits.ts';

describe('a token bucket', () => {
  test('gives a burst, then so many a second, and never saves up more than a burst', () => {
    let now = 0;
    const bucket = createTokenBucket({ perSecond: 10, burst: 3 }, () => now);
    const take = (times: number): number => Array.from({ length: times }, () => bucket.take(1)).filter(Boolean).length;
    expect(take(10)).toBe(3);
    now = 99;
    expect(take(1)).toBe(0);
    now = 100;
    expect(take(2)).toBe(1);
    now = 3_600_000;
    expect(take(10)).toBe(3);
  });

  test('takes all or nothing', () => {
    const bucket = createTokenBucket({ perSecond: 1, burst: 5 }, () => 0);
    expect([bucket.take(6), bucket.take(4), bucket.take(2), bucket.take(1)]).toEqual([false, true, false, true]);
  });
});

describe('the limits of /collect', () => {
  const admitted = (limiter: ReturnType<typeof createCollectLimiter>, address: string, times: number): number =>
    Array.from({ length: times }, () => limiter.admit(address)).filter(Boolean).length;

  test('one address that floods leaves room for others; all together stay within the limit of the process', () => {
    const limiter = createCollectLimiter(() => 0);
    const { requests, requestsOfAddress } = collectLimits;
    expect(admitted(limiter, 'a', 1_000)).toBe(requestsOfAddress.burst);
    expect(admitted(limiter, 'b', 1)).toBe(1);
    for (let i = 0; i < 100; i += 1) limiter.admit(`c${i}`);
    expect(admitted(limiter, 'd', 1)).toBe(0);
    expect(requestsOfAddress.burst).toBeLessThan(requests.burst);
  });

  test('remembers a thousand addresses, and forgets those unheard of for longest', () => {
    let now = 0;
    const roomy = { ...collectLimits, requests: { perSecond: 1e9, burst: 1e9 } };
    const limiter = createCollectLimiter(() => now, roomy);
    expect(admitted(limiter, 'first', 100)).toBe(collectLimits.requestsOfAddress.burst);
    for (let i = 1; i < collectLimits.addresses; i += 1) limiter.admit(`a${i}`);
    expect(admitted(limiter, 'first', 1)).toBe(0); // still known, and now the latest
    limiter.admit('one more'); // a1 has to go
    expect(admitted(limiter, 'first', 1)).toBe(0);
    for (let i = 0; i < collectLimits.addresses; i += 1) limiter.admit(`b${i}`);
    expect(admitted(limiter, 'first', 1)).toBe(1);
    now = 1_000;
    expect(admitted(limiter, 'first', 100)).toBe(collectLimits.requestsOfAddress.burst);
  });

  test('items have a limit of their own, for all together', () => {
    const limiter = createCollectLimiter(() => 0);
    expect(limiter.take(collectLimits.itemsTaken.burst)).toBe(true);
    expect(limiter.take(1)).toBe(false);
    expect(limiter.take(0)).toBe(true);
  });
});
