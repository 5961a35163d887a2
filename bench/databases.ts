import { cloneDatabase, createDatabase, databaseUrl, dropDatabase } from '../runtime/databases.ts';
import { openConnection } from '../runtime/database.ts';
import { migrate } from '../runtime/migrate.ts';
import { loadDataset } from './dataset/load.ts';
import type { DatasetOptions } from './dataset/options.ts';

/** The databases of one run on a server that may be somebody's: siblings with a name of our own, nothing else is touched. */
export interface RunDatabases {
  /** Schema and data of a scenario, to be cloned for its arms. */
  template(scenario: string, dataset: DatasetOptions, signal: AbortSignal): Promise<string>;
  /** A copy that is the arm's own. Returns its URL. */
  clone(template: string, arm: string): Promise<string>;
  /** Drops what belongs to a scenario. */
  drop(scenario: string): Promise<void>;
  dropAll(): Promise<void>;
}

const nameOf = (...parts: readonly string[]) =>
  ['sagashift_bench', ...parts]
    .join('_')
    .replaceAll(/[^a-z0-9_]+/gi, '_')
    .toLowerCase()
    .slice(0, 63);

export function openRunDatabases(adminUrl: string, runId: string, onCreate: (name: string) => void): RunDatabases {
  const byScenario = new Map<string, string[]>();
  const schema = nameOf(runId, 'schema');
  let schemaReady: Promise<void> | undefined;
  const create = async (scenario: string, name: string, make: () => Promise<void>): Promise<void> => {
    byScenario.set(scenario, [...(byScenario.get(scenario) ?? []), name]);
    onCreate(name); // before it exists: a name too many in the record does no harm, one too few does
    await make();
  };
  const drop = async (scenario: string): Promise<void> => {
    for (const name of [...(byScenario.get(scenario) ?? [])].reverse()) await dropDatabase(adminUrl, name);
    byScenario.delete(scenario);
  };
  // Migrated once, then cloned: a scenario then only pays for its data.
  const prepareSchema = () =>
    create('', schema, async () => {
      await createDatabase(adminUrl, schema);
      await migrate(databaseUrl(adminUrl, schema));
      await run(databaseUrl(adminUrl, schema), `update sagashift_database set purpose = 'bench'`); // may be broken on purpose
    });
  return {
    async template(scenario, dataset, signal) {
      await (schemaReady ??= prepareSchema());
      const name = nameOf(runId, scenario);
      await create(scenario, name, () => cloneDatabase(adminUrl, schema, name));
      await loadDataset(databaseUrl(adminUrl, name), dataset, { signal });
      return name;
    },
    async clone(template, arm) {
      const name = nameOf(template.replace(/^sagashift_bench_/, ''), arm);
      await create(scenarioOf(byScenario, template), name, () => cloneDatabase(adminUrl, template, name));
      return databaseUrl(adminUrl, name);
    },
    drop,
    async dropAll() {
      for (const scenario of [...byScenario.keys()].reverse()) await drop(scenario);
    },
  };
}

const scenarioOf = (byScenario: ReadonlyMap<string, readonly string[]>, template: string): string =>
  [...byScenario].find(([, names]) => names.includes(template))?.[0] ?? '';

/** Both sides take payments; which one is the user's bucket. */
export const setRollout = (url: string, percentage: number): Promise<void> =>
  run(
    url,
    `update rollout set version = version + 1, enabled = true, emergency = false, percentage = $1, changed_by = 'bench', changed_at = now(),
      reason = 'scenario' where id = 'payment'`,
    [percentage],
  );

async function run(url: string, sql: string, values: readonly unknown[] = []): Promise<void> {
  const connection = await openConnection({ url, applicationName: 'sagashift-bench' });
  try {
    await connection.query(sql, values);
  } finally {
    await connection.close();
  }
}
