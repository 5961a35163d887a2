import { z } from 'zod';
import { type cost, type distribution, finding, latency, type lock, round } from './result-round.ts';

/** Version of the shape below. A change that a reader of old results would stumble over raises the first number. */
export const schemaVersion = '1.1.0';

const arm = z.object({
  name: z.string().describe('The engine, or its second copy (A/A)'),
  engine: z.string(),
  scenario: z.string(),
  control: z.boolean(),
  processes: z.array(z.object({ name: z.string(), connections: z.number() })),
  connections: z.number(),
  latencyMs: latency.describe('Merged histograms of the rounds that count'),
  latencyCurve: z.array(z.tuple([z.number(), z.number()])).describe('Percentile and milliseconds'),
  invariants: z.array(
    z.object({
      code: z.string(),
      title: z.string(),
      examined: z.number(),
      violations: z.number(),
      sample: z.array(z.string()),
    }),
  ),
  verified: z.boolean().describe('A full pass of the verifier ran after the last round'),
  ordersVerified: z.number().describe('Orders that an engine worked on and the full pass examined'),
  violations: z.number(),
  rounds: z.array(round),
});

const comparison = z.object({
  scenario: z.string(),
  metric: z.string(),
  baseline: z.string(),
  candidate: z.string(),
  rounds: z.number(),
  ratio: z.number().describe('Geometric mean over rounds, candidate / baseline'),
  ci95: z.tuple([z.number(), z.number()]).nullable(),
  p: z.number().nullable(),
  control: z.tuple([z.number(), z.number()]).nullable().describe('95 % interval of two copies of the same arm'),
  verdict: z.enum(['faster', 'slower', 'equivalent', 'inconclusive', 'indicative', 'none']),
});

const kpi = z.object({
  id: z.string(),
  title: z.string(),
  target: z.string(),
  scenario: z.string().nullable(),
  candidate: z.string().nullable(),
  baseline: z.string().nullable(),
  measured: z.number().nullable(),
  unit: z.enum(['x', '%', 's', 'none']),
  bound: z.number().nullable().describe('What the measurement proves with 95 % confidence'),
  verdict: z.enum(['met', 'missed', 'not enough evidence', 'not measurable by this tool', 'NOT RUN']),
  note: z.string(),
});

const guard = z.object({
  scenario: z.string(),
  arm: z.string(),
  boundary: z.string(),
  firstMs: z.number(),
  lastMs: z.number(),
  ratio: z.number(),
  cpuRatio: z.number().nullable().describe('CPU of Postgres per payment, last round to first; null: not to be seen'),
  degraded: z.boolean(),
});

const drill = z.object({
  engine: z.string(),
  killedAfterSeconds: z.number(),
  openAtKill: z.number(),
  replacementReadySeconds: z.number(),
  secondsToZeroOpen: z.number().nullable().describe('From the kill; null when sagas stayed open'),
  violations: z.number(),
  findings: z.array(finding),
});

const scenario = z.object({
  name: z.string(),
  sentence: z.string(),
  arms: z.array(z.string()),
  clients: z.number(),
  skew: z.string(),
  users: z.number(),
  products: z.number(),
  orders: z.number(),
  ordersPerRound: z.number(),
  addedMs: z.record(z.string(), z.number()),
  outsideMs: z.number(),
  outsideTimeoutMs: z.number(),
  outsideFailureRate: z.number(),
  failures: z.record(z.string(), z.number()),
  batching: z.boolean(),
  percentage: z.number().nullable(),
  redlockRetryMs: z.string(),
  connectionsPerArm: z.number(),
  windowSeconds: z.number(),
  leadInSeconds: z.number(),
});

export const resultSchema = z.object({
  schemaVersion: z.string(),
  run: z.object({
    id: z.string(),
    mode: z.enum(['quick', 'default', 'full']),
    startedAt: z.string(),
    finishedAt: z.string().nullable(),
    seconds: z.number(),
    seed: z.number(),
    command: z.string(),
    commit: z.string().nullable(),
    dirty: z.boolean().nullable(),
    timeScale: z.number(),
    rounds: z.number(),
    sabotage: z.string().nullable(),
    load: z
      .object({
        driver: z.enum(['autocannon', 'open', 'k6']),
        version: z.string().nullable().describe('Of k6'),
        ratePerSecond: z.number().nullable().describe('Offered to every arm; null for a closed loop'),
      })
      .default({ driver: 'autocannon', version: null, ratePerSecond: null }),
    state: z.enum(['running', 'complete', 'interrupted', 'failed']),
  }),
  environment: z.object({
    cpu: z.string(),
    cores: z.number(),
    memoryMb: z.number(),
    kernel: z.string(),
    node: z.string(),
    postgres: z.object({ version: z.string(), how: z.string(), settings: z.record(z.string(), z.string()) }),
    redis: z.object({ version: z.string(), how: z.string(), settings: z.record(z.string(), z.string()) }),
    fdatasyncPerSecond: z.number().nullable().describe('8 kB writes, one after the other, on the volume of the data'),
    fdatasyncWhere: z.string(),
    loadAverage: z.number(),
    cpuPressure: z
      .number()
      .nullable()
      .describe('Percent of the last 10 s in which something waited for a CPU, before the run'),
    topology: z.array(z.string()),
  }),
  scenarios: z.array(scenario),
  arms: z.array(arm),
  comparisons: z.array(comparison),
  kpis: z.array(kpi),
  guard: z.array(guard),
  drills: z.array(drill),
  validity: z.object({
    coResident: z.boolean(),
    noisy: z.boolean(),
    unsteady: z.boolean(),
    reasons: z.array(z.string()),
  }),
  notRun: z.array(z.object({ stage: z.string(), why: z.string() })),
});

export type Result = z.infer<typeof resultSchema>;
export type ArmResult = z.infer<typeof arm>;
export type RoundResult = z.infer<typeof round>;
export type ScenarioResult = z.infer<typeof scenario>;
export type Comparison = z.infer<typeof comparison>;
export type Kpi = z.infer<typeof kpi>;
export type GuardRow = z.infer<typeof guard>;
export type Drill = z.infer<typeof drill>;
export type Distribution = z.infer<typeof distribution>;
export type LockResult = z.infer<typeof lock>;
export type Cost = z.infer<typeof cost>;
export type Environment = Result['environment'];

/** `bench/result.schema.json` is this, and a test compares them. */
export const jsonSchemaOfResult = (): unknown => z.toJSONSchema(resultSchema, { target: 'draft-2020-12' });

/** Rounds that count. */
export const validRounds = (of: ArmResult): RoundResult[] => of.rounds.filter((one) => one.valid);
