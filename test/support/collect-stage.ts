import { afterEach } from '@jest/globals';
import { answerError } from '../../router/app.ts';
import { collect, type CollectPorts } from '../../router/collect.ts';
import { listen, newApp } from '../../runtime/http.ts';
import { createLog, type Logger } from '../../runtime/log.ts';
import { createMetrics, type Metrics } from '../../runtime/metrics.ts';

export type CollectedLine = Record<string, unknown> & { readonly item: Record<string, unknown> };

/** A router's log, of which the lines are kept that say what was collected. */
export function captured(): { readonly lines: CollectedLine[]; readonly log: Logger } {
  const lines: CollectedLine[] = [];
  const log = createLog('router', 'info', {
    write: (text) => {
      const line = JSON.parse(text) as CollectedLine;
      if (line['msg'] === 'collected') lines.push(line);
    },
  });
  return { lines, log };
}

export interface Collector {
  readonly url: string;
  readonly lines: readonly CollectedLine[];
  readonly metrics: Metrics;
}

export interface CollectStage {
  /** What is to be stopped when the test ends, last first. */
  readonly open: (() => Promise<void>)[];
  /** The path alone, on a clock that gives everybody a fresh burst for each request unless told otherwise. */
  readonly collector: (over?: Partial<CollectPorts>) => Promise<Collector>;
}

/** Of this file's own. Call it once, outside of tests. */
export function collectStage(): CollectStage {
  const open: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of open.splice(0).reverse()) await stop();
  });
  return {
    open,
    async collector(over = {}) {
      const { lines, log } = captured();
      const metrics = createMetrics();
      let now = 0;
      const app = newApp();
      const ports = { apiKey: undefined, busy: () => false, metrics, log, now: () => (now += 60_000), ...over };
      app.route('/collect').post(collect(ports));
      app.use(answerError({ log }));
      const { url, close } = await listen(app, '127.0.0.1', 0);
      open.push(close);
      return { url: `${url}/collect`, lines, metrics };
    },
  };
}

export const json = { 'content-type': 'application/json' };

export async function post(url: string, body: string | Uint8Array, headers: Record<string, string> = json) {
  const answered = await fetch(url, { method: 'POST', body, headers });
  const text = await answered.text();
  return { status: answered.status, headers: answered.headers, body: JSON.parse(text) as Record<string, unknown> };
}

/** A post of so many events. */
export const events = (count: number): string =>
  JSON.stringify({ events: Array.from({ length: count }, (_none, i) => ({ name: `e${i}` })) });

/** What was counted, with its labels. */
export const labels = async ({ registry }: Metrics): Promise<string[]> =>
  [...(await registry.metrics()).matchAll(/^(collect_\w+\{.*\} \d+)$/gm)].map(([, line]) => line ?? '').sort();
