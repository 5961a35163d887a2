import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from '../../runtime/http.ts';
import { createMetrics, type Metrics } from '../../runtime/metrics.ts';
import { problem } from '../../runtime/problem.ts';
import { parseEvents } from './event-body.ts';
import { readBody, Refused } from './request-body.ts';
import { openSource, type Source } from './source-counts.ts';

export interface DataPlatformOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** A POST is answered this long after it arrived, however little there was to do. */
  readonly latencyMs: number;
  /** Share of the POSTs, 0 to 1, that are answered 503 and have no effect: a single event or a whole batch. */
  readonly failureRate: number;
  /** Decides which ones fail. */
  readonly seed: number;
  /** Default: its own. */
  readonly metrics?: Metrics;
  /** Stops the server as `stop` does. */
  readonly signal?: AbortSignal;
}

export interface DataPlatform {
  readonly url: string;
  /** Answers the requests in hand, then closes. */
  stop(): Promise<void>;
}

const maxSources = 64;
const results = ['new', 'duplicate', 'refused'] as const;

/**
 * Stands for the outside system that wants to hear about payments. Plain node:http, because it shares the machine with what is measured.
 *
 * - `POST /v1/events/:source` takes one event or an array of up to 100 and answers 202 (or 503, see `failureRate`).
 *   Events are deduplicated by source and eventId; a source is the engine or arm they come from.
 * - `POST /v1/targets/:target/events/:source` does the same in the place of one target system, counted as `:target/:source`.
 * - `GET /v1/stats` answers SourceCounts by source, `DELETE /v1/stats` forgets everything.
 * - `GET /metrics`: events by result. Not by source: that is a name from outside.
 */
export async function startDataPlatform(options: DataPlatformOptions): Promise<DataPlatform> {
  const sources = new Map<string, Source>();
  const random = seededRandom(options.seed);
  const metrics = options.metrics ?? createMetrics();
  const received = Object.fromEntries(results.map((result) => [result, metrics.received.labels({ result })])) as Record<
    (typeof results)[number],
    { inc(by: number): void }
  >;
  for (const result of results) received[result].inc(0);
  const server = await listen(
    (req, res) => {
      answer(req, res).catch((error: unknown) => {
        req.resume(); // so that an answer given early reaches a caller who is still sending
        problem(
          res,
          error instanceof Refused ? error.problem : { status: 500, code: 'INTERNAL', title: 'Internal error' },
        );
      });
    },
    options.host,
    options.port,
  );
  const stop = (): Promise<void> => server.close();
  options.signal?.addEventListener('abort', () => void stop(), { once: true });
  return { url: server.url, stop };

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = (req.url ?? '').split('?')[0] ?? '';
    const [, target, from] = /^\/v1\/(?:targets\/([\w.-]{1,64})\/)?events\/([\w.-]{1,64})$/.exec(path) ?? [];
    const source = target === undefined ? from : `${target}/${from}`;
    if (source !== undefined) {
      allow(req, 'POST');
      await receive(source, req, res);
    } else if (path === '/v1/stats') {
      allow(req, 'GET', 'DELETE');
      if (req.method === 'DELETE') sources.clear();
      json(res, 200, Object.fromEntries([...sources].map(([name, { counts }]) => [name, counts])));
    } else if (path === '/metrics') {
      allow(req, 'GET');
      res.setHeader('content-type', metrics.registry.contentType).end(await metrics.registry.metrics());
    } else if (path === '/healthz') {
      json(res, 200, { status: 'ok' });
    } else {
      throw new Refused({
        status: 404,
        code: 'NOT_FOUND',
        title: 'Not found',
        detail: 'there are /v1/events/:source, /v1/targets/:target/events/:source and /v1/stats',
      });
    }
  }

  async function receive(name: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const arrived = performance.now();
    const events = parseEvents(await readBody(req));
    const source = sourceOf(name);
    source.counts.requests += 1;
    const fails = random() < options.failureRate;
    const before = source.counts.duplicates;
    if (fails) source.counts.failed += 1;
    else source.take(events);
    const duplicates = source.counts.duplicates - before;
    received.refused.inc(fails ? events.length : 0);
    received.new.inc(fails ? 0 : events.length - duplicates);
    received.duplicate.inc(duplicates);
    // The effect comes before the answer: a caller that gives up waiting does not know whether its events were taken.
    const left = options.latencyMs - (performance.now() - arrived);
    if (left > 0) await sleep(left);
    if (fails)
      throw new Refused({
        status: 503,
        code: 'UNAVAILABLE',
        title: 'Unavailable',
        detail: 'fails on purpose (failure rate)',
      });
    json(res, 202, { accepted: events.length });
  }

  function sourceOf(name: string): Source {
    const known = sources.get(name);
    if (known !== undefined) return known;
    if (sources.size >= maxSources) {
      throw new Refused({
        status: 429,
        code: 'TOO_MANY_SOURCES',
        title: 'Too many sources',
        detail: `at most ${maxSources}; DELETE /v1/stats forgets them`,
      });
    }
    const source = openSource();
    sources.set(name, source);
    return source;
  }
}

function allow(req: IncomingMessage, ...methods: string[]): void {
  if (methods.includes(req.method ?? '')) return;
  throw new Refused({
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    title: 'Method not allowed',
    detail: `use ${methods.join(' or ')}`,
  });
}

function json(res: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  res.end(body);
}

/** mulberry32: the same seed fails the same requests. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
