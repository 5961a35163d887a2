import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ChaosResult } from '../../bench/chaos/chaos-result.ts';
import { type FigureContext, layOut } from '../../bench/chaos/figures/figure-arm.ts';
import { measureRedisMemory } from '../../bench/chaos/figures/redis-memory.ts';
import { openRunDatabases } from '../../bench/databases.ts';
import { createProgress } from '../../bench/run/progress.ts';
import { startDataPlatform } from '../../eventdriven/dataplatform/data-platform.ts';
import { benchCommand, givenServers } from '../support/bench-command.ts';
import { testServices } from '../support/services.ts';

const never = new AbortController().signal;
let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'bench-figures-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

test('npm run bench -- chaos --figures measures what a payment alone costs and what a relay delivers', async () => {
  const argv = ['chaos', '--figures', 'cost,relay', '--engines', 'orchestration', '--out', directory, '--json'];
  const { code, out, err } = await benchCommand(argv, givenServers());
  const { figures, score, results, planned } = JSON.parse(out) as ChaosResult;
  expect({ code, planned, results }).toEqual({ code: 0, planned: 0, results: [] });
  expect(figures.cost).toMatchObject([{ style: 'orchestration', payments: 400, examined: 450, violations: [] }]);
  expect(figures.cost[0]?.commits).toBeGreaterThanOrEqual(5); // one to accept it and one for each boundary
  expect(figures.cost[0]?.walBytes).toBeGreaterThan(2_000);
  expect(figures.cost[0]?.redisCommands).toBeGreaterThan(10);
  expect(figures.relay).toMatchObject({ events: 60_000, posts: 600 });
  expect(figures.memory).toEqual([]);
  expect(score).toMatchObject({ examined: 450, touched: 0 });
  expect(err).toMatch(/measuring how fast a relay works off a backlog/);
  expect(err).toMatch(/^a payment alone, not delivered: commits .* orchestration +(met|missed)$/m);
  expect(readFileSync(join(directory, 'report.html'), 'utf8')).toMatch(/a payment alone, not delivered: commits/);
}, 120_000);

test('the memory of Redis is read between slices of payments, each of them final by then', async () => {
  const { adminUrl, redisUrl } = testServices();
  const databases = openRunDatabases(adminUrl, `memory-${process.pid}`, () => undefined);
  const platform = await startDataPlatform({ host: '127.0.0.1', port: 0, latencyMs: 0, failureRate: 0, seed: 1 });
  const said: string[] = [];
  try {
    const context: FigureContext = {
      ...{ services: { databaseUrl: adminUrl, redisUrl, pids: {} }, databases },
      ...{ keyPrefix: 'memory', dataPlatform: { url: platform.url, pid: process.pid } },
      ...{ options: { styles: ['choreography'], seed: 1, sabotage: null }, onSpawn: () => undefined },
      progress: createProgress({ write: (line) => said.push(line) }),
    };
    const data = await layOut('memory', 1_000, context, never);
    const memory = await measureRedisMemory(data, 'choreography', context, never);
    expect(memory).toMatchObject({ payments: 1_000, examined: 1_000, violations: [] });
    expect(memory.readings.map(({ payments }) => payments)).toEqual(Array.from({ length: 20 }, (_, i) => 50 * (i + 1)));
    for (const { bytes } of memory.readings) expect(bytes).toBeGreaterThan(100_000);
    expect(memory.spread).toBeGreaterThanOrEqual(0);
    expect(said.at(-1)).toMatch(/choreography: memory of Redis after 1000 of 1000 payments/);
  } finally {
    await platform.stop();
    await databases.dropAll();
  }
}, 60_000);
