import type { Tx } from '../../domain/ports.ts';
import { questions } from './subjects.ts';
import { type Asked, askKeys, type Found } from './ask-keys.ts';
import { glancedAt, suspects } from './glance.ts';
import { nextSums } from './carry-on.ts';
import type { CarriedSums } from './carried-sums.ts';
import { changedSince, relatedTo } from './changed-keys.ts';
import { foldAll } from './carried-sums.ts';
import { type InFlight, inFlight } from './in-flight.ts';
import type { Known } from './known.ts';
import { type Floor, floorFor, lastOf, type Marks, readMark, withMark } from './mark.ts';
import type { Rotation } from './rotation.ts';
import type { WindowOf } from './windows.ts';
import type { Subject, SubjectKey } from '../catalogue/invariant.ts';

/** What the verifier knows after a cycle, and needs for the next. */
export interface Position {
  readonly marks: Marks;
  readonly sums: CarriedSums;
  /** Orders that changed and have not been examined yet, oldest first. */
  readonly waiting: readonly number[];
  /** From when they changed on. */
  readonly waitingFrom: Floor | undefined;
}

/** Another database than before, or one that was put back: positions in it mean nothing. */
export class PositionLost extends Error {
  override readonly name = 'PositionLost';
  constructor() {
    super('the database is further back than it was: it was replaced or restored');
  }
}

export interface CycleOptions {
  /** Orders examined in one cycle. */
  readonly maxOrders: number;
  /** Orders that may wait for a later one. */
  readonly maxWaiting: number;
}

export interface CycleResult {
  /** To be called once the transaction has ended well: what it saw counts from then on. */
  accept(): Position;
  readonly rows: number;
  readonly orders: number;
  readonly users: number;
  readonly products: number;
  readonly found: readonly Found[];
  readonly inFlight: InFlight;
  readonly waiting: number;
  /** Orders that changed faster than they can be examined and were given up: a pass over the time since will see them. */
  readonly givenUp: number;
  /** Whether the sums had to be folded anew. */
  readonly refolded: boolean;
}

/** Everything that became visible since the last cycle, in this transaction's snapshot. */
export async function runCycle(
  tx: Tx,
  { marks, sums, waiting, waitingFrom }: Position,
  rotation: Rotation,
  known: Known,
  { maxOrders, maxWaiting }: CycleOptions,
): Promise<CycleResult> {
  const mark = await readMark(tx);
  const since = lastOf(marks);
  if (mark.xmax < since.xmax) throw new PositionLost();
  const newFloor = floorFor(marks);
  const changed = await changedSince(tx, since, newFloor);
  const flight = await inFlight(tx);
  const queue = distinct(waiting, changed.orders);
  const orders = distinct(queue.slice(0, maxOrders), flight.oldestOrders);
  const rest = queue.slice(maxOrders, maxOrders + maxWaiting);
  const slice = await rotation.next(tx, sums);
  const [users, products] = [distinct(changed.users, slice.users), distinct(changed.products, slice.products)];
  const { sagas, userCoupons, couponOrders } = await relatedTo(tx, orders);
  const floor = waitingFrom ?? newFloor;
  const at: WindowOf = { floor, since, sums, users, products, orders, couponOrders };

  const keys: Readonly<Partial<Record<SubjectKey, readonly number[]>>> = {
    ...{ order: orders, saga: sagas, user: users, product: products, 'user coupon': userCoupons },
    whole: changed.rows > 0 ? [0] : [],
  };
  const asked: Asked[] = [];
  const suspected = orders.length > 0 ? await suspects(tx, orders, at) : new Set<Subject>();
  for (const [subject, its] of questions) {
    if (glancedAt.includes(subject) && !suspected.has(subject)) continue;
    for (const part of parts(subject.key, keys[subject.key] ?? []))
      asked.push(await askKeys(tx, subject, its, part, at, known));
  }
  const refolded = asked.some(({ astray }) => astray);
  const carryOn = refolded ? undefined : await nextSums(tx, at);
  const newSums = refolded ? await foldAll(tx) : sums;
  const newMarks = withMark(marks, mark);
  return {
    accept() {
      carryOn?.(sums);
      for (const key of asked.flatMap(({ toRemember }) => toRemember)) known.add(key);
      return { marks: newMarks, sums: newSums, waiting: rest, waitingFrom: rest.length > 0 ? floor : undefined };
    },
    rows: changed.rows,
    ...{ orders: orders.length, users: users.length, products: products.length },
    found: asked.flatMap(({ found }) => found),
    inFlight: flight,
    waiting: rest.length,
    givenUp: Math.max(0, queue.length - maxOrders - maxWaiting),
    refolded,
  };
}

const distinct = (...lists: readonly (readonly number[])[]): readonly number[] => [...new Set(lists.flat())];

/** The plan for any number of keys thinks of few: with so many of them its joins are still quick, with thousands they take seconds. */
const keysAtOnce = 250;

/** Sums are joined with nothing: the new rows are better read once for all of them. */
function* parts(key: SubjectKey, keys: readonly number[]): Generator<readonly number[]> {
  const size = key === 'user' || key === 'product' ? Math.max(1, keys.length) : keysAtOnce;
  for (let from = 0; from < keys.length; from += size) yield keys.slice(from, from + size);
}
