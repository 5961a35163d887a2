import type { Clock } from '../domain/ports.ts';
import type { Config } from './config.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';

/** What an engine is given. It opens its own connections from the configuration and closes them on stop. */
export interface EnginePorts {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
}
