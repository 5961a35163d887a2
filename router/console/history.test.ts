import { describe, expect, test } from '@jest/globals';
import { createHistory } from './history.ts';
import type { SideTraffic, Traffic } from './traffic-window.ts';

const side = (settledPerSecond: number | null): SideTraffic => ({
  good: 0,
  rejected: 0,
  bad: 0,
  within: [],
  settledPerSecond,
  latencyMs: { p50: null, p95: 1.23456, p99: null },
});
const traffic = (saga: number | null): Traffic => ({
  seconds: 1,
  sides: { legacy: side(null), saga: side(saga) },
  decisions: new Map(),
});

describe('the history of the charts', () => {
  test('holds a rounded point per second, no longer than it is to', () => {
    const history = createHistory(3);
    for (let second = 1; second <= 5; second += 1) history.push(second * 1_000 + 20, traffic(second / 3));
    expect(history.columns()).toEqual({
      at: [3, 4, 5],
      legacyPerSecond: [null, null, null],
      sagaPerSecond: [1, 1.3, 1.7],
      legacyP95Ms: [1.2, 1.2, 1.2],
      sagaP95Ms: [1.2, 1.2, 1.2],
    });
  });

  test('breaks the line where nobody watched', () => {
    const history = createHistory(300);
    history.push(1_000, traffic(1));
    history.push(60_000, traffic(2));
    expect(history.columns()).toMatchObject({ at: [1, 2, 60], sagaPerSecond: [1, null, 2] });
  });

  test('time never runs back, whatever the clock does', () => {
    const history = createHistory(300);
    history.push(10_000, traffic(1));
    history.push(10_300, traffic(2));
    expect(history.columns()).toMatchObject({ at: [10], sagaPerSecond: [2] });
    history.push(11_000, traffic(3));
    history.push(4_000, traffic(4));
    expect(history.columns()).toMatchObject({ at: [4], sagaPerSecond: [4] });
  });
});
