import { type Connection, openConnection } from '../../runtime/database.ts';

/** Of the database, for as long as its session lives: a crash of the process or of the server gives it back. */
const nightLock = -7_207_003;

/** Another nightly run is on. The message says whose and since when. */
export class NightlyHeld extends Error {
  override readonly name = 'NightlyHeld';
}

/** True in the session that holds the lock. Whoever lost it may have a successor, and must not write beside that one. */
export const holdsLock = `exists (select from pg_locks l where l.locktype = 'advisory' and l.granted and l.pid = pg_backend_pid()
  and l.database = (select oid from pg_database where datname = current_database())
  and (l.classid::bigint << 32 | l.objid::bigint) = ${nightLock})`;

/** The session that holds the lock and writes what the run has found: both end together. Close it to give the lock back. */
export async function openNightSession(url: string): Promise<Connection> {
  const session = await openConnection({ url, applicationName: 'sagashift-nightly' });
  try {
    const [row] = await session.query<{ taken: boolean }>(`select pg_try_advisory_lock(${nightLock}) as taken`);
    if (row?.taken === true) return session;
    throw new NightlyHeld(`a nightly run is on already: ${await holder(session)}`);
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** The run's own row tells more than the session. Just after its start the row is not there yet. */
async function holder(session: Connection): Promise<string> {
  const [run] = await session.query<Holder>(
    `select r.id, r.host, r.pid, (select count(*) from verification_part p where p.run_id = r.id) as parts,
       to_char(coalesce(r.resumed_at, r.started_at), 'YYYY-MM-DD HH24:MI:SS "UTC"') as since
     from verification_run r where r.mode = 'nightly' and r.status = 'RUNNING' order by r.id desc limit 1`,
  );
  if (run === undefined) return 'it has only just begun';
  return `run ${run.id} on ${run.host ?? 'an unknown host'}, pid ${run.pid}, since ${run.since}, ${run.parts} parts done`;
}

interface Holder {
  readonly id: number;
  readonly host: string | null;
  readonly pid: number | null;
  readonly since: string;
  readonly parts: number;
}
