import { describe, expect, test } from '@jest/globals';
import { type Mutant, mutants } from '../support/schedule/mutants.ts';
import { openStage } from '../support/schedule/stage.ts';

/**
 * What the schedules are worth: each mutant must be seen within so many. One actor, so the seed that sees it is always the same.
 * Not here, because no invariant can see it: the epoch's fence, which `boundaries.test.ts` holds to its typed answer.
 */
const limit = 200;

describe('random schedules catch the mutant in which', () => {
  test.each(Object.keys(mutants) as Mutant[])(
    '%s',
    async (mutant) => {
      const stage = await openStage({ actors: 1, mutant });
      try {
        let broken: readonly string[] = [];
        let seed = 0;
        while (broken.length === 0 && seed < limit) {
          broken = await stage.play(++seed).catch((error: unknown) => [String(error)]);
        }
        expect(broken).not.toEqual([]);
      } finally {
        await stage.close();
      }
    },
    60_000,
  );
});
