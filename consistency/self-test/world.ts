import type { Pool } from '../../runtime/database.ts';
import type { Manifest } from '../manifest.ts';
import { payAtOnce } from './pay-at-once.ts';
import { paySagas } from './pay-sagas.ts';
import { isOne, type Planned, plannedOrders } from './world-plan.ts';
import { afterSql, laterSql, worldSql } from './world-sql.ts';

/** Fills an empty database with every kind of payment, by every engine, and every refusal: what mutants have to break. */
export async function buildWorld(pool: Pool, signal: AbortSignal): Promise<void> {
  const orders = plannedOrders();
  await pool.query(worldSql, [JSON.stringify(orders), JSON.stringify(peopleOf(orders))]);
  await pool.query(afterSql);
  await keepManifest(pool);
  const by = (engine: string): Planned[] => orders.filter((order) => order.engine === engine);
  for (const engine of ['history', 'legacy', 'legacy-lean']) {
    for (const order of by(engine)) {
      signal.throwIfAborted();
      await payAtOnce(pool, order, engine);
    }
  }
  await paySagas(pool, by('orchestration'), 'orchestration');
  await paySagas(pool, by('choreography'), 'choreography');
  await pool.query(laterSql);
}

function peopleOf(orders: readonly Planned[]): object[] {
  const ids = [...new Set(orders.map(({ userId }) => userId))];
  return ids.map((id) => ({
    id,
    blocked: isOne(id, 'blocked'),
    opening: isOne(id, 'poor') ? 1 : 1_000_000,
    topUp: isOne(id, 'rich') ? 10_000 : 0,
  }));
}

/** The ground truth of B8: what was there before the first payment. */
async function keepManifest(pool: Pool): Promise<void> {
  const [sums] = await pool.query<Manifest['sums'] & { readonly entries: number }>(
    `select coalesce(sum(amount) filter (where kind = 'OPENING'), 0)::bigint as "openingTotal",
       coalesce(sum(amount) filter (where kind = 'TOPUP'), 0)::bigint as "topUps", max(id) as entries from balance_ledger`,
  );
  if (sums === undefined) return;
  const { entries, openingTotal, topUps } = sums;
  const manifest: Manifest = {
    options: { world: 'self-test' },
    counts: { balance_ledger: entries },
    expected: {},
    sums: { openingTotal, topUps },
    checksum: '',
  };
  await pool.query('update sagashift_database set dataset = $1', [JSON.stringify(manifest)]);
}
