import { describe, expect, test } from '@jest/globals';
import { engines } from '../domain/engines.ts';
import { readConfig } from '../runtime/config.ts';
import { createLog } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { enginesOf, startEngines } from './engines.ts';

const config = (env: NodeJS.ProcessEnv = {}) =>
  readConfig({ DATABASE_URL: 'postgres://127.0.0.1:1/none', REDIS_URL: 'redis://127.0.0.1:1', ...env });
const ports = (env: NodeJS.ProcessEnv = {}) => ({
  config: config(env),
  metrics: createMetrics(),
  log: createLog('test', 'silent'),
  clock: Date.now,
});

describe('which engines a router has', () => {
  test('one per side, as configured', () => {
    expect(enginesOf(config())).toEqual({ pinned: undefined, names: { legacy: 'legacy', saga: 'orchestration' } });
    const other = config({ SAGASHIFT_LEGACY_ENGINE: 'legacy-lean', SAGASHIFT_SAGA_ENGINE: 'choreography' });
    expect(enginesOf(other).names).toEqual({ legacy: 'legacy-lean', saga: 'choreography' });
  });

  test.each(engines.map(({ name, side }) => [name, side] as const))(
    'pinned to %s it is on the %s side',
    (name, side) => {
      expect(enginesOf(config({ SAGASHIFT_ENGINE: name }))).toEqual({
        pinned: side,
        names: { legacy: name, saga: name },
      });
    },
  );
});

describe('starting them', () => {
  const engine = (name: string, calls: string[], fails = false) => ({
    name,
    start: async () => {
      calls.push(`start ${name}`);
      if (fails) throw new Error(`${name} does not start`);
    },
    stop: async () => void calls.push(`stop ${name}`),
    submit: () => Promise.reject(new Error('not asked for')),
  });

  test('stops in reverse order', async () => {
    const calls: string[] = [];
    const own = { legacy: engine('legacy', calls), orchestration: engine('orchestration', calls) };
    const started = await startEngines(ports(), own);
    expect(started.on('saga')).toBe(own.orchestration);
    expect(started.on('legacy')).toBe(own.legacy);
    await started.stop();
    expect(calls).toEqual(['start legacy', 'start orchestration', 'stop orchestration', 'stop legacy']);
  });

  test('what had started is stopped when the next one cannot', async () => {
    const calls: string[] = [];
    const own = { legacy: engine('legacy', calls), orchestration: engine('orchestration', calls, true) };
    await expect(startEngines(ports(), own)).rejects.toThrow('orchestration does not start');
    expect(calls).toEqual(['start legacy', 'start orchestration', 'stop legacy']);
  });

  test('a pinned engine is started once, for both sides', async () => {
    const calls: string[] = [];
    const started = await startEngines(ports({ SAGASHIFT_ENGINE: 'choreography' }), {
      choreography: engine('choreography', calls),
    });
    expect(started.on('legacy')).toBe(started.on('saga'));
    await started.stop();
    expect(calls).toEqual(['start choreography', 'stop choreography']);
  });
});
