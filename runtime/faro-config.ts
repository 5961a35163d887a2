import { z } from 'zod';
import { http, secret } from './config-values.ts';
import { onlySet, parse } from './environment.ts';

/** Where business events go. */
export interface FaroConfig {
  /** Of the collector, its path included. */
  readonly url: string;
  readonly apiKey: string | undefined;
}

export const faroVariables = {
  SAGASHIFT_FARO_URL: http
    .refine((value) => URL.canParse(value) && new URL(value).username === '' && new URL(value).password === '', {
      error: 'must not hold a name or a password: the key is SAGASHIFT_FARO_API_KEY',
    })
    .optional(),
  SAGASHIFT_FARO_API_KEY: secret.optional(),
};
export const faroOf = (v: { SAGASHIFT_FARO_URL?: string | undefined; SAGASHIFT_FARO_API_KEY?: string | undefined }) =>
  v.SAGASHIFT_FARO_URL === undefined
    ? undefined
    : Object.freeze({ url: v.SAGASHIFT_FARO_URL, apiKey: v.SAGASHIFT_FARO_API_KEY });

/** What a command that needs no more than this takes from the environment. */
export const readFaroConfig = (env: NodeJS.ProcessEnv): FaroConfig | undefined =>
  faroOf(parse(z.object(faroVariables), onlySet(env), []));
