/** How a request ended for the driver. Only `paid` and `refused` are final; `unknown` may have taken effect, `failed` has not. */
export type Outcome = 'paid' | 'refused' | 'unknown' | 'failed';

export interface ClassifiedAnswer {
  readonly outcome: Outcome;
  readonly code: string | null;
  readonly paymentId: number | null;
  readonly engine: string | null;
}

interface Body {
  readonly code?: unknown;
  readonly paymentId?: unknown;
  readonly engine?: unknown;
}

/** Statuses after which the server says that nothing happened. Any other fault may hide a payment. */
const nothingHappened = new Set([400, 404, 405, 409, 413, 415, 429, 503]);

/** A 202 is unknown, never settled: the payment may still go either way. */
export function classify(status: number, text: string): ClassifiedAnswer {
  const body = parse(text);
  const engine = typeof body.engine === 'string' ? body.engine : null;
  const code = typeof body.code === 'string' ? body.code : null;
  if (status === 201 && typeof body.paymentId === 'number')
    return { outcome: 'paid', code: null, paymentId: body.paymentId, engine };
  if (status === 422 && code !== null) return { outcome: 'refused', code, paymentId: null, engine };
  const outcome = nothingHappened.has(status) ? 'failed' : 'unknown';
  return { outcome, code: code ?? `HTTP_${status}`, paymentId: null, engine };
}

function parse(text: string): Body {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
