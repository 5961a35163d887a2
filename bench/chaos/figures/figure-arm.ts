import { verify } from '../../../consistency/verifier.ts';
import type { Score } from '../../../consistency/score.ts';
import { openConnection, openPool, type Pool } from '../../../runtime/database.ts';
import type { Services } from '../../../runtime/services/services.ts';
import { type Arm, startArm } from '../../arms/arm.ts';
import type { Child } from '../../arms/child-process.ts';
import type { RunDatabases } from '../../databases.ts';
import { type DatasetOptions, datasetOptions } from '../../dataset/options.ts';
import { drain } from '../../run/drain.ts';
import type { Progress } from '../../run/progress.ts';
import { bareScenario } from '../../scenarios.ts';
import type { ChaosOptions } from '../chaos-plan.ts';
import type { Style } from '../stack.ts';

/** What a figure needs of the run it is part of. */
export interface FigureContext {
  readonly options: Pick<ChaosOptions, 'styles' | 'seed' | 'sabotage'>;
  readonly services: Pick<Services, 'databaseUrl' | 'redisUrl' | 'pids'>;
  readonly databases: RunDatabases;
  readonly keyPrefix: string;
  readonly dataPlatform: Pick<Child, 'url' | 'pid'>;
  readonly progress: Progress;
  onSpawn(pid: number): void;
}

/** The data of a figure, laid out once; each style has a clone. */
export interface FigureData {
  readonly what: string;
  readonly template: string;
  readonly dataset: DatasetOptions;
}

export interface FigureArm {
  readonly arm: Arm;
  readonly pool: Pool;
  readonly dataset: DatasetOptions;
}

/** A figure of payments whose books do not add up would be worth nothing. */
export interface Verified {
  readonly examined: number;
  readonly touched: number;
  /** `B5: 3 times, e.g. user 7`. */
  readonly violations: readonly string[];
}

export async function layOut(
  what: string,
  orders: number,
  { databases, options: { seed } }: FigureContext,
  signal: AbortSignal,
): Promise<FigureData> {
  const dataset = datasetOptions({ seed, orders, users: bareScenario.users, products: bareScenario.products });
  return { what, dataset, template: await databases.template(what, dataset, signal) };
}

/** An engine with nothing added, alone with its own database, for the time of `measure`; then every invariant. */
export async function onArm<Measured>(
  { what, template, dataset }: FigureData,
  { style, delivers }: { readonly style: Style; readonly delivers: boolean },
  context: FigureContext,
  measure: (on: FigureArm) => Promise<Measured>,
  signal: AbortSignal,
): Promise<Measured & Verified> {
  const { databases, services, keyPrefix, dataPlatform, options } = context;
  const name = `${what}-${style}`;
  const databaseUrl = await databases.clone(template, style);
  if (!delivers) await deliverNothing(databaseUrl);
  const places = {
    ...{
      databaseUrl,
      redisUrl: services.redisUrl,
      keyPrefix: `${keyPrefix}:${name}`,
      dataPlatform,
      sabotage: options.sabotage,
    },
  };
  const arm = await startArm({ name, engine: style, control: false }, bareScenario, places, context.onSpawn, signal);
  const pool = openPool({ url: databaseUrl, size: 2, applicationName: 'sagashift-bench' });
  try {
    const measured = await measure({ arm, pool, dataset });
    await drain(pool, 0, signal);
    const { score, perInvariant } = await verify(databaseUrl, { mode: 'drained', expectEngines: [style], signal });
    return { ...measured, ...verifiedOf(score, perInvariant) };
  } finally {
    await Promise.allSettled([arm.stop(), pool.close()]);
  }
}

const verifiedOf = (
  { examined, touched }: Score,
  findings: readonly { readonly code: string; readonly violations: number; readonly sample: readonly string[] }[],
): Verified => ({
  ...{ examined, touched },
  violations: findings
    .filter(({ violations }) => violations > 0)
    .map(({ code, violations, sample }) => `${code}: ${violations} times, e.g. ${sample.join(', ')}`),
});

async function deliverNothing(url: string): Promise<void> {
  const connection = await openConnection({ url, applicationName: 'sagashift-bench' });
  try {
    await connection.query('delete from delivery_route');
  } finally {
    await connection.close();
  }
}
