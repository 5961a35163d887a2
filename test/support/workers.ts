import type { WorkerRole } from '../../eventdriven/index.ts';
import type { Style } from '../../eventdriven/saga/doorbell.ts';

export interface StyleOfWorkers {
  readonly style: Style;
  /** What a process must do to be all of its workers. */
  readonly roles: readonly WorkerRole[];
}

/** Both sagas, for `describe.each`. */
export const styles: readonly StyleOfWorkers[] = [
  { style: 'orchestration', roles: ['orchestrator'] },
  { style: 'choreography', roles: ['order', 'balance', 'product', 'payment'] },
];
