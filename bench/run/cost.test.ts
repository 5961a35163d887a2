import { describe, expect, test } from '@jest/globals';
import { armOf, resultOf, roundOf } from '../../test/support/bench-result.ts';
import type { ServerCounters, ServerMeter } from '../measure/servers.ts';
import { renderReport } from '../report/report.ts';
import { conclude } from './conclude.ts';
import { costOf } from './cost.ts';
import type { Reading } from './reading.ts';

const reading = (at: number, servers: Partial<ServerCounters>): Reading => ({
  metrics: new Map(),
  servers: {
    lsn: '0/0',
    redisCommands: 0,
    postgresMicros: 0,
    redisMicros: 0,
    generatorMicros: 0,
    machineMicros: at * 1_000,
    ...servers,
  },
  routerMicros: 10 * at,
  workerMicros: 20 * at,
  dataPlatformMicros: 0,
  received: 0,
  at,
});

const meter = {
  wal: () => Promise.resolve({ bytes: 1_000, fullPageImages: null }),
} as unknown as ServerMeter;

const costWith = (from: Partial<ServerCounters>, to: Partial<ServerCounters>) =>
  costOf(reading(0, from), reading(100, to), { roundTrips: 20, commits: 10 }, 10, meter);

describe('what a payment costs', () => {
  test('is the sum of what is seen, without the generator', async () => {
    const { perPayment, foreignCores } = await costWith(
      {},
      { postgresMicros: 500, redisMicros: 50, generatorMicros: 70 },
    );
    expect(perPayment.cpuMicros).toMatchObject({ router: 100, worker: 200, postgres: 50, redis: 5, generator: 7 });
    expect(perPayment.cpuMicrosTotal).toBe(355);
    expect(foreignCores).toBeCloseTo(1 - 0.0362);
  });

  test('a database that can’t be seen is not free: not measured, and no total', async () => {
    const blind = { postgresMicros: null };
    const { perPayment } = await costWith(blind, { ...blind, redisMicros: 50 });
    expect(perPayment.cpuMicros).toMatchObject({ router: 100, postgres: null, redis: 5 });
    expect(perPayment.cpuMicrosTotal).toBeNull();
  });

  test('the report says so', () => {
    const round = roundOf(1, 800);
    const cpuMicros = { ...round.cost.cpuMicros, postgres: null, redis: null };
    const result = resultOf([
      armOf('legacy', [], { rounds: [{ ...round, cost: { ...round.cost, cpuMicros, cpuMicrosTotal: null } }] }),
    ]);
    conclude(result);
    expect(result.validity.reasons.join()).toContain('CPU of Postgres and Redis could not be seen from here');
    const page = renderReport(result);
    expect(page.match(/<td>not measured<\/td>/g)).toHaveLength(3);
    expect(page).toMatch(/the generator used\s+an unmeasured part/);
    expect(renderReport(resultOf())).not.toContain('<td>not measured</td>');
  });
});
