import pg from 'pg';
import type { Isolation, Tx } from '../domain/ports.ts';
import type { Metrics } from './metrics.ts';
import { clientConfig, type ConnectionOptions, rowsOf, statement } from './pg-client.ts';

export type { ConnectionOptions } from './pg-client.ts';

/** One connection; statements run one after another. After a loss the statement in hand rejects and the next one reconnects. */
export interface Connection extends Tx {
  /** Waits for the statements in hand. */
  close(): Promise<void>;
}

export interface TransactionOptions {
  readonly isolation?: Isolation;
  readonly readOnly?: boolean;
  readonly deferrable?: boolean;
}

/** Many connections. A statement outside of `transaction` is a transaction of its own. */
export interface Pool extends Tx {
  /** Commits what `work` did, or rolls back when it rejects. A rejected COMMIT is unknown, not a "no". */
  transaction<T>(work: (tx: Tx) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Waits for the work in hand, refuses new. */
  close(): Promise<void>;
}

/** The connection broke, or there was none to be had: whether the statement took effect is unknown. SQLSTATE class 08. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly code: string;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.code = codeOf(cause) ?? '08006';
  }
}

/** SQLSTATE, or errno of the network, of a fault; undefined when it has none. */
export const sqlState = (error: unknown): string | undefined => codeOf(error);

const codeOf = (error: unknown): string | undefined => {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
};

/** Connects at once, so that a wrong URL shows here. */
export async function openConnection(options: ConnectionOptions, metrics?: Metrics): Promise<Connection> {
  let client: pg.Client | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  let closed = false;

  const connect = async (): Promise<pg.Client> => {
    const fresh = new pg.Client(clientConfig(options));
    // An idle connection tells of its end only here; the next statement opens another.
    const forget = (): void => {
      if (client === fresh) client = undefined;
    };
    fresh.on('error', forget).on('end', forget);
    try {
      await fresh.connect();
    } catch (error) {
      throw asFault(error);
    }
    return (client = fresh);
  };

  const run = async <Row>(text: string, values?: readonly unknown[]): Promise<Row[]> => {
    if (closed) throw new ConnectionLost('the connection was closed by us', undefined);
    const current = client ?? (await connect());
    try {
      const rows = await send<Row>(current, metrics, text, values);
      metrics?.commits.inc();
      return rows;
    } catch (error) {
      if (isBroken(error)) {
        if (client === current) client = undefined;
        void current.end().catch(() => undefined);
      }
      throw error;
    }
  };

  await connect();
  return {
    query: (text, values) => {
      const answer = tail.then(() => run<never>(text, values));
      tail = answer.catch(() => undefined);
      return answer;
    },
    async close() {
      await tail;
      closed = true;
      await client?.end();
    },
  };
}

/** Longer than any boundary's time-out: who waits for a connection fails before the caller's own patience ends. */
const acquireLimitMs = 30_000;

/** Connects when first needed and keeps what it has. */
export function openPool(options: ConnectionOptions & { readonly size: number }, metrics?: Metrics): Pool {
  const pool = new pg.Pool({
    ...clientConfig(options),
    max: options.size,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: acquireLimitMs,
  });
  pool.on('error', () => undefined); // An idle connection that ends is replaced by the next statement's.
  // From its first moment on: one that ends while it is handed over breaks the statement in hand, and nothing else.
  pool.on('connect', (client) => client.on('error', () => undefined));
  let inHand = 0;
  let drained: (() => void) | undefined;
  let closing: Promise<void> | undefined;

  const withClient = async <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    if (closing !== undefined) throw new ConnectionLost('the pool was closed by us', undefined);
    inHand += 1;
    try {
      const client = await pool.connect().catch((error: unknown) => {
        throw asFault(error);
      });
      let broken = false;
      try {
        return await work(client);
      } catch (error) {
        broken = isBroken(error);
        throw error;
      } finally {
        client.release(broken);
      }
    } finally {
      inHand -= 1;
      if (inHand === 0) drained?.();
    }
  };

  const close = async (): Promise<void> => {
    if (inHand > 0) await new Promise<void>((resolve) => (drained = resolve));
    await pool.end();
  };

  return {
    query: <Row>(text: string, values?: readonly unknown[]) =>
      withClient(async (client) => {
        const rows = await send<Row>(client, metrics, text, values);
        metrics?.commits.inc();
        return rows;
      }),
    transaction: (work, transactionOptions = {}) =>
      withClient((client) => inTransaction(client, metrics, work, transactionOptions)),
    close: () => (closing ??= close()),
  };
}

async function inTransaction<T>(
  client: pg.ClientBase,
  metrics: Metrics | undefined,
  work: (tx: Tx) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  await send(client, metrics, begin(options));
  let result: T;
  try {
    result = await work({ query: (text, values) => send(client, metrics, text, values) });
  } catch (error) {
    if (!isBroken(error)) await send(client, metrics, 'rollback');
    throw error;
  }
  await commit(client, metrics);
  return result;
}

/** COMMIT of a transaction in which a statement had failed is answered with ROLLBACK, and without an error. */
async function commit(client: pg.ClientBase, metrics: Metrics | undefined): Promise<void> {
  metrics?.roundTrips.inc();
  const { command } = await client.query('commit').catch((error: unknown) => {
    throw asFault(error);
  });
  if (command !== 'COMMIT')
    throw new Error('rolled back: a statement of the transaction had failed and its error was swallowed');
  metrics?.commits.inc();
}

const begin = ({ isolation, readOnly, deferrable }: TransactionOptions): string =>
  [
    'begin',
    isolation && `isolation level ${isolation}`,
    readOnly === true && 'read only',
    deferrable === true && 'deferrable',
  ]
    .filter(Boolean)
    .join(' ');

async function send<Row>(
  client: pg.ClientBase,
  metrics: Metrics | undefined,
  text: string,
  values?: readonly unknown[],
): Promise<Row[]> {
  metrics?.roundTrips.inc();
  try {
    return rowsOf<Row>(await client.query(statement(text, values)));
  } catch (error) {
    throw asFault(error);
  }
}

/** What the server said stays as it is. Anything else came from the connection. */
const asFault = (error: unknown): unknown =>
  error instanceof pg.DatabaseError || error instanceof ConnectionLost || error instanceof RangeError
    ? error
    : new ConnectionLost('lost the connection to the database', error);

const isBroken = (error: unknown): boolean =>
  error instanceof ConnectionLost ||
  (error instanceof pg.DatabaseError && ['FATAL', 'PANIC'].includes(error.severity ?? ''));
