import { targetSystems } from '../../domain/delivery-events.ts';
import type { Config } from '../../runtime/config.ts';

/** The POST's URL of each target, undefined for one that has none: its events stay in the log. */
export function targetUrls(config: Config, source?: string): (target: string) => string | undefined {
  const from = source ?? config.source ?? config.engine ?? config.sagaEngine;
  const base = config.dataPlatformUrl?.replace(/\/$/, '');
  return (target) => {
    const own = Object.hasOwn(config.targetUrls, target) ? config.targetUrls[target] : undefined;
    if (own !== undefined || base === undefined) return own;
    // The data platform itself is told by name of source alone: that is what counts it.
    return target === 'data-platform'
      ? `${base}/v1/events/${from}`
      : `${base}/v1/targets/${encodeURIComponent(target)}/events/${from}`;
  };
}

/** Metrics have a closed set of labels, the routing table is open. */
export const labelOf = (target: string): string =>
  (targetSystems as readonly string[]).includes(target) ? target : 'other';
