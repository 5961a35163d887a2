/** Domains that may lie in a database of their own. */
export const domains = ['ORDER', 'BALANCE', 'PRODUCT', 'PAYMENT', 'SAGA'] as const;
export type Domain = (typeof domains)[number];

export const urlName = (domain: Domain): string => `DATABASE_URL_${domain}`;

/** Those that the environment puts elsewhere than DATABASE_URL. Only the verifier can look at several databases. */
export const domainsApart = (env: NodeJS.ProcessEnv): Domain[] =>
  domains.filter((domain) => (env[urlName(domain)] ?? '') !== '');

export const apartIsUnsupported =
  'a database per domain is not supported by this version; unset it, everything uses DATABASE_URL';
