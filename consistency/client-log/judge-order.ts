import type { ClientEntry } from './operation-log.ts';
import type { OrderFacts } from './order-facts-sql.ts';

export type ClientCode = 'A1' | 'A2' | 'A3' | 'A4';

/** What became of an order of which a client was not told, by the database. */
export type End = 'paid' | 'refused' | 'untouched' | 'open';

export interface Judgement {
  /** Null: nothing wrong. Absent: the invariant has nothing to say about this order. */
  readonly verdicts: Readonly<Partial<Record<ClientCode, string | null>>>;
  /** Null: every request got a final answer. */
  readonly unknownEnded: End | 'in part' | null;
}

/** Holds everything that was asked and told about one order against what the database has of it. */
export function judgeOrder(asked: readonly ClientEntry[], facts: OrderFacts, drained: boolean): Judgement {
  const own = asked.filter((entry) => !isForeign(entry, facts));
  const foreign = asked.filter((entry) => isForeign(entry, facts));
  const paid = own.filter(({ outcome }) => outcome === 'paid');
  const unknown = own.some(({ outcome }) => outcome === 'unknown') ? endOf(facts) : null;
  return {
    verdicts: {
      ...(paid.length > 0 && { A1: lostPayment(paid, facts) }),
      ...(own.some(({ outcome }) => outcome === 'refused') && { A2: effectOfRefused(facts) }),
      ...(unknown !== null && { A3: unresolved(unknown, facts, drained) }),
      ...((asked.length > 1 || foreign.length > 0) && { A4: otherAnswer(own, foreign, facts) }),
    },
    unknownEnded: unknown,
  };
}

/** Another's order, or another coupon than the one that its payment began with: another idempotency key. */
const isForeign = ({ userId, couponId }: ClientEntry, { userId: owner, routed, couponId: used }: OrderFacts): boolean =>
  (userId !== undefined && owner !== null && userId !== owner) ||
  (couponId !== undefined && routed && couponId !== used);

function lostPayment(paid: readonly ClientEntry[], { payments, paymentId }: OrderFacts): string | null {
  if (payments !== 1) return payments === 0 ? 'no payment' : `${payments} payments`;
  const told = paid.find((entry) => entry.paymentId !== undefined && entry.paymentId !== paymentId)?.paymentId;
  return told === undefined ? null : `told payment ${told}, has ${paymentId}`;
}

function effectOfRefused(facts: OrderFacts): string | null {
  if (facts.payments > 0) return `has payment ${facts.paymentId}`;
  return isUntouched(facts) ? null : whatIsThere(facts);
}

const isUntouched = ({ payments, netWon, confirmedQty }: OrderFacts): boolean =>
  payments === 0 && netWon === 0 && confirmedQty === 0;

const whatIsThere = ({ payments, debits, netWon, confirmedQty }: OrderFacts): string =>
  `${payments} payments, ${debits} debits, net ${netWon} won, ${confirmedQty} confirmed`;

/** `in part`: neither the one nor the other, and nobody is at work on it. */
function endOf(facts: OrderFacts): End | 'in part' {
  const { status, routed, payments, paidWon, debits, netWon } = facts;
  if (payments > 0) return payments === 1 && debits === 1 && netWon === -paidWon ? 'paid' : 'in part';
  if (status === 'PAYING' || (status === 'PENDING' && routed)) return 'open';
  if (!isUntouched(facts)) return 'in part';
  return status === null || status === 'PENDING' ? 'untouched' : 'refused';
}

function unresolved(end: End | 'in part', facts: OrderFacts, drained: boolean): string | null {
  if (end === 'in part') return whatIsThere(facts);
  return end === 'open' && drained ? 'still open' : null;
}

/** What refuses a coupon that is not the user's is said before a payment begins, and changes nothing. */
const beforeItBegins = 'COUPON_UNUSABLE';

function otherAnswer(
  own: readonly ClientEntry[],
  foreign: readonly ClientEntry[],
  { debits }: OrderFacts,
): string | null {
  const taken = foreign.find(
    ({ outcome, status, code }) =>
      outcome === 'paid' || status === 202 || (outcome === 'refused' && code !== beforeItBegins),
  );
  if (taken !== undefined) return `another coupon or user was told ${told(taken)}`;
  const answers = new Set(own.filter(isFinal).map(told));
  if (answers.size > 1) return `told ${[...answers].join(', then ')}`;
  const denied = own.find(
    (entry) => isDenial(entry) && own.some((final) => isFinal(final) && cameBefore(final, entry)),
  );
  if (denied !== undefined) return `told ${[...answers].join()}, then ${told(denied)}`;
  return debits > 1 ? `${debits} debits` : null;
}

const isFinal = ({ outcome }: ClientEntry): boolean => outcome !== 'unknown';

const told = ({ outcome, paymentId, code, status }: ClientEntry): string =>
  outcome === 'paid' ? `payment ${paymentId}` : (code ?? (outcome === 'refused' ? 'no' : `HTTP ${status}`));

/** Whoever has been told how it ended is not to hear that it cannot be paid, or is being paid. Too many requests says nothing. */
const isDenial = ({ outcome, status = 0 }: ClientEntry): boolean =>
  outcome === 'unknown' && status >= 400 && status < 500 && status !== 408 && status !== 429;

const cameBefore = ({ endedAt }: ClientEntry, { invokedAt }: ClientEntry): boolean =>
  endedAt !== undefined && invokedAt !== undefined && endedAt <= invokedAt;
