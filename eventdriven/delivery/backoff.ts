export interface BackoffLimits {
  readonly retryFirstMs: number;
  readonly retryCapMs: number;
}

/** Capped exponential with equal jitter, so that relays and retries do not march in step. */
export const backoffMs = (attempt: number, limits: BackoffLimits, random: () => number): number =>
  Math.min(limits.retryCapMs, limits.retryFirstMs * 2 ** Math.min(attempt - 1, 30)) * (0.5 + random() / 2);
