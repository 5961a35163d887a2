import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import type { EngineName } from '../../domain/engines.ts';
import type { Config } from '../../runtime/config.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';
import { startEngines } from './engines-at-once.ts';
import { endOf, placeOrders } from './preset-load.ts';
import { presetRounds, measurePresets } from './preset-rounds.ts';

let db: FreshDatabase;
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.drop());

const presets = ['minimal', 'seed'] as const satisfies readonly Config['isolation'][];
const styles = ['orchestration', 'choreography'] as const satisfies readonly EngineName[];

describe.each(styles)('the %s, with 80 payments at once on one user and one product', (style) => {
  test.each(presets)('under %s: every one ends as it must, beside a monolith on the same rows', async (isolation) => {
    const planned = await placeOrders(db.pool, { hot: true, payments: 80, refusedOfTen: 4 });
    const engines = await startEngines(db.url, [style, 'legacy-lean'], { isolation });
    // Every fifth by the monolith: a foreign writer is what makes serialization failures.
    const answers = await Promise.all(planned.map((one, n) => engines.pay(n % 5 === 4 ? 'legacy-lean' : style, one)));
    const retries = await engines.retries();
    await engines.stop();
    expect(answers.map(endOf)).toEqual(planned.map(({ ends }) => ends));
    expect(Object.keys(retries).filter((sqlstate) => sqlstate !== '40001')).toEqual([]);
    if (isolation === 'minimal') expect(retries).toEqual({});
    const { perInvariant, unexamined } = await verify(db.url, { mode: 'live', expectEngines: [style, 'legacy-lean'] });
    expect(perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
    expect(unexamined).toEqual([]);
  });
});

test('what is measured for docs/isolation.md ends well; ISOLATION_ROUNDS=4 measures it', async () => {
  const { rounds, payments } = presetRounds(process.env);
  const rows = await measurePresets(db, { rounds, payments });
  expect(rows.every(({ settled }) => settled === payments)).toBe(true);
}, 600_000);
