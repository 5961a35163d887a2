import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import { startWorker } from '../../eventdriven/index.ts';
import { goForward } from '../../eventdriven/orchestration/orchestrator.ts';
import type { Style } from '../../eventdriven/saga/doorbell.ts';
import { rescueSagas } from '../../eventdriven/saga/rescue-sql.ts';
import { installSabotage } from '../../eventdriven/saga/sabotage.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import type { Sabotage } from '../../runtime/injected-fault.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import { styles } from '../support/workers.ts';

/** What each safety mechanism is good for: without it, something that is looked at goes wrong. */
let db: FreshDatabase;
beforeEach(async () => {
  db = await freshDatabase();
  await db.pool.query(`update sagashift_database set purpose = 'test'`);
});
afterEach(() => db.drop());

const portsWith = (sabotage?: Sabotage) => portsOn(db.url, freshRedis(), { sabotage });
const broken = async (mode: 'live' | 'drained') =>
  (await verify(db.url, { mode })).perInvariant.filter(({ violations }) => violations > 0).map(({ code }) => code);

/** A payment that a worker left behind after `at` boundaries. The pivot refuses it when its user is `blocked`. */
async function leftBehind(style: Style, at: number, blocked = false): Promise<Saga> {
  const { user, product, order } = shop(db.pool);
  const placed = await order({ userId: await user({ blocked }), lines: [{ productId: await product(), qty: 1 }] });
  const worker = style === 'orchestration' ? 'dead' : null;
  const [saga] = await doors(db.pool, { engine: style, worker }).pass(await accept(db.pool, [placed], style), at);
  await db.pool.query(`update saga_state set updated_at = now() - interval '1 minute'`);
  return saga as Saga;
}

async function until(seen: () => Promise<boolean>): Promise<void> {
  while (!(await seen())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe.each(styles)('in the $style', ({ style, roles }) => {
  test('without a rescuer, what a dead worker left stays open, and the verifier says so', async () => {
    await leftBehind(style, 2);
    const ports = portsWith('rescuer-off');
    const worker = await startWorker({ ...ports, roles });
    const beat = async () =>
      (await db.pool.query<{ beat_at: Date }>('select beat_at from worker_heartbeat'))[0]?.beat_at;
    const first = await beat();
    await until(async () => Number(await beat()) - Number(first) > 1_000); // two sweeps would have been
    expect(await broken('drained')).toContain('G6');
    await worker.stop();
    const honest = await startWorker({ ...portsWith(), roles });
    await until(async () => !(await broken('drained')).includes('G6'));
    await honest.stop();
  });

  test('when a compensation that failed is taken for done, money is missing, and the verifier says so', async () => {
    await db.pool
      .query(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no refund'; end $$;
      create trigger refuse before insert on balance_ledger for each row when (new.kind = 'REFUND') execute function refuse()`);
    const saga = await leftBehind(style, 3, true);
    const worker = await startWorker({ ...portsWith('compensation-swallowed'), roles });
    const status = async () =>
      (await db.pool.query<{ status: string }>('select status from saga_state where saga_id = $1', [saga.sagaId]))[0]
        ?.status;
    await until(async () => (await status()) === 'COMPENSATED');
    await worker.stop();
    expect(await broken('live')).toEqual(expect.arrayContaining(['G4', 'P5']));
  });

  test('without receipts a step that is delivered twice happens twice, and the verifier says so', async () => {
    await leftBehind(style, 0);
    const worker = await startWorker({ ...portsWith('receipts-off'), roles });
    await until(async () => (await broken('live')).length > 0);
    await worker.stop();
    expect(await broken('live')).toEqual(expect.arrayContaining(['B5', 'P3']));
  });

  // In one database no invariant can see it, as receipts and status guard the effects: it is held to its typed answer.
  test('without the epoch a worker that has lost its saga writes on, and its answer says so', async () => {
    const stale = await leftBehind(style, 1);
    const worker = style === 'orchestration' ? 'dead' : null;
    const writes = async () => (await doors(db.pool, { engine: style, worker }).run(1, [stale]))[0]?.outcome;
    const claim = {
      engine: style,
      worker: 'rescuer',
      versions: [1],
      active: [],
      maxCount: 9,
      silentMs: 0,
      unownedMs: 0,
    };
    expect(await rescueSagas(db.pool, claim)).toHaveLength(1);
    expect(await writes()).toBe('fenced');
    await installSabotage(portsWith('epoch-off').config);
    expect(await writes()).toBe('ok');
    expect(await goForward(doors(db.pool, { engine: style, worker }).lanes, stale, 2)).not.toBeNull();
  });
});
