import { describe, expect, test } from '@jest/globals';
import { chaosResultOf, costOfOne, survivedFault } from '../../test/support/chaos-result.ts';
import type { ChaosResult, FaultResult } from './chaos-result.ts';
import { chaosNotes, goalTable } from './chaos-table.ts';
import { noFigures } from './figures/figures.ts';
import { spreadOf, type RedisMemory } from './figures/redis-memory.ts';
import { goalsOf } from './goals.ts';

const broken = { code: 'B5', title: 'Balances add up.', violations: 3, sample: ['user 7'] };
const fault = (change: Partial<FaultResult>): FaultResult => ({ ...survivedFault, ...change });
const memory: RedisMemory = {
  ...{ style: 'choreography', payments: 200_000, readings: [], spread: 0.04 },
  ...{ examined: 200_000, touched: 0, violations: [] },
};

/** The goal of which `what` speaks: what was measured, and the verdict. */
function goal(what: RegExp, result: ChaosResult): readonly [string | null, string] {
  const found = goalsOf(result).filter((one) => what.test(one.what));
  if (found.length !== 1) throw new Error(`${found.length} goals speak of ${what}`);
  return [found[0]?.measured ?? null, found[0]?.verdict ?? ''];
}

describe('the goals of the sagas', () => {
  test('nothing that was not measured is met', () => {
    expect(goalsOf(chaosResultOf([])).map(({ measured, verdict }) => [measured, verdict])).toEqual(
      goalsOf(chaosResultOf([])).map(() => [null, 'NOT RUN']),
    );
  });

  test('recovery is that of the slowest process that was replaced, in seconds of the 99th of 100', () => {
    const slow = fault({ fault: 'worker-kill-after-commit', style: 'choreography', p99Seconds: 4.4 });
    const message = fault({ fault: 'reply-lost', replacedSeconds: 0, p99Seconds: 9 });
    const what = /killed or stopped/;
    expect(goal(what, chaosResultOf([survivedFault, slow, message]))).toEqual([
      '4.4 s (worker-kill-after-commit, choreography)',
      'met',
    ]);
    expect(goal(what, chaosResultOf([slow, fault({ p99Seconds: 5.1 })]))[1]).toBe('missed');
    expect(goal(what, chaosResultOf([fault({ p99Seconds: null })]))).toEqual([
      'never s (worker-kill, orchestration)',
      'missed',
    ]);
    expect(goal(what, chaosResultOf([fault({ violations: [broken] })]))[1]).toBe('missed');
  });

  test('an emptied Redis counts until the last saga that was open is final', () => {
    const flush = fault({ fault: 'redis-flush', goalSeconds: 10, zeroOpenSeconds: 5.6, p99Seconds: 0.2 });
    const what = /Redis emptied/;
    expect(goal(what, chaosResultOf([flush]))).toEqual(['5.6 s (redis-flush, orchestration)', 'met']);
    expect(goal(what, chaosResultOf([{ ...flush, zeroOpenSeconds: 10.1 }]))[1]).toBe('missed');
    expect(goal(what, chaosResultOf([{ ...flush, notFinal: 1 }]))[1]).toBe('missed');
    expect(goal(what, chaosResultOf([{ ...flush, openAtInjection: 0 }]))[1]).toBe('NOT RUN');
  });

  test('stopped workers must have held enough sagas, all styles together', () => {
    const pause = (style: FaultResult['style'], openAtInjection: number) =>
      fault({ fault: 'worker-pause', style, openAtInjection });
    const what = /stopped workers/;
    const both = [pause('orchestration', 600), pause('choreography', 400)];
    expect(goal(what, chaosResultOf(both))).toEqual(['1000, 0', 'met']);
    expect(goal(what, chaosResultOf(both.slice(1)))).toEqual(['400, 0', 'missed']);
    expect(goal(what, chaosResultOf([...both, { ...survivedFault, ...both[0], violations: [broken] }]))).toEqual([
      '1600, 3',
      'missed',
    ]);
  });

  test.each([
    [/commits/, { commits: 6.1 }, '6.1'],
    [/round trips/, { roundTrips: 12.1 }, '12.1'],
    [/WAL/, { walBytes: 8_300 }, '8.1'],
    [/WAL/, { walBytes: null }, 'unknown'],
    [/Redis commands/, { redisCommands: 40.2 }, '40.2'],
  ])('a payment alone is held to %s', (what, change, shown) => {
    const costs = (cost: typeof costOfOne) => chaosResultOf([], { figures: { ...noFigures, cost: [cost] } });
    expect(goal(what, costs(costOfOne))[1]).toBe('met');
    expect(goal(what, costs({ ...costOfOne, ...change }))).toEqual([`${shown} orchestration`, 'missed']);
    expect(goal(what, costs({ ...costOfOne, violations: ['B5: 1 times'] }))[1]).toBe('missed');
  });

  test('Redis commands are bound in orchestration only: choreography has a job for each boundary', () => {
    const cost = [costOfOne, { ...costOfOne, style: 'choreography', redisCommands: 150 } as const];
    expect(goal(/Redis commands/, chaosResultOf([], { figures: { ...noFigures, cost } }))).toEqual([
      '38.0 orchestration, 150.0 choreography',
      'met',
    ]);
  });

  test('the relay is held to its rate, and the memory of Redis to its spread', () => {
    const relay = (eventsPerSecond: number) => ({
      ...noFigures,
      relay: { events: 1, targets: 1, posts: 1, seconds: 1, eventsPerSecond },
    });
    const rate = /relay/;
    expect(goal(rate, chaosResultOf([], { figures: relay(5_000) }))).toEqual(['5000', 'met']);
    expect(goal(rate, chaosResultOf([], { figures: relay(4_999) }))[1]).toBe('missed');
    const used = (spread: number) => chaosResultOf([], { figures: { ...noFigures, memory: [{ ...memory, spread }] } });
    expect(goal(/memory/, used(0.1))).toEqual(['10.0 % choreography', 'met']);
    expect(goal(/memory/, used(0.11))[1]).toBe('missed');
    expect(spreadOf([200, 190, 209])).toBeCloseTo(0.1);
  });

  test('are a table below that of the faults, and books that figures broke are named', () => {
    const cost = [{ ...costOfOne, violations: ['B5: 2 times, e.g. user 7'] }];
    const result = chaosResultOf([survivedFault], { figures: { ...noFigures, cost } });
    expect(goalTable(result)).toMatch(/^what +to reach +measured +verdict\n/);
    expect(goalTable(result)).toMatch(/killed or stopped.* within 5 s +3\.1 s \(worker-kill, orchestration\) +met\n/);
    expect(goalTable(result)).toMatch(/\nmemory of Redis over 200000 payments +flat within 10 % +- +NOT RUN$/);
    expect(chaosNotes(result)).toContainEqual('VIOLATED B5: 2 times, e.g. user 7 (orchestration)');
    expect(chaosNotes(chaosResultOf([], { planned: 0 })).join()).not.toMatch(/faults survived/);
  });
});
