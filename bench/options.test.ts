import { describe, expect, test } from '@jest/globals';
import { parseCommand, type RunOptions, UsageError } from './options.ts';
import { defaultScenarios, findScenario, fitted, scenarios } from './scenarios.ts';

function run(...argv: string[]): RunOptions {
  const command = parseCommand(argv);
  if (command.name !== 'run') throw new Error(`parsed as ${command.name}`);
  return command.options;
}

describe('bench command line', () => {
  test('run is the default, with every engine and the default scenarios', () => {
    expect(run()).toMatchObject({
      mode: 'default',
      engines: ['legacy', 'legacy-lean', 'orchestration', 'choreography'],
      scenarios: defaultScenarios,
      timeScale: 0.01,
      rounds: null,
      keep: false,
    });
    expect(run('run', '--quick').mode).toBe('quick');
    expect(run('--full').mode).toBe('full');
  });

  test('an open loop has a rate, the same for every engine, and a closed loop has none', () => {
    expect(run()).toMatchObject({ load: 'autocannon', ratePerSecond: null });
    expect(run('--load', 'k6')).toMatchObject({ load: 'k6', ratePerSecond: 60 });
    expect(run('--load', 'open', '--rate', '250')).toMatchObject({ load: 'open', ratePerSecond: 250 });
  });

  test('names are kept in the order of the tables and once', () => {
    expect(run('--engines', 'orchestration,legacy, legacy').engines).toEqual(['legacy', 'orchestration']);
    expect(run('--scenario', 'zipf,bare').scenarios).toEqual(['bare', 'zipf']);
  });

  test.each([
    [['--engines', 'monolith'], /Unknown engine 'monolith'.*legacy-lean/],
    [['--engines', ''], /Unknown engine ''/],
    [['--scenario', 'warp'], /Unknown scenario 'warp'.*hot-product/],
    [['--rounds', '0'], /whole number from 1 to 100/],
    [['--rounds', '-3'], /whole number|argument missing|unknown option/],
    [['--rounds', '2.5'], /whole number/],
    [['--rounds', '1e3'], /whole number/],
    [['--duration', 'soon'], /number from 0.5 to 600/],
    [['--duration', '0'], /number from 0.5/],
    [['--clients', '99999'], /1 to 1024/],
    [['--time-scale', '0'], /0.0001 to 1/],
    [['--seed', '4294967296'], /4294967295/],
    [['--load', 'wrk'], /autocannon, open, k6/],
    [['--rate', '100'], /--rate needs an open loop: add --load k6/],
    [['--load', 'k6', '--rate', '0'], /whole number from 1 to 5000/],
    [['--load', 'k6', '--rate', '1.5'], /whole number/],
    [['--quick', '--full'], /cannot be used with/],
    [['--sabotage', 'everything'], /refund-without-ledger/],
    [['--services', 'cloud'], /embedded, docker/],
    [['surprise'], /too many arguments|unknown command/],
    [['report'], /missing required argument/],
    [['--rounds'], /argument missing/],
  ])('%j is refused', (argv, message) => {
    expect(() => parseCommand(argv)).toThrow(UsageError);
    expect(() => parseCommand(argv)).toThrow(message);
  });

  test('a command of later work is named as such, with those that exist', () => {
    expect(() => parseCommand(['sweep'])).toThrow(
      /'sweep' does not exist yet. Commands: run \(the default\), chaos, report/,
    );
  });

  test('report takes a file, help prints a text', () => {
    expect(parseCommand(['report', 'r.json', '--out', 'd'])).toEqual({ name: 'report', file: 'r.json', out: 'd' });
    for (const argv of [['run', '--help'], ['--help']]) {
      const help = parseCommand(argv);
      expect(help.name === 'help' && help.text).toMatch(/--sabotage/);
    }
  });
});

describe('scenarios', () => {
  test('every default scenario is a row of the table, and names are unique', () => {
    for (const name of defaultScenarios) expect(findScenario(name)?.name).toBe(name);
    expect(new Set(scenarios.map((row) => row.name)).size).toBe(scenarios.length);
  });

  test('the time scale shrinks added, outside and time-out of seed together, and nothing else', () => {
    const [seed, hot] = [findScenario('seed'), findScenario('hot-product')];
    if (!seed || !hot) throw new Error('missing');
    expect(fitted(seed, { timeScale: 0.01, outsideMs: null, clients: null })).toMatchObject({
      addedMs: { validateOrder: 5, deductBalance: 3, confirmStock: 8, createPayment: 4 },
      outsideMs: 30,
      outsideTimeoutMs: 100,
    });
    expect(fitted(hot, { timeScale: 0.01, outsideMs: null, clients: null })).toEqual(hot);
    expect(fitted(seed, { timeScale: 1, outsideMs: 0, clients: 8 })).toMatchObject({ outsideMs: 0, clients: 8 });
  });
});
