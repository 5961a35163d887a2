import { describe, expect, test } from '@jest/globals';
import type { OrderPlan } from '../../bench/dataset/plan.ts';
import { createOnlineVerifier, type Cycle } from '../../consistency/online/online-verifier.ts';
import { type OnlineEvent, watchOnline } from '../../consistency/online/watch-online.ts';
import { payLean } from '../../consistency/self-test/pay-at-once.ts';
import { paySagas } from '../../consistency/self-test/pay-sagas.ts';
import type { Tx } from '../../domain/ports.ts';
import { ConnectionLost, openConnection } from '../../runtime/database.ts';
import { codesIn, onlineStage } from '../support/online-stage.ts';
import { testServices } from '../support/services.ts';

const each = 20;
const stage = onlineStage(each, 130);

/** With a verifier of its own that has started, and all that is new examined. */
async function watching<T>(
  options_: { maxOrders?: number; maxWaiting?: number },
  work: (cycle: () => Promise<Cycle>) => Promise<T>,
): Promise<T> {
  const verifier = createOnlineVerifier({ url: stage.database.url, ...options_ });
  try {
    expect((await verifier.start()).found).toEqual([]);
    return await work(() => verifier.cycle());
  } finally {
    await verifier.stop();
  }
}

let next = 3 * each;
const takePlans = (count: number): readonly OrderPlan[] => stage.plans.slice(next, (next += count));
const takePaid = (): OrderPlan => {
  for (;;) {
    const [plan] = takePlans(1);
    if (plan === undefined) throw new Error('no plan is left');
    if (plan.expect === 'PAID') return plan;
  }
};

describe('beside payments', () => {
  test('nothing is found while all engines pay, every order is examined, and what is in flight is counted', async () => {
    const paidNow = takePlans(30);
    await watching({}, async (cycle) => {
      let paying = true;
      const work = (async () => {
        for (const plan of paidNow.slice(0, 10)) await payLean(stage.database.pool, plan);
        await paySagas(stage.database.pool, paidNow.slice(10, 20), 'orchestration');
        await paySagas(stage.database.pool, paidNow.slice(20), 'choreography');
        paying = false;
      })();
      const seen: Cycle[] = [];
      while (paying) seen.push(await cycle());
      await work;
      seen.push(await cycle());
      expect(seen.flatMap(codesIn)).toEqual([]);
      expect(seen.reduce((sum, { orders }) => sum + orders, 0)).toBeGreaterThanOrEqual(paidNow.length);
      expect(seen.some(({ refolded }) => refolded)).toBe(false);
      expect(seen.at(-1)?.inFlight).toMatchObject({ sagas: 0, moneyWon: 0, stock: 0 });
    });
  });

  test('a double debit is found in the cycle after its commit, once, with its order', async () => {
    const { orderId } = takePaid();
    await watching({}, async (cycle) => {
      await payLean(stage.database.pool, planOf(orderId));
      await cycle();
      await stage.database.pool.query(debitAgain, [orderId]);
      const { found } = await cycle();
      expect(found.find(({ invariant }) => invariant.code === 'B5')?.violators).toEqual([
        { id: String(orderId), orderId },
      ]);
      expect(codesIn(await cycle())).toEqual([]);
      await stage.database.pool.query(takeBack, [orderId]);
    });
  });

  test('what commits late is examined then, and not before, even if it was open when the verifier started', async () => {
    const [early, late, broken] = [takePaid(), takePaid(), takePaid()];
    await payLean(stage.database.pool, broken);
    const held = await heldOpen((tx) => payLean(tx, early));
    const wrong = await heldOpen((tx) => tx.query(debitAgain, [broken.orderId]));
    await watching({}, async (cycle) => {
      const other = await heldOpen((tx) => payLean(tx, late));
      for (let n = 0; n < 4; n++) expect(await cycle()).toMatchObject({ found: [], rows: 0 });
      await other.commit();
      expect(await cycle()).toMatchObject({ found: [], orders: 1, refolded: false });
      await held.commit();
      expect(await cycle()).toMatchObject({ found: [], orders: 1, refolded: false });
      await wrong.commit();
      expect(codesIn(await cycle())).toContain('B5');
    });
    await stage.database.pool.query(takeBack, [broken.orderId]);
  });

  test('more orders than a cycle takes are examined in the next ones, and too many given up, which is said', async () => {
    const paid = takePlans(9);
    await watching({ maxOrders: 4, maxWaiting: 3 }, async (cycle) => {
      for (const plan of paid) await payLean(stage.database.pool, plan);
      expect(await cycle()).toMatchObject({ orders: 4, waiting: 3, givenUp: 2, found: [] });
      expect(await cycle()).toMatchObject({ orders: 3, waiting: 0, givenUp: 0, found: [] });
      expect(await cycle()).toMatchObject({ orders: 0, waiting: 0, givenUp: 0, found: [] });
    });
  });

  test('a connection that is lost costs a cycle, not what changed meanwhile', async () => {
    const { orderId } = takePaid();
    await payLean(stage.database.pool, planOf(orderId));
    const seen: OnlineEvent[] = [];
    const over = new AbortController();
    await watchOnline({
      url: stage.database.url,
      everyMs: 5,
      signal: over.signal,
      onEvent(event) {
        seen.push(event);
        if (event.kind === 'started') hurt();
        if (event.kind === 'cycle' && codesIn(event).includes('B5')) over.abort();
      },
    });
    const kinds = seen.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'started')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'away')).toHaveLength(1);
    expect(kinds.indexOf('back')).toBeGreaterThan(kinds.indexOf('away'));
    await stage.database.pool.query(takeBack, [orderId]);

    function hurt(): void {
      const admit = async (yes: boolean): Promise<void> => {
        const admin = await openConnection({ url: testServices().adminUrl });
        await admin.query(`alter database ${new URL(stage.database.url).pathname.slice(1)} allow_connections ${yes}`);
        await admin.close();
      };
      const kill = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sagashift-online-verifier' and datname = current_database()`;
      void (async () => {
        await admit(false);
        while (!seen.some(({ kind }) => kind === 'away')) await stage.database.pool.query(kill);
        await stage.database.pool.query(debitAgain, [orderId]);
        await admit(true);
      })();
    }
  });

  test('a database that is not there from the start, or stays away, is a fault', async () => {
    const url = 'postgres://nobody@127.0.0.1:1/none';
    const signal = new AbortController().signal;
    const watch = watchOnline({ url, signal, onEvent: () => undefined });
    await expect(watch).rejects.toBeInstanceOf(ConnectionLost);
  });
});

const planOf = (orderId: number): OrderPlan => {
  const plan = stage.plans.find((each) => each.orderId === orderId);
  if (plan === undefined) throw new Error(`there is no plan of order ${orderId}`);
  return plan;
};

/** A transaction that has done its work and is not committed before it is told. */
async function heldOpen(work: (tx: Tx) => Promise<unknown>): Promise<{ commit(): Promise<void> }> {
  let commit: () => void = () => undefined;
  const told = new Promise<void>((resolve) => (commit = resolve));
  let done: () => void = () => undefined;
  const worked = new Promise<void>((resolve) => (done = resolve));
  const transaction = stage.database.pool.transaction(async (tx) => {
    await work(tx);
    done();
    await told;
  });
  await Promise.race([worked, transaction]);
  return {
    async commit() {
      commit();
      await transaction;
    },
  };
}

const debitAgain = `with again as (update balances b set amount = b.amount + l.amount, version = b.version + 1 from balance_ledger l
    where l.order_id = $1 and l.kind = 'DEBIT' and b.user_id = l.user_id returning b.user_id, l.order_id, l.amount as taken, b.amount, b.version)
  insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
  select user_id, order_id, 'DEBIT', taken, amount, version from again returning order_id`;
const takeBack = `with wrong as (delete from balance_ledger where id = (select max(id) from balance_ledger where order_id = $1) returning *)
  update balances b set amount = b.amount - wrong.amount, version = b.version - 1 from wrong where wrong.user_id = b.user_id`;
