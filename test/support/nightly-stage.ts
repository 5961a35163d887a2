import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { runVerify } from '../../consistency/command.ts';
import { type NightlyOptions, runNightly } from '../../consistency/nightly/nightly.ts';
import type { NightlyReport } from '../../consistency/nightly/report.ts';
import { paidOrders } from './paid-orders.ts';
import { type FreshDatabase, freshDatabase } from './services.ts';
import type { Verified } from './verify-command.ts';

const never = new AbortController().signal;

/** A database for nights to examine, and a folder for what they write. Read `db` and `out` in tests: before them there is neither. */
export interface NightlyStage {
  readonly db: FreshDatabase;
  readonly out: string;
  readonly nightly: (options?: NightlyOptions, signal?: AbortSignal) => Promise<NightlyReport>;
  /** `npm run verify -- --nightly` in this process. */
  readonly command: (
    argv: readonly string[],
    more?: { readonly env?: NodeJS.ProcessEnv; readonly signal?: AbortSignal; readonly url?: string },
  ) => Promise<Verified>;
  /** What is to be done when the test ends, in this order. */
  readonly mended: (() => Promise<unknown>)[];
  /** A won that no ledger knows of, until the test ends. */
  readonly wrongBalance: (user: number) => Promise<void>;
  readonly runs: () => Promise<object[]>;
}

/** Of this file's own, and after each test as before it. Call it once, outside of tests. */
export function nightlyStage(orders: number): NightlyStage {
  const made = {} as { db: FreshDatabase; out: string };
  const mended: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    made.db = await freshDatabase();
    await paidOrders(made.db.url, orders);
    made.out = mkdtempSync(join(tmpdir(), 'nightly-'));
  });
  afterEach(async () => {
    for (const mend of mended.splice(0)) await mend();
    await made.db.pool.query('delete from verification_run; delete from verification_pruned');
  });
  afterAll(async () => {
    rmSync(made.out, { recursive: true, force: true });
    await made.db.drop();
  });

  const change = (won: number, user: number): Promise<unknown> =>
    made.db.pool.query('update balances set amount = amount + $1 where user_id = $2', [won, user]);
  const command: NightlyStage['command'] = async (argv, { env = {}, signal = never, url = made.db.url } = {}) => {
    let [out, err] = ['', ''];
    const code = await runVerify(['--nightly', ...argv], {
      env: { DATABASE_URL: url, SAGASHIFT_NIGHTLY_OUT: join(made.out, 'default'), ...env },
      out: (text) => (out += text),
      err: (text) => (err += text),
      signal,
    });
    return { code, out, err };
  };
  return Object.assign(made, {
    ...{ mended, command },
    nightly: (options: NightlyOptions = {}, signal = never) => runNightly(made.db.url, options, signal),
    async wrongBalance(user: number) {
      await change(1, user);
      mended.push(() => change(-1, user));
    },
    runs: () =>
      made.db.pool.query<object>('select status, resumptions, violations, checked from verification_run order by id'),
  });
}

/** What is broken, by its code. */
export const brokenIn = ({ perInvariant }: NightlyReport): object =>
  Object.fromEntries(
    perInvariant.filter(({ violations }) => violations > 0).map(({ code, violators }) => [code, violators]),
  );
