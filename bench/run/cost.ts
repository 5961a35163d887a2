import type { engineMetrics } from '../measure/engine-metrics.ts';
import type { ServerMeter } from '../measure/servers.ts';
import type { Cost } from '../result.ts';
import type { Reading } from './reading.ts';

export interface RoundCost {
  readonly perPayment: Cost;
  /** Cores that something else than this round kept busy. */
  readonly foreignCores: number;
}

/**
 * Per final payment of the whole round, lead-in, tail and drain included: what is settled later is paid for, too. The
 * processes of the other arms are up and idle meanwhile; what they use shows as foreign.
 */
export async function costOf(
  before: Reading,
  after: Reading,
  measured: Pick<ReturnType<typeof engineMetrics>, 'roundTrips' | 'commits'>,
  payments: number,
  meter: ServerMeter,
): Promise<RoundCost> {
  const n = Math.max(1, payments);
  const wal = await meter.wal(before.servers, after.servers);
  const micros = {
    router: after.routerMicros - before.routerMicros,
    worker: after.workerMicros - before.workerMicros,
    postgres: between(before.servers.postgresMicros, after.servers.postgresMicros),
    redis: between(before.servers.redisMicros, after.servers.redisMicros),
    dataPlatform: after.dataPlatformMicros - before.dataPlatformMicros,
    generator: after.servers.generatorMicros - before.servers.generatorMicros,
  };
  const ours = Object.values(micros).reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const seen = micros.postgres !== null && micros.redis !== null;
  const machine = after.servers.machineMicros - before.servers.machineMicros;
  const per = (value: number) => value / n;
  return {
    perPayment: {
      roundTrips: per(measured.roundTrips),
      commits: per(measured.commits),
      walBytes: per(wal.bytes),
      fullPageImageBytes: wal.fullPageImages === null ? null : per(wal.fullPageImages),
      redisCommands: per(after.servers.redisCommands - before.servers.redisCommands),
      cpuMicros: {
        router: per(micros.router),
        worker: per(micros.worker),
        postgres: micros.postgres === null ? null : per(micros.postgres),
        redis: micros.redis === null ? null : per(micros.redis),
        dataPlatform: per(micros.dataPlatform),
        generator: per(micros.generator),
      },
      // A sum without the database would make it look free.
      cpuMicrosTotal: seen ? per(ours - micros.generator) : null,
    },
    foreignCores: Math.max(0, machine - ours) / Math.max(1, after.at - before.at) / 1_000,
  };
}

const between = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : to - from;
