import { type Domain, domains, urlName } from '../../runtime/domain-urls.ts';

/** The tables that are read from a domain's database, where it has its own. */
export const domainTables = {
  ORDER: ['users', 'orders', 'order_items', 'coupons', 'user_coupons'],
  BALANCE: ['balances', 'balance_ledger', 'balance_correction', 'sagashift_database'],
  PRODUCT: ['products', 'stocks', 'stock_ledger'],
  PAYMENT: ['payments'],
  SAGA: ['saga_state', 'payment_route', 'rollout', 'rollout_audit', 'delivery_route'],
} as const satisfies Readonly<Record<Domain, readonly string[]>>;

/** Written in the transaction that they tell of, so each database has its own: together they are the table. */
export const tablesEverywhere = ['saga_step_execution', 'event_store', 'external_event_log'] as const;

export interface Source {
  readonly url: string;
  readonly domains: readonly Domain[];
  readonly tables: readonly string[];
}

/** One per database, that of the orders first. A domain without a variable lies in `databaseUrl`. */
export function sourcesOf(databaseUrl: string, env: NodeJS.ProcessEnv): Source[] {
  const byUrl = new Map<string, Domain[]>();
  for (const domain of domains) {
    const url = env[urlName(domain)] || databaseUrl;
    byUrl.set(url, [...(byUrl.get(url) ?? []), domain]);
  }
  return [...byUrl].map(([url, here]) => ({
    url,
    domains: here,
    tables: [...here.flatMap((domain) => domainTables[domain]), ...tablesEverywhere],
  }));
}
