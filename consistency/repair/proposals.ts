import { giveCouponBack, takeCoupon } from './coupon-repairs.ts';
import { deliver } from './delivery-repairs.ts';
import { counterDebit, setBalance } from './money-repairs.ts';
import { giveBack, markPaid } from './order-repairs.ts';
import type { Repair } from './repair.ts';
import { setStock } from './stock-repairs.ts';

/** What is proposed for a broken invariant. */
export interface Proposal {
  /** Tried in this order; the first that can be done is proposed. */
  readonly repairs?: readonly Repair[];
  /** Another command that mends it, or is the first step; `{order}` and `{id}` are filled in. It is printed, never run. */
  readonly command?: string;
  /** Why there is no safe repair, or none but these. */
  readonly why: string;
  /** Where a person looks; `{order}` and `{id}` are filled in. */
  readonly look: string;
}

const ledgerOf = 'select * from balance_ledger where order_id = {order} order by id';
const movementsOf = 'select * from stock_ledger where order_id = {order} order by id';
const show = 'npm run sagas -- show --order {order}';
const orderRow = 'select * from orders where id = {order}';
const route = 'select * from payment_route where order_id = {order}';
const retry = `npm run sagas -- retry {saga} --reason '...'`;

/** Of every invariant: docs/repair.md says the same in words. A repair adds entries and never edits one. */
export const proposals: Readonly<Record<string, Proposal>> = {
  B1: {
    repairs: [setBalance],
    why: 'the ledger is not whole, or an entry is missing from it: nobody can tell which of the two is right',
    look: 'select * from balance_ledger where user_id = {id} order by version',
  },
  B2: {
    repairs: [setBalance],
    why: 'more was taken than was there: who owes whom is for a person to decide',
    look: 'select * from balance_ledger where user_id = {user} order by version',
  },
  B3: {
    why: 'the ledger forks or has a gap: what was there between is not known',
    look: 'select * from balance_ledger where user_id = {user} order by version',
  },
  B4: {
    repairs: [setBalance],
    why: 'the ledger is not whole, or an entry is missing from it: nobody can tell which of the two is right',
    look: 'select * from balance_ledger where user_id = {user} order by version',
  },
  B5: {
    repairs: [counterDebit],
    why: 'the order is not final, the entries differ, or it was refunded twice: money is not taken from a customer by a command',
    look: ledgerOf,
  },
  B6: {
    repairs: [counterDebit],
    why: 'a refund without its debit, to somebody else or of another amount: money is not taken from a customer by a command',
    look: ledgerOf,
  },
  B7: {
    why: 'an order that does not exist, is somebody else’s or costs something else was debited: whose money it is has to be found out',
    look: ledgerOf,
  },
  B8: {
    why: 'money came from nowhere or went there: only who loaded the data can tell',
    look: 'select dataset from sagashift_database',
  },
  S1: {
    repairs: [setStock],
    why: 'more was taken than was there: count the shelf',
    look: 'select * from stock_ledger where product_id = {id} order by id',
  },
  S2: {
    repairs: [setStock],
    why: 'the ledger lacks a movement of an order, or has one too many: count the shelf',
    look: 'select * from stock_ledger where product_id = {id} order by id',
  },
  S3: {
    repairs: [setStock],
    why: 'the ledger lacks a movement of an order, or has one too many: count the shelf',
    look: 'select * from stock_ledger where product_id = {id} order by id',
  },
  S4: {
    why: 'whether the goods left once or twice is known in the warehouse only: count the shelf, then restock',
    look: movementsOf,
  },
  S5: {
    why: 'order and ledger name different goods or quantities: which were shipped is known in the warehouse only',
    look: movementsOf,
  },
  S6: {
    why: 'goods were confirmed that were not reserved, or given away twice: another customer may hold them',
    look: movementsOf,
  },
  S7: {
    why: 'the orders that hold the stock are named by P5 and G6: it goes away with them',
    look: `select o.id, o.status from orders o where o.status <> 'PENDING' and o.id in (select order_id from stock_ledger where product_id = {id})`,
  },
  O1: {
    why: 'what the customer agreed to pay is not known any more',
    look: 'select * from order_items where order_id = {order}',
  },
  P1: {
    why: 'which of two payments the customer was told of is in the client’s log: refund the other one by hand',
    look: 'select * from payments where order_id = {order}',
  },
  P2: {
    why: 'payment and order disagree about amount, user or engine, and either may be right',
    look: 'select * from payments where order_id = {order}',
  },
  P3: {
    why: 'something was sold without its debit or its goods: to charge now or to cancel is for a person to decide',
    look: ledgerOf,
  },
  P4: {
    repairs: [markPaid],
    why: 'a payment that was told to a customer can’t be made up: restore its row from a backup, its number stands in receipt and event',
    look: show,
  },
  P5: {
    repairs: [giveBack],
    why: 'it has a payment, its saga is open, or the ledger of its user or products is not whole: mend those first',
    look: ledgerOf,
  },
  P6: { why: 'one transaction has become visible in parts: find out who wrote the rest', look: ledgerOf },
  P7: {
    why: 'money is still on its way (G6), was not given back (P5), or a payment is gone (P4): it goes away with them',
    look: ledgerOf,
  },
  P8: {
    why: 'who worked on the order stands in its route and payment; which engine that was is not always there',
    look: route,
  },
  C1: {
    repairs: [takeCoupon, giveCouponBack],
    why: 'no order that was paid names it, or more than one: who used the coupon is not known',
    look: 'select id, status, user_id from orders where user_coupon_id = {id}',
  },
  C2: {
    why: 'one discount was given twice: whether the customer pays the difference is for a person to decide',
    look: `select * from orders where user_coupon_id = {id}`,
  },
  C3: {
    repairs: [takeCoupon, giveCouponBack],
    why: 'another coupon was asked for than was applied: the customer may have paid too much',
    look: orderRow,
  },
  C4: {
    why: 'coupons are out that nobody issued: whether they hold is for whoever sells to decide',
    look: 'select * from coupons where id = {id}',
  },
  C5: { why: 'what the customer should have paid is not known any more', look: orderRow },
  C6: { why: 'a coupon of somebody else was used: whose it is has to be found out', look: orderRow },
  G1: { why: 'saga, route and engine contradict each other: two sides may have worked on it', look: route },
  G2: { why: 'a receipt can’t be made up: without it nobody knows whether the boundary ran', look: show },
  G3: { repairs: [markPaid], why: 'a receipt can’t be made up: see what P3 and P4 say of the order', look: show },
  G4: { why: 'a receipt can’t be made up: what is still held is named, and given back, by P5', look: show },
  G5: { command: retry, why: 'the saga goes on by itself once it is due', look: show },
  G6: { command: retry, why: 'the saga goes on by itself once it is due', look: show },
  G7: {
    command: retry,
    why: 'a person gave it up: retry it once the cause is mended, or close its books by hand (docs/operations.md)',
    look: show,
  },
  E1: {
    why: 'an event can’t be made up: consumers may have seen it, and have not',
    look: `select * from event_store where aggregate_id = 'order-{order}' order by sequence_number`,
  },
  E2: {
    repairs: [markPaid],
    why: 'an event can’t be made up or unsaid: tell the consumers',
    look: `select * from event_store where aggregate_id = 'order-{order}' order by sequence_number`,
  },
  E3: {
    repairs: [markPaid],
    why: 'an event can’t be made up, and which of status and events is right is not known',
    look: show,
  },
  X1: {
    repairs: [deliver],
    why: 'what was sent can’t be taken back: tell the target that it heard too much',
    look: 'select * from external_event_log where order_id = {order} order by event_id',
  },
  X2: {
    command: 'npm run service -- delivery',
    why: 'the relay sends it once it runs and the target answers',
    look: 'npm run dead-letters -- list',
  },
  R1: { why: 'the router’s decision is history: it can’t be made another one', look: route },
};
