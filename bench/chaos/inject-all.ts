import { join } from 'node:path';
import type { DatasetOptions } from '../dataset/options.ts';
import { planOrders } from '../dataset/plan.ts';
import { writeOperationLog } from '../run/raw.ts';
import { chaosScenario, momentOf, timesOf, whyNot } from './chaos-plan.ts';
import type { FaultResult } from './chaos-result.ts';
import type { ChaosContext } from './chaos-context.ts';
import { type Counted, setScore } from './chaos-score.ts';
import type { Fault } from './faults.ts';
import { runFault, type Verified } from './run-fault.ts';
import { startStack, type Style } from './stack.ts';

export interface StylePlan {
  readonly style: Style;
  /** In this order. */
  readonly faults: readonly Fault[];
  readonly template: string;
  readonly dataset: DatasetOptions;
  /** Orders that are laid out for each. */
  readonly perFault: number;
}

/** One fault after the other against one style, whose processes and database stay up from fault to fault. */
export async function injectAll(plan: StylePlan, context: ChaosContext, signal: AbortSignal): Promise<void> {
  const { style, template } = plan;
  const { services, result, databases, progress } = context;
  const [able, notRun] = parted(plan, context);
  result.notRun.push(...notRun);
  if (able.length === 0) return;
  progress.now(`${style}: starting`);
  const places = {
    databaseUrl: await databases.clone(template, style),
    redisUrl: services.redisUrl,
    keyPrefix: `${context.keyPrefix}:${style}`,
    dataPlatform: context.dataPlatform,
    sabotage: context.options.sabotage,
  };
  const stack = await startStack(style, chaosScenario, places, context.onSpawn, signal);
  try {
    let known: ReadonlyMap<string, number> = new Map();
    let toldWrong = 0;
    const before = { ...result.score };
    for (const [i, fault] of able.entries()) {
      progress.now(`${style}: ${fault.name}, ${i + 1} of ${able.length}: ${fault.title}`);
      const verified = await runFault(
        {
          ...{ fault, stack, known, restart: services.restart },
          ...{ seed: context.options.seed, ratePerSecond: context.options.ratePerSecond },
          orders: [...planOrders(plan.dataset, i * plan.perFault + 1, (i + 1) * plan.perFault)],
          loadAfterSeconds: timesOf(context.options).loadAfterSeconds,
          injectAfterSeconds: momentOf(fault, style, context.options),
        },
        signal,
      );
      known = verified.found;
      toldWrong += verified.toldWrong;
      setScore(result, before, countedOf(verified, toldWrong));
      keep(verified, context);
      if (verified.result.notFinal > 0) break; // what is stuck would be counted to every fault that comes next
    }
  } finally {
    await stack.stop();
  }
}

function parted({ style, faults }: StylePlan, { services }: ChaosContext) {
  const reasons = faults.map((fault) => whyNot(fault, style, services));
  return [faults.filter((_, i) => reasons[i] === undefined), reasons.filter((reason) => reason !== undefined)] as const;
}

function keep({ result: one, log }: Verified, { directory, result, progress, save }: ChaosContext): void {
  const file = join(directory, 'raw', `${one.style}.${one.fault}.operations.ndjson.gz`);
  writeOperationLog(file, { style: one.style, fault: one.fault }, log);
  result.results.push(one);
  progress.note(lineOf(one));
  save();
}

const lineOf = ({ fault, openAtInjection, zeroOpenSeconds, failures }: FaultResult): string =>
  `  ${fault}: ${openAtInjection} open, all final after ${zeroOpenSeconds?.toFixed(1) ?? '-'} s${failures.length === 0 ? '' : `; ${failures[0] ?? ''}`}`;

/** A saga that never ended, or an answer that is wrong, breaks no invariant of the books for good, and is not consistent either. */
const countedOf = ({ score: { examined, touched }, result: { notFinal } }: Verified, toldWrong: number): Counted => ({
  examined,
  touched: Math.min(examined, touched + notFinal + toldWrong),
});
