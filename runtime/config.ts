import { hostname } from 'node:os';
import { z } from 'zod';
import { type EngineName, engines } from '../domain/engines.ts';
import type { StepName } from '../domain/steps.ts';
import { apartIsUnsupported, domainsApart, urlName } from './domain-urls.ts';
import { addedMs, cut, flag, http, oneOf, secret, targetUrls, url, whole } from './config-values.ts';
import { onlySet, parse } from './environment.ts';
import { type FaroConfig, faroOf, faroVariables } from './faro-config.ts';
import { fault, type InjectedFault, type Sabotage, sabotages } from './injected-fault.ts';
import { type NightlyConfig, nightlyOf, nightlyVariables } from './nightly-config.ts';

export interface Config {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Of every Redis key of ours. */
  readonly keyPrefix: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Pinned: the router sends everything there. */
  readonly engine: EngineName | undefined;
  /** Which saga the saga side runs when no engine is pinned, default orchestration. */
  readonly sagaEngine: 'orchestration' | 'choreography';
  readonly legacyEngine: 'legacy' | 'legacy-lean';
  /** The name under which the data platform hears of payments; default: the engine's. */
  readonly source: string | undefined;
  /** Of this process, default 16. */
  readonly dbConnections: number;
  /** How long the router holds a request before it answers 202, default 30 s. */
  readonly waitLimitMs: number;
  /** Payments that one router has in work before it answers 503, default 2,000. */
  readonly paymentsInFlight: number;
  /** The same for one user, answered 429, default 200. */
  readonly paymentsPerUser: number;
  readonly dataPlatformUrl: string | undefined;
  readonly outsideTimeoutMs: number;
  /** Where events for a target go when not to the data platform: the whole URL of the POST, by target system. */
  readonly targetUrls: Readonly<Record<string, string>>;
  /** How long an event waits for a target that is not there before it becomes a dead letter, default 24 h. */
  readonly deliveryHorizonMs: number;
  /** Processing time that a scenario adds to each step, default none. */
  readonly addedMs: Readonly<Record<StepName, number>>;
  readonly redlock: {
    readonly retryDelayMs: number;
    readonly retryJitterMs: number;
    readonly ttlMs: number;
    readonly waitLimitMs: number;
  };
  readonly isolation: 'minimal' | 'seed';
  /** Another cut than the engine's own, see `parseCut`. */
  readonly cut?: string;
  readonly batching: boolean;
  readonly saga: {
    /** A saga whose pivot has not committed by then turns back, default 60 s. Longer than an outage it should ride out. */
    readonly deadlineMs: number;
    /** After technical faults: from 100 ms, doubling up to 30 s, shown to people from the 8th in a row. */
    readonly backoff: { readonly firstMs: number; readonly longestMs: number; readonly attentionAfter: number };
    /** Receipts of a saga are kept so long after its end, default 30 days. */
    readonly receiptRetentionMs: number;
  };
  /** PAYMENT_EVENT_DRIVEN_ENABLED, OR-ed with the rollout row; undefined when it is not set. */
  readonly eventDrivenEnabled: boolean | undefined;
  /** PAYMENT_EMERGENCY_ROLLBACK, OR-ed with the rollout row. */
  readonly emergencyRollback: boolean;
  readonly sabotage: Sabotage | undefined;
  readonly fault: InjectedFault | undefined;
  /** Default: business events go nowhere. */
  readonly faro: FaroConfig | undefined;
  readonly collect: {
    /** Whether the router takes what browsers send to `/collect`; default: only on loopback. */
    readonly enabled: boolean;
    /** What they must show to be heard, default nothing. */
    readonly apiKey: string | undefined;
  };
  readonly nightly: NightlyConfig;
  readonly logLevel: string;
  /** Names this process in heartbeats and as the owner of sagas. */
  readonly workerId: string;
}

/** Reads and validates the environment once; the result is frozen and passed down. Empty means not set. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const given = onlySet(env);
  return fromVariables(parse(schema, given, [...unknownNames(given), ...unsupportedNames(given)]));
}

const anHourMs = 3_600_000;
/** A job that failed for good can be sent again by a person for so long. */
export const failedJobsKeptMs = 24 * anHourMs;

const engineNames = engines.map((row) => row.name) as [EngineName, ...EngineName[]];
const aMinute = whole(1, 600_000);

const variables = {
  DATABASE_URL: url('postgres://user:password@127.0.0.1:5432/sagashift', ['postgres:', 'postgresql:']),
  REDIS_URL: url('redis://127.0.0.1:6379', ['redis:', 'rediss:']),
  SAGASHIFT_KEY_PREFIX: z
    .string()
    .regex(/^[\w:.-]{1,64}$/, { error: 'takes 1 to 64 letters, digits and _ : . -' })
    .default('sagashift'),
  SAGASHIFT_HOST: z.string().default('127.0.0.1'),
  SAGASHIFT_PORT: whole(0, 65_535).default(0),
  SAGASHIFT_ENGINE: oneOf(engineNames).optional(),
  SAGASHIFT_SAGA_ENGINE: oneOf(['orchestration', 'choreography']).default('orchestration'),
  SAGASHIFT_LEGACY_ENGINE: oneOf(['legacy', 'legacy-lean']).default('legacy'),
  SAGASHIFT_SOURCE: z
    .string()
    .regex(/^[\w-]{1,64}$/, { error: 'takes 1 to 64 letters, digits and _ -' })
    .optional(),
  SAGASHIFT_DB_CONNECTIONS: whole(1, 1_000).default(16),
  SAGASHIFT_WAIT_LIMIT_MS: aMinute.default(30_000),
  SAGASHIFT_PAYMENTS_IN_FLIGHT: whole(1, 100_000).default(2_000),
  SAGASHIFT_PAYMENTS_PER_USER: whole(1, 100_000).default(200),
  SAGASHIFT_DATA_PLATFORM_URL: http.optional(),
  SAGASHIFT_OUTSIDE_TIMEOUT_MS: aMinute.default(5_000),
  SAGASHIFT_TARGET_URLS: targetUrls.default({}),
  SAGASHIFT_DELIVERY_HORIZON_S: whole(1, 31_536_000).default(86_400),
  SAGASHIFT_ADDED_MS: addedMs.default({}),
  SAGASHIFT_REDLOCK_RETRY_DELAY_MS: whole(0, 60_000).default(10),
  SAGASHIFT_REDLOCK_RETRY_JITTER_MS: whole(0, 60_000).default(10),
  SAGASHIFT_REDLOCK_TTL_MS: aMinute.default(30_000),
  SAGASHIFT_REDLOCK_WAIT_LIMIT_MS: aMinute.default(30_000),
  SAGASHIFT_ISOLATION: oneOf(['minimal', 'seed']).default('minimal'),
  SAGASHIFT_CUT: cut.optional(),
  SAGASHIFT_BATCHING: flag.default(true),
  SAGASHIFT_SAGA_DEADLINE_MS: whole(1, 86_400_000).default(60_000),
  SAGASHIFT_SAGA_RETRY_DELAY_MS: aMinute.default(100),
  SAGASHIFT_SAGA_RETRY_LIMIT_MS: aMinute.default(30_000),
  SAGASHIFT_SAGA_ATTENTION_AFTER: whole(1, 1_000).default(8),
  SAGASHIFT_RECEIPT_RETENTION_HOURS: whole(1, 87_600).default(720),
  SAGASHIFT_SABOTAGE: oneOf(sabotages).optional(),
  SAGASHIFT_FAULT: fault.optional(),
  ...faroVariables,
  SAGASHIFT_COLLECT: flag.optional(),
  SAGASHIFT_COLLECT_API_KEY: secret.optional(),
  ...nightlyVariables,
  SAGASHIFT_LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  SAGASHIFT_WORKER_ID: z.string().max(200).optional(),
  PAYMENT_EVENT_DRIVEN_ENABLED: flag.optional(),
  PAYMENT_EMERGENCY_ROLLBACK: flag.default(false),
};
const schema = z.object(variables).superRefine((v, ctx) => {
  const horizonMs = Math.max(v.SAGASHIFT_SAGA_DEADLINE_MS + v.SAGASHIFT_SAGA_RETRY_LIMIT_MS, failedJobsKeptMs);
  if (v.SAGASHIFT_RECEIPT_RETENTION_HOURS * anHourMs > horizonMs) return;
  ctx.addIssue({
    code: 'custom',
    path: ['SAGASHIFT_RECEIPT_RETENTION_HOURS'],
    message: `must be more than ${Math.floor(horizonMs / anHourMs)} hours: so long a job of a saga may still come, and its receipt answers it`,
  });
});
type Variables = z.infer<typeof schema>;

function fromVariables(v: Variables): Config {
  const none: Record<StepName, number> = {
    validateOrder: 0,
    applyCoupon: 0,
    deductBalance: 0,
    confirmStock: 0,
    createPayment: 0,
  };
  return Object.freeze({
    databaseUrl: v.DATABASE_URL,
    redisUrl: v.REDIS_URL,
    keyPrefix: v.SAGASHIFT_KEY_PREFIX,
    host: v.SAGASHIFT_HOST,
    port: v.SAGASHIFT_PORT,
    engine: v.SAGASHIFT_ENGINE,
    sagaEngine: v.SAGASHIFT_SAGA_ENGINE,
    source: v.SAGASHIFT_SOURCE,
    legacyEngine: v.SAGASHIFT_LEGACY_ENGINE,
    dbConnections: v.SAGASHIFT_DB_CONNECTIONS,
    waitLimitMs: v.SAGASHIFT_WAIT_LIMIT_MS,
    paymentsInFlight: v.SAGASHIFT_PAYMENTS_IN_FLIGHT,
    paymentsPerUser: v.SAGASHIFT_PAYMENTS_PER_USER,
    dataPlatformUrl: v.SAGASHIFT_DATA_PLATFORM_URL,
    outsideTimeoutMs: v.SAGASHIFT_OUTSIDE_TIMEOUT_MS,
    targetUrls: Object.freeze(v.SAGASHIFT_TARGET_URLS),
    deliveryHorizonMs: v.SAGASHIFT_DELIVERY_HORIZON_S * 1_000,
    addedMs: Object.freeze({ ...none, ...v.SAGASHIFT_ADDED_MS }),
    redlock: Object.freeze({
      retryDelayMs: v.SAGASHIFT_REDLOCK_RETRY_DELAY_MS,
      retryJitterMs: v.SAGASHIFT_REDLOCK_RETRY_JITTER_MS,
      ttlMs: v.SAGASHIFT_REDLOCK_TTL_MS,
      waitLimitMs: v.SAGASHIFT_REDLOCK_WAIT_LIMIT_MS,
    }),
    isolation: v.SAGASHIFT_ISOLATION,
    ...(v.SAGASHIFT_CUT === undefined ? {} : { cut: v.SAGASHIFT_CUT }),
    batching: v.SAGASHIFT_BATCHING,
    saga: Object.freeze({
      deadlineMs: v.SAGASHIFT_SAGA_DEADLINE_MS,
      backoff: Object.freeze({
        firstMs: v.SAGASHIFT_SAGA_RETRY_DELAY_MS,
        longestMs: v.SAGASHIFT_SAGA_RETRY_LIMIT_MS,
        attentionAfter: v.SAGASHIFT_SAGA_ATTENTION_AFTER,
      }),
      receiptRetentionMs: v.SAGASHIFT_RECEIPT_RETENTION_HOURS * anHourMs,
    }),
    eventDrivenEnabled: v.PAYMENT_EVENT_DRIVEN_ENABLED,
    emergencyRollback: v.PAYMENT_EMERGENCY_ROLLBACK,
    sabotage: v.SAGASHIFT_SABOTAGE,
    fault: v.SAGASHIFT_FAULT,
    faro: faroOf(v),
    collect: Object.freeze({
      enabled: v.SAGASHIFT_COLLECT ?? isLoopback(v.SAGASHIFT_HOST),
      apiKey: v.SAGASHIFT_COLLECT_API_KEY,
    }),
    nightly: nightlyOf(v),
    logLevel: v.SAGASHIFT_LOG_LEVEL,
    // A restarted process must not take itself for its dead predecessor: not the pid alone.
    workerId:
      v.SAGASHIFT_WORKER_ID ?? `${hostname()}-${process.pid}-${Math.round(performance.timeOrigin).toString(36)}`,
  });
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.[\d.]+$/.test(host);

/** A misspelt variable would otherwise be a default that nobody asked for. */
const unknownNames = (given: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(given)
    .filter((name) => name.startsWith('SAGASHIFT_') && !(name in variables))
    .map((name) => `${name}: unknown; there are ${Object.keys(variables).join(' ')}`);

const unsupportedNames = (given: Record<string, string | undefined>): string[] =>
  domainsApart(given).map((domain) => `${urlName(domain)}: ${apartIsUnsupported}`);
