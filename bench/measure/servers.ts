import { type Connection, openConnection, sqlState } from '../../runtime/database.ts';
import { openRedis, type Redis } from '../../runtime/redis.ts';
import {
  cpuMicrosOf,
  cpuMicrosOfEnded,
  cpuMicrosOfFamily,
  cpuMicrosOfMachine,
  parentOf,
  visible,
} from './process-stat.ts';

/** Running totals of the servers and the machine; later minus earlier is what a round cost. */
export interface ServerCounters {
  readonly lsn: string;
  readonly redisCommands: number;
  /** Null: not to be seen from here. */
  readonly postgresMicros: number | null;
  readonly redisMicros: number | null;
  readonly generatorMicros: number;
  readonly machineMicros: number;
}

export interface ServerMeter {
  read(): Promise<ServerCounters>;
  /** WAL between two readings: without full-page images, and those. */
  wal(
    from: ServerCounters,
    to: ServerCounters,
  ): Promise<{ readonly bytes: number; readonly fullPageImages: number | null }>;
  close(): Promise<void>;
}

/**
 * `databaseUrl`: a database of ours, where pg_walinspect is installed if the server allows it. `pids`: of servers that do not
 * know their own, being in a container; others are asked.
 */
export async function openServerMeter(
  databaseUrl: string,
  redisUrl: string,
  pids: { readonly postgres?: number; readonly redis?: number } = {},
): Promise<ServerMeter> {
  const database = await openConnection({ url: databaseUrl, applicationName: 'sagashift-bench-meter' });
  const redis = openRedis(redisUrl, 'sagashift-bench-meter');
  const inspects = await canInspectWal(database);
  const postmaster =
    pids.postgres === undefined ? await postmasterPid(database) : visible(pids.postgres, postgresProcess);
  const redisPid = visible(pids.redis ?? (await redisServerPid(redis)), redisProcess);
  return {
    async read() {
      const [row] = await database.query<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn');
      const cpu = process.cpuUsage();
      return {
        lsn: row?.lsn ?? '0/0',
        redisCommands: await commandsProcessed(redis),
        postgresMicros: postmaster === null ? null : cpuMicrosOfFamily(postmaster),
        redisMicros: redisPid === null ? null : cpuMicrosOf(redisPid),
        generatorMicros: cpu.user + cpu.system + cpuMicrosOfEnded(process.pid), // k6 is a child that ends with its round
        machineMicros: cpuMicrosOfMachine(),
      };
    },
    async wal(from, to) {
      const [all] = await database.query<{ bytes: number }>('select ($2::pg_lsn - $1::pg_lsn)::bigint as bytes', [
        from.lsn,
        to.lsn,
      ]);
      const bytes = all?.bytes ?? 0;
      if (!inspects) return { bytes, fullPageImages: null };
      const images = await fullPageImages(database, from.lsn, to.lsn);
      return { bytes: bytes - (images ?? 0), fullPageImages: images };
    },
    async close() {
      redis.disconnect();
      await database.close();
    },
  };
}

/** Full-page images are told apart by the extension pg_walinspect only; without it WAL is given with them, and the result says so. */
async function canInspectWal(database: Connection): Promise<boolean> {
  try {
    await database.query('create extension if not exists pg_walinspect');
    return true;
  } catch {
    return false; // not installed, or not for us
  }
}

/** Null when a checkpoint has removed that part of the WAL already: on a server that others write to it may be gone within a round. */
async function fullPageImages(database: Connection, from: string, to: string): Promise<number | null> {
  try {
    // Waits for nothing: everything before an LSN that was read has been written.
    const [images] = await database.query<{ bytes: number }>(
      'select coalesce(sum(fpi_size), 0)::bigint as bytes from pg_get_wal_stats($1::pg_lsn, $2::pg_lsn)',
      [from, to],
    );
    return images?.bytes ?? 0;
  } catch (error) {
    if (sqlState(error) === undefinedFile) return null;
    throw error;
  }
}

const undefinedFile = '58P01';
const postgresProcess = /^postgres$/;
const redisProcess = /^(redis|valkey)-server/;

async function postmasterPid(database: Connection): Promise<number | null> {
  const [row] = await database.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = row?.pid ?? 0;
  return visible(pid, postgresProcess) === null ? null : parentOf(pid);
}

async function redisServerPid(redis: Redis): Promise<number> {
  return Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1] ?? 0);
}

async function commandsProcessed(redis: Redis): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))?.[1] ?? 0);
}
