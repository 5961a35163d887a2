import type { ServerResponse } from 'node:http';

export interface Problem {
  readonly status: number;
  /** Stable; what a program tests. */
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  /** Seconds. */
  readonly retryAfter?: number;
  /** Extension members, as RFC 9457 calls them. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Answers with an RFC 9457 problem. Nothing if the answer has begun: its head can't be taken back. */
export function problem(res: ServerResponse, { status, code, title, detail, retryAfter, members }: Problem): void {
  if (res.headersSent) return;
  res.statusCode = status;
  res.setHeader('content-type', 'application/problem+json; charset=utf-8');
  res.setHeader('cache-control', 'no-store');
  if (retryAfter !== undefined) res.setHeader('retry-after', String(retryAfter));
  res.end(
    JSON.stringify({
      type: 'about:blank',
      title,
      status,
      code,
      ...(detail === undefined ? {} : { detail }),
      ...members,
    }),
  );
}
