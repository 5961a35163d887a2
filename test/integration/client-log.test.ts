import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadDataset } from '../../bench/dataset/load.ts';
import { datasetOptions } from '../../bench/dataset/options.ts';
import { planOrders } from '../../bench/dataset/plan.ts';
import type { Operation } from '../../bench/load/operation.ts';
import { writeOperationLog } from '../../bench/run/raw.ts';
import type { ClientEntry } from '../../consistency/client-log/operation-log.ts';
import {
  type ClientLogOptions,
  type ClientLogReport,
  judgeClientLog,
  verifyClientLog,
} from '../../consistency/client-log/verify-client-log.ts';
import { runVerify } from '../../consistency/command.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';
import { type Paid, payLean } from '../../consistency/self-test/pay-at-once.ts';
import { paySagas } from '../../consistency/self-test/pay-sagas.ts';

const options = datasetOptions({
  ...{ users: 60, products: 12, orders: 200, couponShare: 0.4 },
  ...{ lowBalanceShare: 0.06, lapsedShare: 0.06, usedCouponShare: 0.06, blockedShare: 0.06 },
});
const plans = [...planOrders(options)];
const asked = 180;

let database: FreshDatabase;
let outcomes: Paid[];
let directory: string;
/** A paid order and a refused one, with what was told about them. */
let paid: ClientEntry & { readonly paymentId: number };
let refused: ClientEntry;

const planOf = (id: number) => plans.find(({ orderId }) => orderId === id) ?? plans[0]!;

/** A log as a driver keeps it: every order asked for twice, so that each invariant has something to examine, and some not told at first. */
function log(): ClientEntry[] {
  return outcomes.flatMap(({ orderId, outcome, paymentId, code }, i) => {
    const { userId, couponId } = planOf(orderId);
    const entry = { orderId, userId, couponId, invokedAt: 10, endedAt: 20 };
    const told = { ...entry, outcome, paymentId: paymentId ?? null, code: code ?? null, status: paymentId ? 201 : 422 };
    const lost = { ...entry, outcome: 'unknown' as const, code: 'CONNECTION_LOST', paymentId: null, status: 0 };
    return [i % 3 === 0 ? lost : told, { ...told, invokedAt: 30, endedAt: 40 }];
  });
}

const broken = ({ perInvariant }: ClientLogReport): string[] =>
  perInvariant.filter(({ violations }) => violations > 0).map(({ code }) => code);

class RolledBack extends Error {}

/** What the log breaks after the statement, which leaves nothing behind. */
async function brokenAfter(sql: string, entries: readonly ClientEntry[], mode: ClientLogOptions['mode'] = 'drained') {
  let found: ClientLogReport | undefined;
  const work = database.pool.transaction(async (tx) => {
    await tx.query(sql);
    found = await judgeClientLog(tx, entries, { mode });
    throw new RolledBack();
  });
  await expect(work).rejects.toBeInstanceOf(RolledBack);
  return broken(found!);
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'client-log-'));
  database = await freshDatabase();
  await loadDataset(database.url, options);
  const lean: Paid[] = [];
  for (const plan of plans.slice(0, 60)) lean.push(await payLean(database.pool, plan));
  outcomes = [
    ...lean,
    ...(await paySagas(database.pool, plans.slice(60, 120), 'orchestration')),
    ...(await paySagas(database.pool, plans.slice(120, asked), 'choreography')),
  ];
  const entries = log();
  paid = entries.findLast(({ outcome }) => outcome === 'paid') as typeof paid;
  refused = entries.findLast(({ outcome }) => outcome === 'refused')!;
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await database.drop();
});

describe('a log that is true', () => {
  test('breaks nothing, and each invariant has examined something', async () => {
    const report = await verifyClientLog(database.url, log(), { mode: 'drained' });
    expect(broken(report)).toEqual([]);
    const count = (outcome: Paid['outcome']) => outcomes.filter((one) => one.outcome === outcome).length;
    expect(report.perInvariant.map(({ code, examined }) => [code, examined])).toEqual([
      ['A1', count('paid')],
      ['A2', count('refused')],
      ['A3', asked / 3],
      ['A4', asked],
    ]);
    expect(report.requests).toBe(2 * asked);
    expect(report.unknown.paid + report.unknown.refused).toBe(asked / 3);
  });

  test('is judged the same in parts, wherever the requests for an order lie in it', async () => {
    const entries = [...log(), { ...paid, paymentId: paid.paymentId + 1 }, { ...refused, code: 'STOCK_GONE' }];
    const whole = await verifyClientLog(database.url, entries);
    const scattered = [...entries].sort((a, b) => a.outcome.localeCompare(b.outcome));
    const parts = await verifyClientLog(database.url, scattered, { partSize: 50 });
    expect(parts.perInvariant.map(({ examined }) => examined)).toEqual(
      whole.perInvariant.map(({ examined }) => examined),
    );
    expect([broken(whole), broken(parts)]).toEqual([
      ['A1', 'A4'],
      ['A1', 'A4'],
    ]);
  });

  test('says what became of the unknown', async () => {
    const entries = [...outcomes.map(({ orderId }) => orderId), plans[asked]!.orderId, 999_999_999].map((orderId) => ({
      orderId,
      outcome: 'unknown' as const,
    }));
    const { unknown, violations } = await verifyClientLog(database.url, entries, { mode: 'drained' });
    const paidOnes = outcomes.filter(({ outcome }) => outcome === 'paid').length;
    expect(unknown).toEqual({ paid: paidOnes, refused: asked - paidOnes, untouched: 2, open: 0 });
    expect(violations).toBe(0);
  });

  test('may hold a coupon of somebody else, refused before the payment began with another', async () => {
    const stranger = { ...paid, couponId: 999_999, outcome: 'refused', paymentId: null } as const;
    expect(await brokenAfter('select', [...log(), { ...stranger, code: 'COUPON_UNUSABLE' }])).toEqual([]);
    expect(await brokenAfter('select', [...log(), { ...stranger, code: 'STOCK_INSUFFICIENT' }])).toEqual(['A4']);
  });
});

describe('a database that is not what was told', () => {
  /** SQL on the paid order $p, the refused one $r; what the two are told to have been, beside the true log of all others. */
  const mutants: readonly (readonly [string, string, string[], Partial<ClientEntry>?])[] = [
    ['nothing', 'select', []],
    ['a payment is lost', 'delete from payments where order_id = $p', ['A1']],
    [
      'a payment is another',
      `with old as (delete from payments where order_id = $p returning *)
       insert into payments (id, order_id, user_id, amount, engine) overriding system value select id + 1000000, order_id, user_id, amount, engine from old`,
      ['A1'],
    ],
    [
      'an order is paid twice',
      `alter table payments drop constraint payments_order_id_key;
       insert into payments (id, order_id, user_id, amount, engine) overriding system value
         select 0, order_id, user_id, amount, engine from payments where order_id = $p`,
      ['A1'],
    ],
    [
      'a refused order was not refunded all',
      `update balance_ledger set amount = amount - 5 where order_id = $r and kind = 'REFUND'`,
      ['A2'],
    ],
    [
      'a refused order had its stock confirmed',
      `insert into stock_ledger (product_id, order_id, kind, qty) select product_id, $r, 'CONFIRM', qty from order_items where order_id = $r limit 1`,
      ['A2'],
    ],
    [
      'a refused order was paid',
      `insert into payments (order_id, user_id, amount, engine) select id, user_id, 1, 'legacy' from orders where id = $r`,
      ['A2'],
    ],
    [
      'an order was debited twice',
      `insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version) select user_id, $p, 'DEBIT', -5, 0, 999 from orders where id = $p`,
      ['A4'],
    ],
    [
      'of the unknown a payment is lost and its debit is there',
      'delete from payments where order_id = $p',
      ['A3'],
      unknown(),
    ],
    [
      'of the unknown the debit is missing and the payment is there',
      `delete from balance_ledger where order_id = $p and kind = 'DEBIT'`,
      ['A3'],
      unknown(),
    ],
    [
      'of the unknown the debit is not what was paid',
      `update payments set amount = amount + 1 where order_id = $p`,
      ['A3'],
      unknown(),
    ],
    [
      'of the unknown one was refunded and stayed paid',
      `insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version) select user_id, $p, 'REFUND', final_amount, 0, 999 from orders where id = $p`,
      ['A3'],
      unknown(),
    ],
    [
      'of the unknown one is open for ever',
      `delete from payments where order_id = $p; update orders set status = 'PAYING' where id = $p`,
      ['A3'],
      unknown(),
    ],
    [
      'of the unknown one began and never went on',
      `delete from payments where order_id = $p; update orders set status = 'PENDING' where id = $p`,
      ['A3'],
      unknown(),
    ],
  ];
  function unknown(): Partial<ClientEntry> {
    return { outcome: 'unknown', paymentId: null, code: 'CONNECTION_LOST', status: 0 };
  }
  const rewritten = (told: Partial<ClientEntry> = {}): ClientEntry[] => {
    const paidTwice: Partial<ClientEntry> = { outcome: 'paid', paymentId: paid.paymentId, ...told };
    return log().map((entry) => (entry.orderId === paid.orderId ? { ...entry, ...paidTwice } : entry));
  };
  const withIds = (sql: string): string =>
    sql.replaceAll('$p', String(paid.orderId)).replaceAll('$r', String(refused.orderId));

  test.each(mutants.map(([does, sql, codes, told = {}]) => ({ does, sql, codes, told })))(
    '$does',
    async ({ sql, codes, told }) => {
      expect(await brokenAfter(withIds(sql), rewritten(told).filter(toldIfRefused))).toEqual(codes);
    },
  );
  /** Told at both times: what was not told at first would break A3 as well. */
  const toldIfRefused = (entry: ClientEntry): boolean =>
    entry.orderId !== refused.orderId || entry.outcome === 'refused';

  test('while payments are in work an open one is no violation', async () => {
    const open = withIds(`delete from payments where order_id = $p; update orders set status = 'PAYING' where id = $p`);
    expect(await brokenAfter(open, rewritten(unknown()), 'live')).toEqual([]);
  });
});

describe('a log that says otherwise', () => {
  const later = { invokedAt: 50, endedAt: 60 };
  const mutants: readonly (readonly [string, () => ClientEntry, string[]])[] = [
    ['the same key got two payment ids', () => ({ ...paid, ...later, paymentId: paid.paymentId + 1 }), ['A1', 'A4']],
    [
      'what was paid was refused',
      () => ({ ...paid, ...later, outcome: 'refused', paymentId: null, code: 'X' }),
      ['A2', 'A4'],
    ],
    [
      'what was refused was paid',
      () => ({ ...refused, ...later, outcome: 'paid', paymentId: 7, code: null }),
      ['A1', 'A4'],
    ],
    ['the same key got two refusals', () => ({ ...refused, ...later, code: 'ANOTHER' }), ['A4']],
    ['another coupon was paid', () => ({ ...paid, ...later, couponId: 999_999 }), ['A4']],
    ['another coupon was accepted', () => ({ ...paid, ...later, ...lost, couponId: 999_999, status: 202 }), ['A4']],
    ['another user was told', () => ({ ...paid, ...later, userId: 999_999 }), ['A4']],
    ['what was told is not known any more', () => ({ ...paid, ...later, ...lost, status: 404, code: 'GONE' }), ['A4']],
    ['another coupon is a mismatch', () => ({ ...paid, ...later, ...lost, couponId: 999_999, status: 409 }), []],
    ['asked at once one was told to wait', () => ({ ...paid, ...lost, invokedAt: 15, endedAt: 16, status: 409 }), []],
    ['asking again met too many requests', () => ({ ...paid, ...later, ...lost, status: 429 }), []],
    ['asking again met a fault', () => ({ ...paid, ...later, ...lost, status: 503 }), []],
  ];
  const lost = { outcome: 'unknown', paymentId: null, code: null } as const;

  test.each(mutants)('%s', async (_, entry, codes) => {
    expect(await brokenAfter('select', [...log(), entry()])).toEqual(codes);
  });

  test('names the order and what is wrong with it', async () => {
    const wrong = { ...paid, ...later, paymentId: 123_456_789 };
    const { perInvariant } = await verifyClientLog(database.url, [...log(), wrong]);
    expect(perInvariant[0]?.sample).toEqual([`order ${paid.orderId} (told payment 123456789, has ${paid.paymentId})`]);
    expect(perInvariant[3]?.sample).toEqual([
      `order ${paid.orderId} (told payment ${paid.paymentId}, then payment 123456789)`,
    ]);
  });
});

describe('npm run verify -- --client-log', () => {
  const run = async (argv: string[]): Promise<{ code: number; out: string; err: string }> => {
    let [out, err] = ['', ''];
    const io = {
      env: { DATABASE_URL: database.url },
      out: (text: string) => (out += text),
      err: (text: string) => (err += text),
    };
    const code = await runVerify(argv, io);
    return { code, out, err };
  };
  const file = (name: string, content: string | Buffer): string => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
  const header = '{"log":"sagashift-operations","version":1}\n';
  /** As the bench writes it: the outcomes of `log()`, gzipped. */
  const written = (change: Partial<Operation> = {}): string => {
    const path = join(directory, 'round.operations.ndjson.gz');
    const operations = log().map(({ orderId, outcome, paymentId = null, code = null, status = 0 }, i) => {
      const { userId, couponId, expect: ends } = planOf(orderId);
      const times = { intendedAt: i, startedAt: i, endedAt: i + 1, attempt: 1 + (i % 2) };
      const engine = 'legacy-lean';
      return { ...times, orderId, userId, couponId, outcome, paymentId, code, status, engine, expect: ends };
    });
    writeOperationLog(path, { arm: 'legacy-lean' }, [...operations, { ...operations[0]!, ...change }]);
    return path;
  };

  test('reads what the bench leaves, prints a table and ends with 0', async () => {
    const { code, out } = await run(['--client-log', written(), '--mode', 'drained']);
    expect(out).toMatch(/A1 +\d+ +0 {2}What was acknowledged .*\n(.*\n)*A4 +180 +0 /);
    expect(out).toMatch(
      /of 60 orders with a request that got no final answer \d+ are paid \(\d+\.\d %\), \d+ refused, 0 without/,
    );
    expect(out).toContain('361 requests');
    expect(code).toBe(0);
  });

  test('ends with 1 and names the order when what was told is not so', async () => {
    const { orderId, userId, couponId } = planOf(paid.orderId);
    const path = written({ orderId, userId, couponId, outcome: 'paid', code: null, paymentId: 123_456_789 });
    const { code, out } = await run(['--client-log', path, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ requests: 361, violations: expect.any(Number) });
    expect(out).toContain(`order ${paid.orderId} (told payment 123456789, has ${paid.paymentId})`);
  });

  test('says of which invariant a log has nothing', async () => {
    const line = `{"orderId":${paid.orderId},"userId":${paid.userId},"couponId":${paid.couponId},"attempt":1,"invokedAt":1,"endedAt":2.5,"outcome":"paid","code":null,"paymentId":${paid.paymentId},"status":201,"more":[]}\n`;
    const { code, out } = await run(['--client-log', file('one', header + line)]);
    expect(out).toMatch(
      /every request got a final answer\nA2: nothing to examine .*\nA3: nothing .*\nA4: nothing .*\n1 requests/,
    );
    expect(code).toBe(0);
  });

  const line =
    '{"orderId":1,"userId":2,"couponId":null,"attempt":1,"invokedAt":1,"endedAt":2,"outcome":"paid","code":null,"paymentId":3,"status":201}\n';
  test.each([
    [2, 'a file of another kind', 'hello\n', /line 1: not JSON: hello/],
    [2, 'JSON of another kind', '{"a":1}\n', /line 1: not the header of an operation log/],
    [2, 'null', 'null\n', /line 1: not the header/],
    [2, 'a later version', header.replace('1}', '2}'), /is an operation log of version 2; this program reads 1/],
    [2, 'a line that is cut', header + line + line.slice(0, 40), /line 3: the last line is cut/],
    [2, 'garbage in its midst', `${header}${line}\u0000\n${line}`, /line 3: not JSON/],
    [2, 'an outcome that is none', header + line.replace('paid', 'maybe'), /line 2: outcome: /],
    [2, 'a payment without its id', header + line.replace('"paymentId":3', '"paymentId":null'), /line 2: paymentId: /],
    [2, 'an order of text', header + line + line.replace('"orderId":1', '"orderId":"1"'), /line 3: orderId: /],
    [2, 'a line without end', header + 'x'.repeat(200_000), /line 2: longer than 65536 characters/],
    [
      2,
      'a gzip that is cut',
      gzipSync(header + line.repeat(100)).subarray(0, 60),
      /cannot be read to its end.*unexpected end/,
    ],
    [2, 'a gzip that is none', Buffer.from([0x1f, 0x8b, 1, 2, 3]), /cannot be read to its end/],
    [3, 'an empty file', '', /nothing examined: .* holds no request/],
    [3, 'a header alone', header, /nothing examined/],
  ])('ends with %d for %s', async (code, name, content, message) => {
    const reply = await run(['--client-log', file(name.replaceAll(' ', '-'), content)]);
    expect(reply.err).toMatch(message);
    expect(reply.code).toBe(code);
  });

  test('ends with 2 for a file that is not there, a directory, and what does not go with it', async () => {
    expect(await run(['--client-log', join(directory, 'none')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('ENOENT'),
    });
    expect(await run(['--client-log', directory])).toMatchObject({ code: 2, err: expect.stringContaining('EISDIR') });
    expect((await run(['--client-log', written(), '--record'])).code).toBe(2);
    expect((await run(['--client-log', written(), '--from-snapshots'])).code).toBe(2);
    expect(
      (await run(['--client-log', written(), '--database-url', 'postgres://postgres@127.0.0.1:1/none'])).code,
    ).toBe(4);
  });

  test('holds no more than so many requests for one order', async () => {
    const many = Array.from({ length: 10_001 }, () => ({ orderId: 1, outcome: 'unknown' as const }));
    await expect(verifyClientLog(database.url, many)).rejects.toThrow('more than 10000 requests for order 1');
  });

  test('an interrupt ends it', async () => {
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(verifyClientLog(database.url, log(), { signal })).rejects.toThrow('stop');
  });
});
