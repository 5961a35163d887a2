import { describe, expect, test } from '@jest/globals';
import { chaosResultOf, costOfOne as cost, survivedFault as survived } from '../../test/support/chaos-result.ts';
import { parseCommand } from '../options.ts';
import { type ChaosResult, exitCodeOfChaos } from './chaos-result.ts';
import { type ChaosOptions, planChaos } from './chaos-plan.ts';
import { chaosNotes, chaosTable } from './chaos-table.ts';
import { faults } from './faults.ts';
import { noFigures } from './figures/figures.ts';
import { failuresOf } from './run-fault.ts';

function parsed(...argv: string[]): ChaosOptions {
  const command = parseCommand(['chaos', ...argv]);
  if (command.name !== 'chaos') throw new Error(`parsed as ${command.name}`);
  return command.options;
}

describe('the chaos command line', () => {
  test('takes every fault and both styles, and fewer in a quick run', () => {
    expect(parsed()).toMatchObject({ faults: faults.map(({ name }) => name), quick: false, ratePerSecond: 300 });
    expect(parsed().styles).toEqual(['orchestration', 'choreography']);
    const quick = parsed('--quick', '--seed', '5');
    expect(quick).toMatchObject({ quick: true, seed: 5, ratePerSecond: 200 });
    expect(quick.faults.length).toBeLessThan(faults.length);
    expect(parsed('--quick', '--faults', 'redis-restart').faults).toEqual(['redis-restart']);
  });

  test('measures the figures after the faults, the long ones in a full run, and only what is named when some are', () => {
    expect(parsed().figures).toEqual(['cost', 'relay']);
    expect(parsed('--full').figures).toEqual(['cost', 'relay', 'memory']);
    expect(parsed('--quick').figures).toEqual([]);
    expect(parsed('--faults', 'worker-kill').figures).toEqual([]);
    expect(parsed('--figures', 'memory')).toMatchObject({ figures: ['memory'], faults: [] });
    expect(parsed('--figures', 'relay', '--faults', 'worker-kill')).toMatchObject({
      figures: ['relay'],
      faults: ['worker-kill'],
    });
  });

  test.each([
    [['--figures', 'beauty'], /Unknown figure 'beauty'.*cost, relay, memory/],
    [['--quick', '--full'], /cannot be used with option/],
    [['--faults', 'meteor'], /Unknown fault 'meteor'.*worker-kill/],
    [['--faults', ''], /Unknown fault ''/],
    [['--seed', 'seven'], /whole number/],
    [['--seed', '-1'], /whole number|argument missing/],
    [['--engines', 'legacy'], /Unknown engine 'legacy'.*choreography/],
    [['--rate', '5'], /from 20 to 1000/],
    [['--sabotage', 'everything'], /receipts-off/],
    [['extra'], /too many arguments/],
  ])('%j is refused', (argv, message) => {
    expect(() => parsed(...argv)).toThrow(message);
  });
});

describe('the plan', () => {
  const names = (options: ChaosOptions) =>
    [...planChaos(options)].map(([style, list]) => [style, list.map(({ name }) => name)]);

  test('follows from the seed alone', () => {
    expect(names(parsed('--seed', '1'))).toEqual(names(parsed('--seed', '1')));
    expect(names(parsed('--seed', '1'))).not.toEqual(names(parsed('--seed', '2')));
  });

  test('gives both styles every fault, a quick run each fault to one of them, in turn', () => {
    for (const [, list] of names(parsed()))
      expect([...(list as string[])].sort()).toEqual(faults.map(({ name }) => name).sort());
    const [one, two] = [names(parsed('--quick', '--seed', '1')), names(parsed('--quick', '--seed', '2'))];
    const [here, there] = [one[0]?.[1] as string[], one[1]?.[1] as string[]];
    expect([...here, ...there].sort()).toEqual([...parsed('--quick').faults].sort());
    expect([...(two[1]?.[1] as string[])].sort()).toEqual([...here].sort());
  });
});

describe('what a fault came to', () => {
  const broken = { code: 'B5', title: 'Balances add up.', violations: 3, sample: ['order 1'] };

  test('is nothing to complain of when it was met and survived', () => {
    expect(failuresOf(survived, true, [])).toEqual([]);
  });

  test.each([
    ['it hit no saga', { openAtInjection: 0 }, true, [], /^not injected/],
    ['a saga is open', { notFinal: 2 }, false, [], /^2 sagas were not final in time/],
    ['deliveries are left', {}, false, [], /not delivered in time/],
    [
      'a client was never told',
      { answers: { final: 1, askedAgain: 1, turnedOutPaid: 0, unresolved: 1 } },
      true,
      [],
      /^1 clients were never told/,
    ],
    ['an invariant is broken', { violations: [broken] }, true, [], /^VIOLATED B5: .* 3 times, e.g. order 1/],
    ['a process ended by itself', {}, true, ['router ended (SIGSEGV)'], /SIGSEGV/],
  ] as const)('fails when %s', (_, change, drained, deaths, message) => {
    expect(failuresOf({ ...survived, ...change }, drained, deaths)).toEqual([expect.stringMatching(message)]);
  });
});

describe('the result of a run', () => {
  const result = (change: Partial<ChaosResult> = {}, state?: ChaosResult['run']['state']) =>
    chaosResultOf([survived], change, state);
  const notRun = { fault: 'redis-flush', style: 'choreography', why: 'REDIS_URL names a server' } as const;

  test('its exit code tells survived, failed and incomplete apart', () => {
    expect(exitCodeOfChaos(result())).toBe(0);
    expect(exitCodeOfChaos(result({ planned: 2, notRun: [notRun] }))).toBe(0);
    expect(exitCodeOfChaos(result({ results: [{ ...survived, failures: ['not injected'] }] }))).toBe(1);
    expect(exitCodeOfChaos(result({}, 'failed'))).toBe(1);
    expect(exitCodeOfChaos(result({ planned: 2 }))).toBe(3);
    expect(exitCodeOfChaos(result({}, 'interrupted'))).toBe(3);
    expect(exitCodeOfChaos(result({ results: [], notRun: [notRun] }))).toBe(3);
    expect(exitCodeOfChaos(result({ results: [], planned: 0 }))).toBe(3);
    expect(exitCodeOfChaos(result({ results: [], planned: 0, figuresPlanned: ['relay'] }))).toBe(0);
    const broken = { ...cost, violations: ['B5: 1 times, e.g. user 3'] };
    expect(exitCodeOfChaos(result({ figures: { ...noFigures, cost: [broken] } }))).toBe(1);
  });

  test('its table has a line for each fault, and says which was not run and which goal was missed', () => {
    const slow = { ...survived, style: 'choreography', p99Seconds: 7, restoredSeconds: null } as const;
    const failed = { ...survived, fault: 'redis-restart', failures: ['not injected'] } as const;
    const text = chaosTable(result({ results: [survived, slow, failed], notRun: [notRun] }));
    expect(text.split('\n')).toEqual([
      expect.stringMatching(
        /^fault +style +open then +replaced s +rate back s +zero open s +p99 s +goal s +violations +verdict$/,
      ),
      expect.stringMatching(/^worker-kill +orchestration +12 +1\.9 +2\.1 +3\.2 +3\.1 +5 +0 +survived$/),
      expect.stringMatching(/^worker-kill +choreography +12 +1\.9 +- +3\.2 +7\.0 +5 +0 +survived, goal missed$/),
      expect.stringMatching(/^redis-restart .* FAILED$/),
      expect.stringMatching(/^redis-flush +choreography .* NOT RUN$/),
    ]);
    expect(chaosNotes(result({ results: [failed], notRun: [notRun] })).join('\n')).toMatch(
      /orchestration, redis-restart: not injected\nNOT RUN choreography, redis-flush: REDIS_URL.*\n0 of 1 faults survived, 1 not run; 1000 payments at 200\/s, 10 not told how they ended at first: 4 of them had been paid\n1000 of 1000 orders consistent: at least 99\.700 % .*\nseed 9; again: npm run bench -- chaos --seed 9/,
    );
  });
});
