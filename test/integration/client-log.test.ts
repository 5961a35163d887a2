import { describe, expect, test } from '@jest/globals';
import type { Operation } from '../../bench/load/operation.ts';
import { writeOperationLog } from '../../bench/run/raw.ts';
import type { ClientEntry } from '../../consistency/client-log/operation-log.ts';
import { verifyClientLog } from '../../consistency/client-log/verify-client-log.ts';
import type { Paid } from '../../consistency/self-test/pay-at-once.ts';
import { brokenIn, clientLogStage } from '../support/client-log-stage.ts';
import { ownFolder } from '../support/own-folder.ts';
import { verifyCommand } from '../support/verify-command.ts';

const asked = 180;
const stage = clientLogStage(asked);
const { log, brokenAfter, planOf, plans } = stage;
const folder = ownFolder('client-log');

describe('a log that is true', () => {
  test('breaks nothing, and each invariant has examined something', async () => {
    const report = await verifyClientLog(stage.database.url, log(), { mode: 'drained' });
    expect(brokenIn(report)).toEqual([]);
    const count = (outcome: Paid['outcome']) => stage.outcomes.filter((one) => one.outcome === outcome).length;
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
    const entries = [
      ...log(),
      { ...stage.paid, paymentId: stage.paid.paymentId + 1 },
      { ...stage.refused, code: 'STOCK_GONE' },
    ];
    const whole = await verifyClientLog(stage.database.url, entries);
    const scattered = [...entries].sort((a, b) => a.outcome.localeCompare(b.outcome));
    const parts = await verifyClientLog(stage.database.url, scattered, { partSize: 50 });
    expect(parts.perInvariant.map(({ examined }) => examined)).toEqual(
      whole.perInvariant.map(({ examined }) => examined),
    );
    expect([brokenIn(whole), brokenIn(parts)]).toEqual([
      ['A1', 'A4'],
      ['A1', 'A4'],
    ]);
  });

  test('says what became of the unknown', async () => {
    const entries = [...stage.outcomes.map(({ orderId }) => orderId), plans[asked]!.orderId, 999_999_999].map(
      (orderId) => ({
        orderId,
        outcome: 'unknown' as const,
      }),
    );
    const { unknown, violations } = await verifyClientLog(stage.database.url, entries, { mode: 'drained' });
    const paidOnes = stage.outcomes.filter(({ outcome }) => outcome === 'paid').length;
    expect(unknown).toEqual({ paid: paidOnes, refused: asked - paidOnes, untouched: 2, open: 0 });
    expect(violations).toBe(0);
  });

  test('may hold a coupon of somebody else, refused before the payment began with another', async () => {
    const stranger = { ...stage.paid, couponId: 999_999, outcome: 'refused', paymentId: null } as const;
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
    const paidTwice: Partial<ClientEntry> = { outcome: 'paid', paymentId: stage.paid.paymentId, ...told };
    return log().map((entry) => (entry.orderId === stage.paid.orderId ? { ...entry, ...paidTwice } : entry));
  };
  const withIds = (sql: string): string =>
    sql.replaceAll('$p', String(stage.paid.orderId)).replaceAll('$r', String(stage.refused.orderId));

  test.each(mutants.map(([does, sql, codes, told = {}]) => ({ does, sql, codes, told })))(
    '$does',
    async ({ sql, codes, told }) => {
      expect(await brokenAfter(withIds(sql), rewritten(told).filter(toldIfRefused))).toEqual(codes);
    },
  );
  /** Told at both times: what was not told at first would break A3 as well. */
  const toldIfRefused = (entry: ClientEntry): boolean =>
    entry.orderId !== stage.refused.orderId || entry.outcome === 'refused';

  test('while payments are in work an open one is no violation', async () => {
    const open = withIds(`delete from payments where order_id = $p; update orders set status = 'PAYING' where id = $p`);
    expect(await brokenAfter(open, rewritten(unknown()), 'live')).toEqual([]);
  });
});

describe('a log that says otherwise', () => {
  const later = { invokedAt: 50, endedAt: 60 };
  const mutants: readonly (readonly [string, () => ClientEntry, string[]])[] = [
    [
      'the same key got two payment ids',
      () => ({ ...stage.paid, ...later, paymentId: stage.paid.paymentId + 1 }),
      ['A1', 'A4'],
    ],
    [
      'what was paid was refused',
      () => ({ ...stage.paid, ...later, outcome: 'refused', paymentId: null, code: 'X' }),
      ['A2', 'A4'],
    ],
    [
      'what was refused was paid',
      () => ({ ...stage.refused, ...later, outcome: 'paid', paymentId: 7, code: null }),
      ['A1', 'A4'],
    ],
    ['the same key got two refusals', () => ({ ...stage.refused, ...later, code: 'ANOTHER' }), ['A4']],
    ['another coupon was paid', () => ({ ...stage.paid, ...later, couponId: 999_999 }), ['A4']],
    [
      'another coupon was accepted',
      () => ({ ...stage.paid, ...later, ...lost, couponId: 999_999, status: 202 }),
      ['A4'],
    ],
    ['another user was told', () => ({ ...stage.paid, ...later, userId: 999_999 }), ['A4']],
    [
      'what was told is not known any more',
      () => ({ ...stage.paid, ...later, ...lost, status: 404, code: 'GONE' }),
      ['A4'],
    ],
    ['another coupon is a mismatch', () => ({ ...stage.paid, ...later, ...lost, couponId: 999_999, status: 409 }), []],
    [
      'asked at once one was told to wait',
      () => ({ ...stage.paid, ...lost, invokedAt: 15, endedAt: 16, status: 409 }),
      [],
    ],
    ['asking again met too many requests', () => ({ ...stage.paid, ...later, ...lost, status: 429 }), []],
    ['asking again met a fault', () => ({ ...stage.paid, ...later, ...lost, status: 503 }), []],
  ];
  const lost = { outcome: 'unknown', paymentId: null, code: null } as const;

  test.each(mutants)('%s', async (_, entry, codes) => {
    expect(await brokenAfter('select', [...log(), entry()])).toEqual(codes);
  });

  test('names the order and what is wrong with it', async () => {
    const wrong = { ...stage.paid, ...later, paymentId: 123_456_789 };
    const { perInvariant } = await verifyClientLog(stage.database.url, [...log(), wrong]);
    expect(perInvariant[0]?.sample).toEqual([
      `order ${stage.paid.orderId} (told payment 123456789, has ${stage.paid.paymentId})`,
    ]);
    expect(perInvariant[3]?.sample).toEqual([
      `order ${stage.paid.orderId} (told payment ${stage.paid.paymentId}, then payment 123456789)`,
    ]);
  });
});

describe('npm run verify -- --client-log', () => {
  const run = (argv: readonly string[]) => verifyCommand(stage.database.url, argv);
  const header = '{"log":"sagashift-operations","version":1}\n';
  /** As the bench writes it: the outcomes of `log()`, gzipped. */
  const written = (change: Partial<Operation> = {}): string => {
    const path = folder.path('round.operations.ndjson.gz');
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
    const { orderId, userId, couponId } = planOf(stage.paid.orderId);
    const path = written({ orderId, userId, couponId, outcome: 'paid', code: null, paymentId: 123_456_789 });
    const { code, out } = await run(['--client-log', path, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ requests: 361, violations: expect.any(Number) });
    expect(out).toContain(`order ${stage.paid.orderId} (told payment 123456789, has ${stage.paid.paymentId})`);
  });

  test('says of which invariant a log has nothing', async () => {
    const line = `{"orderId":${stage.paid.orderId},"userId":${stage.paid.userId},"couponId":${stage.paid.couponId},"attempt":1,"invokedAt":1,"endedAt":2.5,"outcome":"paid","code":null,"paymentId":${stage.paid.paymentId},"status":201,"more":[]}\n`;
    const { code, out } = await run(['--client-log', folder.write('one', `${header}${line}`)]);
    expect(out).toMatch(
      /every request got a final answer\nA2: nothing to examine .*\nA3: nothing .*\nA4: nothing .*\n1 requests/,
    );
    expect(code).toBe(0);
  });

  test('ends with 2 for a file that is not there, a directory, and what does not go with it', async () => {
    expect(await run(['--client-log', folder.path('none')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('ENOENT'),
    });
    expect(await run(['--client-log', folder.path()])).toMatchObject({
      code: 2,
      err: expect.stringContaining('EISDIR'),
    });
    expect((await run(['--client-log', written(), '--record'])).code).toBe(2);
    expect((await run(['--client-log', written(), '--from-snapshots'])).code).toBe(2);
    expect(
      (await run(['--client-log', written(), '--database-url', 'postgres://postgres@127.0.0.1:1/none'])).code,
    ).toBe(4);
  });

  test('an interrupt ends it', async () => {
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(verifyClientLog(stage.database.url, log(), { signal })).rejects.toThrow('stop');
  });
});
