import { describe, expect, test } from '@jest/globals';
import type { Style } from '../../eventdriven/saga/doorbell.ts';
import { play } from '../support/model/play.ts';
import { type ModelMutant, modelMutants } from '../support/model/store.ts';

/** MODEL_SCHEDULES=n plays n in each style; SEED=n starts elsewhere. A broken one is named by its seed. */
const schedules = Number(process.env['MODEL_SCHEDULES'] ?? 6_000);
const firstSeed = Number(process.env['SEED'] ?? 1);
const styles: readonly Style[] = ['orchestration', 'choreography'];

/**
 * The state machines as they are, orchestrator and reactions, over a model of what a boundary's transaction does. It is quick
 * because there is no database in it; the same rules are played on Postgres in `test/integration/schedules.test.ts`.
 */
describe.each(styles)('random schedules of the %s', (style) => {
  test(`leave each effect done once or undone, whatever gets lost, doubled or late (${schedules} schedules)`, async () => {
    for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
      const broken = await play(seed, style);
      if (broken.length > 0) expect({ seed, broken }).toEqual({ seed, broken: [] });
    }
    expect(schedules).toBeGreaterThan(0);
  }, 60_000);
});

describe('they are worth something: they catch the mutant in which', () => {
  const limit = 2_000;
  const firstBroken = async (mutant: ModelMutant): Promise<string> => {
    for (let seed = 1; seed <= limit; seed++) {
      for (const style of styles) {
        const [broken] = await play(seed, style, mutant);
        if (broken !== undefined) return broken;
      }
    }
    return `not seen in ${limit} schedules`;
  };

  test.each<[ModelMutant, RegExp]>([
    ['receipts off', /happened 2 times|wrote at|left/],
    ['undo without its receipt', /-1|happened/],
    ['status fence off', /./],
    ['epoch off', /a worker with epoch 1 (wrote|undid) at 2/],
    ['a late action finds neither status nor receipt', /./],
    ['compensation swallowed', /left|done/],
    ['undo in the order of doing', /undone in the order|left/],
    ['rescuer off', /it is still (RUNNING|COMPENSATING)/],
    ['fault taken for a refusal', /refused, and left/],
    ['deadline after the pivot', /refused, and left/],
  ])('%s', async (mutant, sentence) => {
    const broken = await firstBroken(mutant);
    expect(broken).not.toMatch(/^not seen/);
    expect(broken).toMatch(sentence);
  });

  test('every rule that can be taken out is among them', () => {
    expect(modelMutants).toHaveLength(10);
  });
});
