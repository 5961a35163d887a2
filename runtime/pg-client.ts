import pg from 'pg';
import type { Isolation } from '../domain/ports.ts';

export interface ConnectionOptions {
  readonly url: string;
  readonly isolation?: Isolation;
  /** Statement time-out; a lock is waited for a tenth less, the transaction's is half a second more. 0 or absent: none. */
  readonly timeoutMs?: number;
  /** Plans that stay what they were on empty tables: an ANALYZE at the wrong moment made an unpinned saga 8x slower. */
  readonly pinnedPlans?: boolean;
  readonly applicationName?: string;
}

const connectLimitMs = 10_000;

/** Everything a session needs goes into the start-up packet: no SET, so no round trip more. */
export function clientConfig(options: ConnectionOptions): pg.ClientConfig {
  return {
    connectionString: options.url,
    options: sessionSettings(options)
      .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
      .join(' '),
    application_name: options.applicationName ?? 'sagashift',
    connectionTimeoutMillis: connectLimitMs,
    keepAlive: true,
    types: { getTypeParser },
  };
}

// A statement's limit counts from its start, so an equal one for locks would never be the first, and the error would not say
// that somebody else holds the row.
const lockShare = 0.9;
// With both limits equal Postgres drops the statement's, and the transaction's ends the connection: outcome unknown.
const transactionGraceMs = 500;

function sessionSettings({ isolation, timeoutMs = 0, pinnedPlans }: ConnectionOptions): [string, string][] {
  const settings: [string, string][] = [['timezone', 'UTC']];
  if (isolation !== undefined) settings.push(['default_transaction_isolation', isolation]);
  if (timeoutMs > 0) {
    settings.push(['statement_timeout', String(timeoutMs)]);
    settings.push(['lock_timeout', String(Math.ceil(timeoutMs * lockShare))]);
    settings.push(['transaction_timeout', String(timeoutMs + transactionGraceMs)]);
  }
  if (pinnedPlans === true) {
    for (const name of ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit']) settings.push([name, 'off']);
    settings.push(['plan_cache_mode', 'force_generic_plan']);
  }
  return settings;
}

const int8 = 20;
const int8Array = 1016;

function toInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond 2^53`);
  return value;
}

/** The driver's own, without its overloads by type. */
const builtIn = pg.types.getTypeParser as (oid: number, format: string) => (text: string) => unknown;

/** bigint as number: ids and won stay below 2^53, and a value that does not is an error, not a rounding. */
const getTypeParser = ((oid: number, format = 'text') => {
  if (format === 'text' && oid === int8) return toInteger;
  if (format === 'text' && oid === int8Array) {
    const items = builtIn(oid, format) as (text: string) => (string | null)[];
    return (text: string) => items(text).map((item) => (item === null ? null : toInteger(item)));
  }
  return builtIn(oid, format);
}) as typeof pg.types.getTypeParser;

const names = new Map<string, string>();

/** A statement with values is prepared once per connection, under a name that stands for its text. */
export function statement(text: string, values: readonly unknown[] | undefined): pg.QueryConfig {
  if (values === undefined) return { text };
  let name = names.get(text);
  if (name === undefined) names.set(text, (name = `s${names.size}`));
  return { name, text, values: [...values] };
}

/** The rows; of many statements in one text, those of the last. */
export function rowsOf<Row>(result: unknown): Row[] {
  const last = (Array.isArray(result) ? result.at(-1) : result) as { rows: Row[] };
  return last.rows;
}
