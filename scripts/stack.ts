import { loadDataset } from '../bench/dataset/load.ts';
import { type Connection, openConnection } from '../runtime/database.ts';
import { createDatabase, databaseUrl, NotOursError } from '../runtime/databases.ts';
import { type Stoppable, stopInReverse } from '../runtime/lifecycle.ts';
import { migrate } from '../runtime/migrate.ts';
import { startServices } from '../runtime/services/services.ts';
import { type Child, startChild } from './child-process.ts';

export interface StackOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Of the router; 0 takes a free one. */
  readonly port: number;
  /** Add our tables to a given database that holds tables of somebody else; default no. */
  readonly yes?: boolean;
  /** For traffic that writes orders: customers of every kind, and an outside that fails now and then; default no. */
  readonly demo?: boolean;
}

export interface Stack extends Stoppable {
  readonly router: string;
  readonly orchestrator: string;
  readonly dataPlatform: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly how: { readonly postgres: string; readonly redis: string };
  /** One that can be paid, if there is any. */
  readonly order: { readonly id: number; readonly userId: number } | undefined;
  /** In this order: data platform, orchestrator, router. */
  readonly pids: readonly [number, number, number];
  /** Resolves when a part ends by itself, with what and how. */
  readonly broken: Promise<string>;
}

const dataset = { users: 1_000, products: 100, orders: 5_000 };
/** With some who cannot pay: a status page on which nothing is ever refused shows half of what it can. */
const demoDataset = { ...dataset, users: 2_000, lowBalanceShare: 0.01, blockedShare: 0.005 };
const demoDataPlatform = ['--latency-ms', '15', '--failure-rate', '0.02'];

/**
 * Postgres and Redis (given or embedded), data, data platform, router and orchestrator. A given database must be ours or empty, or `yes`;
 * it gets data only when it has none, and for a demo its data must be generated. Rejects, with nothing left running, when a part cannot start.
 */
export async function startStack({ env, port, yes = false, demo = false }: StackOptions): Promise<Stack> {
  const running: Stoppable[] = [];
  try {
    const services = await startServices({ kind: 'embedded', env });
    running.push(services);
    const given = env['DATABASE_URL'] === undefined || env['DATABASE_URL'] === '' ? undefined : env['DATABASE_URL'];
    const url = given ?? databaseUrl(services.databaseUrl, 'sagashift_demo');
    if (given === undefined) await createDatabase(services.databaseUrl, 'sagashift_demo');
    await migrate(url, { yes });
    const order = await prepareData(url, demo);

    const childEnv: NodeJS.ProcessEnv = {
      // A demo's data platform refuses on purpose: as warnings that would bury the line about the traffic.
      SAGASHIFT_LOG_LEVEL: demo ? 'error' : 'warn',
      ...env,
      DATABASE_URL: url,
      REDIS_URL: services.redisUrl,
      SAGASHIFT_PORT: '0',
    };
    const start = async (name: string, args: readonly string[]): Promise<Child> => {
      const child = await startChild(name, args, childEnv);
      running.push(child);
      return child;
    };
    const platform = await start('data platform', [
      'scripts/service.ts',
      'dataplatform',
      ...(demo ? demoDataPlatform : []),
    ]);
    childEnv['SAGASHIFT_DATA_PLATFORM_URL'] = platform.url;
    const [orchestrator, router] = await bothOrNone(
      start('orchestrator', ['scripts/service.ts', 'orchestrator', 'projector', 'nightly', 'verifier']),
      start('router', ['router/main.ts', '--port', String(port)]),
    );
    const children = [platform, orchestrator, router];
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      // All at once: Ctrl-C has told them all anyway, and what is still open then is kept in Postgres.
      await Promise.all(children.map((child) => child.stop()));
      await services.stop();
    };
    return {
      router: router.url,
      orchestrator: orchestrator.url,
      dataPlatform: platform.url,
      databaseUrl: url,
      redisUrl: services.redisUrl,
      how: services.how,
      order,
      pids: [platform.pid, orchestrator.pid, router.pid],
      broken: Promise.race(children.map((child) => child.exited.then((how) => `the ${child.name} ended (${how})`))),
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    await stopInReverse(running);
    throw error;
  }
}

/** Waits for both even when one fails, so that both are known to the clean-up. */
async function bothOrNone<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}

async function prepareData(url: string, demo: boolean): Promise<Stack['order']> {
  const connection = await openConnection({ url, applicationName: 'start' });
  try {
    const [used] = await connection.query('select from users limit 1');
    if (used === undefined) await loadDataset(url, demo ? demoDataset : dataset);
    else if (demo) await refuseRealPeople(connection);
    const [order] = await connection.query<{ id: number; userId: number }>(
      `select o.id, o.user_id as "userId" from orders o join users u on u.id = o.user_id join balances b on b.user_id = u.id
       where o.status = 'PENDING' and u.tier = 'NORMAL' and not u.payment_blocked and b.amount >= o.total_amount order by o.id limit 1`,
    );
    return order;
  } finally {
    await connection.close();
  }
}

/** The mark alone does not say whose people these are: tables may have been added to somebody else's database, by `--yes`. */
async function refuseRealPeople(connection: Connection): Promise<void> {
  const [row] = await connection.query('select from sagashift_database where dataset is not null');
  if (row !== undefined) return;
  throw new NotOursError(
    '--demo places and pays orders of the users it finds, and those of this database were not generated by Sagashift. ' +
      'Give an empty database, or none: then one is made.',
  );
}
