import { engines } from '../../domain/engines.ts';

/** Paid before the data was loaded: in one transaction, without route, saga or delivery. */
export const history = 'history';

const sqlList = (names: readonly string[]): string => `(${names.map((name) => `'${name}'`).join(', ')})`;
const named = (which: (row: (typeof engines)[number]) => boolean): string[] =>
  engines.filter(which).map(({ name }) => name);

/** SQL lists of engine names by what the engine table says of them. An engine that is not in it is reported, see `order-counts.ts`. */
export const engineNames = {
  known: sqlList([...engines.map(({ name }) => name), history]),
  legacySide: sqlList(named(({ side }) => side === 'legacy')),
  sagas: sqlList(named(({ side }) => side === 'saga')),
  notSagas: sqlList([...named(({ side }) => side === 'legacy'), history]),
  oneTransaction: sqlList([...named(({ cut }) => !cut.includes('-')), history]),
  delivering: sqlList(named(({ outside }) => outside === 'delivery log')),
  notDelivering: sqlList([...named(({ outside }) => outside !== 'delivery log'), history]),
};

/** SQL list of the statuses of an order that was refused for good. */
export const refusedStatuses = `('VALIDATION_FAILED', 'BALANCE_INSUFFICIENT', 'STOCK_INSUFFICIENT', 'PAYMENT_FAILED')`;
