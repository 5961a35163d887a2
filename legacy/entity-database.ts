import pg from 'pg';
import { BaseError, Sequelize, type Transaction } from 'sequelize';
import type { Metrics } from '../runtime/metrics.ts';
import { clientConfig } from '../runtime/pg-client.ts';
import { defineEntities, type Entities } from './entities.ts';

/** The monolith's database: entities and transactions on a pool of Sequelize's own. */
export interface EntityDatabase {
  readonly entities: Entities;
  /** Resolves with the response of COMMIT. A fault is thrown as the driver had it, so that its SQLSTATE can be read. */
  transaction<T>(work: (t: Transaction) => Promise<T>): Promise<T>;
  query<Row extends object>(text: string, values: readonly unknown[], t: Transaction): Promise<Row[]>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** The seed's: one transaction of at most 30 s. */
const transactionMs = 30_000;

export function openEntityDatabase(url: string, size: number, metrics: Metrics): EntityDatabase {
  const { types, options } = clientConfig({ url, timeoutMs: transactionMs });
  const sequelize = new Sequelize(url, {
    dialect: 'postgres',
    dialectModule: { ...pg, types }, // bigint as number, as everywhere in this project
    dialectOptions: { options, application_name: 'sagashift legacy', keepAlive: true },
    pool: { max: size, min: 0, idle: 60_000, acquire: transactionMs },
    logging: (statement) => {
      metrics.roundTrips.inc();
      if (statement.endsWith('COMMIT;')) metrics.commits.inc();
    },
  });
  return {
    entities: defineEntities(sequelize),
    async transaction(work) {
      try {
        return await sequelize.transaction(work);
      } catch (error) {
        throw driverFault(error);
      }
    },
    query: (text, values, transaction) =>
      sequelize.query(text, { bind: [...values], transaction, type: 'SELECT', raw: true }) as unknown as Promise<
        never[]
      >,
    start: () => sequelize.authenticate(),
    close: () => sequelize.close(),
  };
}

const driverFault = (error: unknown): unknown => {
  if (!(error instanceof BaseError) || !('parent' in error)) return error;
  return error.parent instanceof Error ? error.parent : error;
};
