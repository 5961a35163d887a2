import { isolationPresets, microTransactions } from '../../../domain/cuts.ts';
import { type Connection, openConnection } from '../../../runtime/database.ts';
import { type FreshDatabase, freshDatabase } from '../services.ts';
import { drawOf } from './draw.ts';
import { finish } from './finish.ts';
import { violations } from './invariants.ts';
import { deliver } from './message.ts';
import { type Mutant, mutate } from './mutants.ts';
import { runSchedule } from './run-schedule.ts';
import { createWorld } from './world.ts';

export interface StageOptions {
  readonly actors: number;
  readonly isolation?: keyof typeof isolationPresets;
  readonly mutant?: Mutant;
}

/** A database and connections on which one schedule after another is played, each in a world of its own. */
export interface Stage {
  readonly db: FreshDatabase;
  /** What the schedule of this seed broke; nothing, if all is well. */
  play(seed: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Indexes that only the invariants need: they look at a few rows among those of all worlds. */
const lookups = `
  create index on balance_ledger (user_id); create index on stock_ledger (product_id); create index on user_coupons (user_id);
  create index on external_event_log (order_id)`;

export async function openStage({ actors, isolation = 'minimal', mutant }: StageOptions): Promise<Stage> {
  const db = await freshDatabase(2);
  // Nothing crashes here, so nothing needs to reach the disk: only who sees what is at stake.
  await db.pool.query(
    `do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$`,
  );
  await db.pool.query(lookups);
  if (mutant !== undefined) await mutate(db.pool, mutant);
  const opened: Connection[] = [];
  const connect = async (level: (typeof isolationPresets)['minimal']['order'] = 'read committed') => {
    const one = await openConnection({ url: db.url, isolation: level, pinnedPlans: true, timeoutMs: 10_000 });
    opened.push(one);
    return one;
  };
  const actor = async (): Promise<Connection[]> => {
    if (isolation === 'seed')
      return Promise.all(microTransactions.map((b) => connect(isolationPresets.seed[b.domain])));
    const one = await connect();
    return microTransactions.map(() => one);
  };
  const cast = { actors: await Promise.all(Array.from({ length: actors }, actor)), monolith: await connect() };
  const quiet = await connect();
  const line = microTransactions.map(() => quiet);
  return {
    db,
    async play(seed) {
      const draw = drawOf(seed);
      const world = await createWorld(db.pool, draw);
      const late = await runSchedule(cast, world, draw, 10 + draw.below(30));
      await finish(quiet, world);
      for (const message of late) await deliver(line, message); // what was still under way arrives after the end
      return violations(quiet, world);
    },
    async close() {
      await Promise.all(opened.map((one) => one.close()));
      await db.drop();
    },
  };
}
