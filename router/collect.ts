import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { RequestHandler } from 'express';
import type { Logger } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { answerJson } from './answers.ts';
import { readCollected } from './collect-body.ts';
import { collectLimits, createCollectLimiter } from './collect-limits.ts';
import { lineOf } from './collect-lines.ts';
import { collectBody, itemsOf } from './collect-payload.ts';
import { parseJson, refuse } from './json-body.ts';
import { type ProblemCode, RequestProblem } from './problems.ts';

export interface CollectPorts {
  readonly apiKey: string | undefined;
  /** Whether payments need the router more than telemetry does. */
  readonly busy: () => boolean;
  readonly metrics: Pick<Metrics, 'collectRequests' | 'collectItems'>;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** Written before payments get a turn: about half a millisecond. */
const itemsATurn = 10;

/** A post ends as one of these; nothing a client sends becomes a label. */
const outcomes: Readonly<Partial<Record<ProblemCode, string>>> = {
  MALFORMED_REQUEST: 'malformed',
  UNAUTHORIZED: 'unauthorized',
  BODY_TOO_LARGE: 'too_large',
  UNSUPPORTED_MEDIA_TYPE: 'unsupported',
  RATE_LIMITED: 'limited',
  OVERLOADED: 'shed',
};

/**
 * POST /collect: takes what a Faro SDK sends (the body of Grafana Alloy's receiver), writes each item as one log line and counts
 * it by kind. Says nothing about other origins, so a browser lets none but the router's own pages in.
 */
export function collect(ports: CollectPorts): RequestHandler {
  const { metrics, now = () => performance.now() } = ports;
  const limiter = createCollectLimiter(now);
  const shown = keyCheck(ports.apiKey);
  let atOnce = 0;

  function turnAway(req: IncomingMessage): RequestProblem | undefined {
    if (ports.busy()) return new RequestProblem('OVERLOADED', 'payments come first');
    if (!limiter.admit(req.socket.remoteAddress ?? '') || atOnce >= collectLimits.atOnce)
      return new RequestProblem('RATE_LIMITED', 'too many posts');
    return shown(req) ? undefined : new RequestProblem('UNAUTHORIZED', 'it belongs into x-api-key');
  }

  async function take(req: IncomingMessage): Promise<number> {
    const why = turnAway(req);
    if (why !== undefined) throw refuse(req, why);
    atOnce += 1;
    const text = await readCollected(req).finally(() => (atOnce -= 1));
    const body = parseJson(text, collectBody);
    const items = itemsOf(body);
    if (items.length > collectLimits.items)
      throw new RequestProblem('BODY_TOO_LARGE', `the limit is ${collectLimits.items} items`);
    if (!limiter.take(items.length)) throw new RequestProblem('RATE_LIMITED', 'too many items');
    for (const [i, collected] of items.entries()) {
      if (i > 0 && i % itemsATurn === 0) await turn();
      ports.log.info(lineOf(collected, body.meta, sessionOf(req)), 'collected');
      metrics.collectItems.inc({ kind: collected.kind });
    }
    if (body.traces) metrics.collectItems.inc({ kind: 'trace' });
    return items.length;
  }

  return async (req, res) => {
    try {
      answerJson(res, 202, { accepted: await take(req) });
      metrics.collectRequests.inc({ outcome: 'accepted' });
    } catch (error) {
      const code = error instanceof RequestProblem ? error.code : 'INTERNAL';
      metrics.collectRequests.inc({ outcome: outcomes[code] ?? 'fault' });
      throw error;
    }
  };
}

/** Compares digests: neither length nor first letter of the key can be found by measuring. */
function keyCheck(apiKey: string | undefined): (req: IncomingMessage) => boolean {
  if (apiKey === undefined) return () => true;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(apiKey);
  return ({ headers: { 'x-api-key': given } }) => typeof given === 'string' && timingSafeEqual(digest(given), expected);
}

function sessionOf({ headers: { 'x-faro-session-id': session } }: IncomingMessage): string {
  return typeof session === 'string' ? session : '';
}
