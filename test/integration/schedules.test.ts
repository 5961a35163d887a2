import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import { openStage, type Stage } from '../support/schedule/stage.ts';

/** SCHEDULES=n plays n of each kind; SEED=n starts elsewhere. A broken one is named by its seed: play it again with SEED. */
const asked = Number(process.env['SCHEDULES'] ?? 0);
const firstSeed = Number(process.env['SEED'] ?? 1);

describe.each([
  { name: 'one worker at a time', options: { actors: 1 }, count: 150 },
  { name: 'three actors racing', options: { actors: 3 }, count: 70 },
  { name: 'three actors racing at the seed’s isolation levels', options: { actors: 3, isolation: 'seed' }, count: 30 },
] as const)('random schedules, $name', ({ options, count }) => {
  const schedules = asked > 0 ? asked : count;
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(options);
  });
  afterAll(() => stage.close());

  test(
    `leave every invariant whole (${schedules} schedules)`,
    async () => {
      for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
        expect({ seed, broken: await stage.play(seed) }).toEqual({ seed, broken: [] });
      }
    },
    20_000 + schedules * 500,
  );

  test('leave nothing that the verifier would complain of', async () => {
    const { perInvariant, checked } = await verify(stage.db.url, { mode: 'live' });
    expect(perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
    expect(Object.keys(checked)).toEqual(expect.arrayContaining(['orchestration', 'choreography']));
  });
});
