import type { Config } from '../../runtime/config.ts';
import type { FreshDatabase } from '../support/services.ts';
import { openSession } from '../support/sessions.ts';
import { startEngines } from './engines-at-once.ts';
import { endOf, placeOrders, type PlannedPayment } from './preset-load.ts';
import { switchOff } from './switched-off.ts';

export interface Round {
  readonly round: number;
  readonly isolation: Config['isolation'];
  readonly rows: 'spread' | 'hot' | 'held' | 'held, without skip locked';
  readonly settled: number;
  readonly settledPerSecond: number;
  readonly retries: number;
}

const clients = 64;

/** A small one proves that the measurement works; figures need more. */
export const presetRounds = ({ ISOLATION_ROUNDS: rounds }: NodeJS.ProcessEnv) =>
  rounds === undefined ? { rounds: 0, payments: 100 } : { rounds: Number(rounds), payments: 1_000 };

const skipLocked = {
  file: 'domain/product/confirm-stock.sql',
  from: 'order by s.product_id for update skip locked);',
  to: 'order by s.product_id for update);',
};

/**
 * Payments by the orchestration, from accepted to final, under both presets, in turns: on one user and one product, on 50 of
 * each, and on 50 of each while a monolith holds one of the products again and again, 20 ms at a time; the same with forward batches that wait. Round 0 warms up.
 */
export async function measurePresets(
  db: FreshDatabase,
  { rounds, payments }: { readonly rounds: number; readonly payments: number },
): Promise<readonly Round[]> {
  const seen: Round[] = [];
  for (let round = 0; round <= rounds; round++) {
    for (const rows of ['spread', 'hot', 'held', 'held, without skip locked'] as const) {
      for (const isolation of round % 2 === 0 ? (['minimal', 'seed'] as const) : (['seed', 'minimal'] as const)) {
        const planned = await placeOrders(db.pool, { hot: rows === 'hot', payments, refusedOfTen: 0 });
        const waits = rows === 'held, without skip locked';
        await switchOff(db.pool, [waits ? skipLocked : { ...skipLocked, to: skipLocked.from }]);
        const figures = await settle(db, isolation, planned, waits || rows === 'held');
        if (rounds === 0 || round > 0) seen.push({ round, isolation, rows, ...figures });
      }
    }
  }
  if (rounds > 0) process.stdout.write(`${seen.map((row) => JSON.stringify(row)).join('\n')}\n`);
  return seen;
}

async function settle(
  db: FreshDatabase,
  isolation: Config['isolation'],
  planned: readonly PlannedPayment[],
  held: boolean,
) {
  const engines = await startEngines(db.url, ['orchestration'], { isolation });
  const holder = held ? holdAgainAndAgain(db, planned) : undefined;
  await holder?.holding;
  const waiting = [...planned];
  let settled = 0;
  const began = performance.now();
  const client = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      if (endOf(await engines.pay('orchestration', one)) === one.ends) settled++;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - began) / 1_000;
  await holder?.stop();
  const retries = Object.values(await engines.retries()).reduce((sum, n) => sum + n, 0);
  await engines.stop();
  return { settled, settledPerSecond: Math.round(settled / seconds), retries };
}

/** The stock of the first order's product is locked, changed and let go, by somebody who thinks for 20 ms. */
function holdAgainAndAgain(db: FreshDatabase, [first]: readonly PlannedPayment[]) {
  let stopped = false;
  let began = (): void => undefined;
  const holding = new Promise<void>((resolve) => (began = resolve));
  const loop = (async () => {
    const session = await openSession(db.url, db.pool, 'read committed');
    while (!stopped) {
      await session.begin();
      await session.query(
        `update stocks set available = available where product_id = (select min(product_id) from order_items where order_id = $1)`,
        [first?.id],
      );
      began();
      await session.query('select pg_sleep(0.02)');
      await session.commit();
    }
    await session.close();
  })();
  return {
    holding,
    async stop() {
      stopped = true;
      await loop;
    },
  };
}
