import type { Tx } from '../../domain/ports.ts';
import { openPool } from '../../runtime/database.ts';
import type { Finding } from '../check.ts';
import type { Mode } from '../verifier.ts';
import { type ClientCode, type End, type Judgement, judgeOrder } from './judge-order.ts';
import { type ClientEntry, OperationLogError } from './operation-log.ts';
import { orderFacts } from './order-facts-sql.ts';
import { assertFitDatabase } from '../unfit.ts';

/** What clients were told: as a list, or as something that can be read again from its start. */
export type ClientLog = readonly ClientEntry[] | (() => AsyncIterable<ClientEntry>);

export interface ClientLogOptions {
  /** `drained`: nothing may be open. Default `live`. */
  readonly mode?: Mode;
  /** Requests that are held in memory at once. Default 200,000. */
  readonly partSize?: number;
  readonly signal?: AbortSignal;
}

export interface ClientLogReport {
  /** Requests in the log. */
  readonly requests: number;
  /** A1 to A4; what they examine and what violates them are orders. */
  readonly perInvariant: readonly Finding[];
  readonly violations: number;
  /** What became, by now, of the orders that some client was not told about. */
  readonly unknown: Readonly<Record<End, number>>;
}

const sentences: Readonly<Record<ClientCode, string>> = {
  A1: 'What was acknowledged to the client has exactly one completed payment, the one it was told.',
  A2: 'What was refused to the client has no payment, no net debit and nothing net confirmed.',
  A3: 'What the client was not told ended as one completed payment with its debit, or without any effect.',
  A4: 'Who asks again for an order, with the same coupon, is told the same and debited once; with another coupon nothing happens.',
};
const codes = ['A1', 'A2', 'A3', 'A4'] as const;

/** Orders that one statement asks for. */
const chunkSize = 20_000;
/** Nobody asks so often; all of one order are held at once. */
const mostPerOrder = 10_000;
const sampleSize = 5;

/** Holds what clients were told against the database, in one snapshot, reading only. Throws NotOursError like `verify`. */
export async function verifyClientLog(
  url: string,
  log: ClientLog,
  options: ClientLogOptions = {},
): Promise<ClientLogReport> {
  await assertFitDatabase(url);
  const pool = openPool({ url, size: 1, applicationName: 'sagashift-verifier' });
  try {
    return await pool.transaction((tx) => judgeClientLog(tx, log, options), {
      isolation: 'repeatable read',
      readOnly: true,
    });
  } finally {
    await pool.close();
  }
}

async function* eachOf(entries: readonly ClientEntry[]): AsyncGenerator<ClientEntry> {
  yield* entries;
}

/**
 * The same in a transaction of the caller's.
 * All requests for an order are needed at once, and they may lie anywhere in the log. So it is read once to count it, and once
 * more for each part of the orders: memory is bounded whatever its length, and nothing is written.
 */
export async function judgeClientLog(
  tx: Tx,
  log: ClientLog,
  { mode = 'live', partSize = 200_000, signal }: ClientLogOptions = {},
): Promise<ClientLogReport> {
  const read = typeof log === 'function' ? log : () => eachOf(log);
  await tx.query(`set local jit = off`);
  const requests = await lengthOf(read(), signal);
  const parts = Math.max(1, Math.ceil(requests / partSize));
  const tally = emptyTally();
  for (let part = 0; part < parts; part++) {
    const byOrder = new Map<number, ClientEntry[]>();
    for await (const entry of read()) {
      if (partOf(entry.orderId, parts) !== part) continue;
      const asked = byOrder.get(entry.orderId);
      if (asked === undefined) byOrder.set(entry.orderId, [entry]);
      else if (asked.length < mostPerOrder) asked.push(entry);
      else throw new OperationLogError(`more than ${mostPerOrder} requests for order ${entry.orderId}`);
    }
    await judgeAll(tx, byOrder, mode === 'drained', tally, signal);
  }
  const perInvariant = codes.map((code) => findingOf(code, tally));
  return {
    requests,
    perInvariant,
    violations: perInvariant.reduce((sum, finding) => sum + finding.violations, 0),
    unknown: tally.unknown,
  };
}

async function lengthOf(entries: AsyncIterable<ClientEntry>, signal: AbortSignal | undefined): Promise<number> {
  const reading = entries[Symbol.asyncIterator]();
  let length = 0;
  while ((await reading.next()).done !== true) if (++length % chunkSize === 0) signal?.throwIfAborted();
  return length;
}

/** Multiplied by the golden ratio first: ids that share a factor with the number of parts would all fall into one. */
const partOf = (orderId: number, parts: number): number => (Math.imul(orderId | 0, 0x9e3779b1) >>> 0) % parts;

async function judgeAll(
  tx: Tx,
  byOrder: ReadonlyMap<number, readonly ClientEntry[]>,
  drained: boolean,
  tally: Tally,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ids = [...byOrder.keys()].sort((a, b) => a - b);
  for (let from = 0; from < ids.length; from += chunkSize) {
    signal?.throwIfAborted();
    for (const facts of await orderFacts(tx, ids.slice(from, from + chunkSize)))
      count(tally, facts.orderId, judgeOrder(byOrder.get(facts.orderId) ?? [], facts, drained));
  }
}

interface Tally {
  readonly examined: Record<ClientCode, number>;
  readonly violations: Record<ClientCode, number>;
  readonly samples: Record<ClientCode, string[]>;
  readonly unknown: Record<End, number>;
}

const emptyTally = (): Tally => ({
  examined: { A1: 0, A2: 0, A3: 0, A4: 0 },
  violations: { A1: 0, A2: 0, A3: 0, A4: 0 },
  samples: { A1: [], A2: [], A3: [], A4: [] },
  unknown: { paid: 0, refused: 0, untouched: 0, open: 0 },
});

function count(tally: Tally, orderId: number, { verdicts, unknownEnded }: Judgement): void {
  if (unknownEnded !== null && unknownEnded !== 'in part') tally.unknown[unknownEnded] += 1;
  for (const code of codes) {
    const wrong = verdicts[code];
    if (wrong === undefined) continue;
    tally.examined[code] += 1;
    if (wrong === null) continue;
    tally.violations[code] += 1;
    if (tally.samples[code].length < sampleSize) tally.samples[code].push(`order ${orderId} (${wrong})`);
  }
}

const findingOf = (code: ClientCode, { examined, violations, samples }: Tally): Finding => ({
  code,
  class: 'I',
  severity: 'money',
  sentence: sentences[code],
  examined: examined[code],
  violations: violations[code],
  sample: samples[code],
});
