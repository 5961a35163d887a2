import { z } from 'zod';

const percentileMs = z
  .number()
  .nullable()
  .describe('Milliseconds; null when there are too few samples for this percentile');
export const distribution = z.object({
  count: z.number(),
  mean: z.number().nullable(),
  p50: percentileMs,
  p99: percentileMs,
});

export const latency = z.object({
  count: z.number(),
  mean: z.number(),
  p50: percentileMs,
  p95: percentileMs,
  p99: percentileMs,
  max: z.number(),
});

export const lock = z.object({
  engine: z.string(),
  lock: z.string(),
  kind: z.string().describe('redis, row, or union: the time a resource was kept from others by either'),
  waitMs: distribution,
  holdMs: distribution,
});

const perPayment = z.object({ engine: z.string(), sumMs: distribution, maxMs: distribution });

const cpu = z.object({
  router: z.number(),
  worker: z.number(),
  postgres: z.number().nullable().describe('Null: it runs where its CPU can not be seen'),
  redis: z.number().nullable().describe('Null: it runs where its CPU can not be seen'),
  dataPlatform: z.number(),
  generator: z.number(),
});

export const cost = z.object({
  roundTrips: z.number().nullable(),
  commits: z.number().nullable(),
  walBytes: z.number().nullable().describe('Without full-page images'),
  fullPageImageBytes: z.number().nullable(),
  redisCommands: z.number().nullable(),
  cpuMicros: cpu.describe('By component; the generator is not part of the total'),
  cpuMicrosTotal: z.number().nullable().describe('Null if a component is'),
});

const batch = z.object({
  boundary: z.string(),
  batches: z.number(),
  meanSize: z.number(),
  statementMsPerPayment: z.number(),
});

/** A broken invariant. */
export const finding = z.object({
  code: z.string(),
  title: z.string(),
  violations: z.number(),
  sample: z.array(z.string()),
});

/** What the driver was told, against the database: A1 to A4. Orders are counted. */
const clientLog = z.object({
  invariants: z.array(finding.extend({ examined: z.number() })),
  askedAgain: z
    .object({ requests: z.number(), answered: z.number() })
    .describe('After the round had drained: all orders without a final answer, and a sample of those with one'),
  unknown: z
    .object({ paid: z.number(), refused: z.number(), untouched: z.number(), open: z.number() })
    .describe('What had become of the orders without a final answer before they were asked for again'),
});

/** What an open loop asked of an arm. */
const offered = z.object({
  ratePerSecond: z.number().describe('Asked for, evenly spaced'),
  sentPerSecond: z.number().describe('Sent in the window'),
  arrivals: z.number().describe('Of the whole round, sent or not'),
  unserved: z
    .number()
    .describe('Arrivals that were not sent because all clients were waiting for an answer; they count as failed'),
  unservedInWindow: z.number(),
  sendLagMs: z
    .object({ p50: z.number().nullable(), p99: z.number().nullable(), max: z.number().nullable() })
    .describe('From when a payment was due to when it was sent; part of its latency'),
  thresholds: z
    .array(z.object({ metric: z.string(), expression: z.string(), passed: z.boolean() }))
    .describe("k6's own verdicts on this round; they judge what was sent"),
});

/** One round of one arm. */
export const round = z.object({
  round: z.number().describe('From 1; the rounds of a scenario with the same number ran next to each other'),
  position: z.number().describe('From 1, within its block; shuffled by the seed'),
  windowSeconds: z.number(),
  settledPerSecond: z.number().describe('Final orders that the database shows and the driver saw end in the window'),
  acceptedPerSecond: z.number().describe('Accepted, final or not: beside, never instead'),
  offered: offered.nullable().default(null).describe('Null for a closed loop'),
  latencyMs: latency.describe(
    'To the final answer: in a closed loop from sending the request, in an open one from when it was due',
  ),
  outcomes: z
    .object({ paid: z.number(), refused: z.number(), failed: z.number(), unknown: z.number() })
    .describe('All requests of the round'),
  refusals: z.record(z.string(), z.number()).describe('By code'),
  faults: z.record(z.string(), z.number()).describe('What failed or stayed unknown, by code'),
  unavailable: z.number().describe('Requests answered 429 or 5xx, or not at all'),
  settledByEngine: z.record(z.string(), z.number()),
  transactionMs: z.array(perPayment).describe('Per payment: sum over its boundaries (decides), and the longest'),
  locks: z.array(lock),
  lockHoldPerPaymentMs: z.array(perPayment),
  semanticHoldMs: z.array(
    z.object({ engine: z.string(), acceptedToFinal: z.number().nullable(), debitToFinal: z.number().nullable() }),
  ),
  cost: cost.describe('Per settled payment'),
  memoryMb: z.object({ router: z.number(), worker: z.number() }).describe('Largest process of each kind'),
  batches: z.array(batch),
  delivery: z.object({ expected: z.number(), received: z.number() }),
  drain: z.object({
    seconds: z.number(),
    openSagas: z.number(),
    undelivered: z.number(),
    underOneSecond: z.boolean(),
    drained: z.boolean(),
  }),
  counting: z.object({
    driver: z.number().describe('Orders for which the driver got a final answer'),
    database: z.number().describe('Of these, orders that the database shows with the same outcome'),
    unseen: z.number().describe('Final orders whose answer the driver did not get'),
    otherEngine: z.number().describe("Orders that another engine than the arm's worked on"),
  }),
  consistency: z.object({
    checked: z.number(),
    violations: z.number(),
    findings: z.array(finding),
    clientLog: clientLog.optional().describe('Absent in results of older versions'),
  }),
  endedEarly: z.boolean().describe('The orders laid out for the round ran out'),
  noisy: z.boolean(),
  foreignCores: z.number().describe('CPU used by anything else on the machine'),
  valid: z.boolean(),
  reasons: z.array(z.string()).describe('Why the round does not count'),
});
