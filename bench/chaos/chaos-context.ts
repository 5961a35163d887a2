import type { Services } from '../../runtime/services/services.ts';
import type { ChaosOptions } from './chaos-plan.ts';
import type { ChaosResult } from './chaos-result.ts';
import type { FigureContext } from './figures/figure-arm.ts';

/** What is up for the whole run, and where its result goes. */
export interface ChaosContext extends FigureContext {
  readonly options: ChaosOptions;
  readonly services: Services;
  readonly directory: string;
  readonly result: ChaosResult;
  /** What is known by now is on disk, whatever happens next. */
  save(): void;
}
