import type { Answer, PaymentEngine } from '../../domain/payment-engine.ts';
import type { Tx } from '../../domain/ports.ts';
import type { Metrics } from '../../runtime/metrics.ts';

export interface Payable {
  readonly id: number;
  readonly userId: number;
}

export async function payBy(
  engine: PaymentEngine,
  { id: orderId, userId }: Payable,
  { couponId = null, signal = new AbortController().signal }: { couponId?: number | null; signal?: AbortSignal } = {},
): Promise<Answer> {
  const route = { side: 'legacy', reason: 'pinned', bucket: 1, version: 1 } as const;
  return (await engine.submit({ orderId, userId, couponId, route }, signal)).settled;
}

/** Sum of a histogram (seconds) or value of a counter, over all series with these labels; undefined when there is none. */
export async function measured(
  metrics: Metrics,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  const metric = await metrics.registry.getSingleMetric(name)?.get();
  const series = (metric?.values ?? []).filter(
    (v) =>
      (!('metricName' in v) || v.metricName === `${name}_sum`) &&
      Object.entries(labels).every(([k, l]) => v.labels[k] === l),
  );
  return series.length === 0 ? undefined : series.reduce((sum, { value }) => sum + value, 0);
}

/** Resolves when a session of this database waits for a row that another has locked. */
export async function somebodyWaits(tx: Tx, limitMs = 10_000): Promise<void> {
  const began = performance.now();
  for (;;) {
    const waiting = await tx.query(
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'advisory'`,
    );
    if (waiting.length > 0) return;
    if (performance.now() - began > limitMs) throw new Error(`nobody waited for a row within ${limitMs} ms`);
  }
}

/** The n-th and later payments are written; the ones before fail with this SQLSTATE. Survives rollbacks, being a sequence. */
export const failFirstPayments = (sqlstate: string, n: number): string => `
  create sequence tries;
  create function fail_first() returns trigger language plpgsql as $$
  begin
    if nextval('tries') < ${n} then raise exception 'on purpose' using errcode = '${sqlstate}'; end if;
    return new;
  end $$;
  create trigger fail_first before insert on payments for each row execute function fail_first()`;
export const failNoMore = 'drop trigger fail_first on payments; drop function fail_first; drop sequence tries';
