import { randomUUID } from 'node:crypto';
import { ConfigError } from '../../runtime/environment.ts';
import { type FaroConfig, readFaroConfig } from '../../runtime/faro-config.ts';
import type { CommandIo } from '../../runtime/operator-command.ts';
import { openEvents } from '../../runtime/telemetry.ts';
import { announceChange } from '../rollout-events.ts';
import type { RolloutRow } from '../rollout-sql.ts';
import type { Authorship } from './change-rollout.ts';

type AnnounceIo = Pick<CommandIo, 'env' | 'err'>;

/** Tells the Faro sink, if there is one, of a change that has committed and been printed. Never rejects for the sink's sake. */
export async function announce(io: AnnounceIo, by: Authorship, after: RolloutRow, before: RolloutRow): Promise<void> {
  const events = await openEvents(sinkOf(io), {
    app: 'sagashift-canary',
    session: randomUUID(),
    say: (line) => {
      io.err(`${line}\n`);
    },
  });
  announceChange(events, by, after, before);
  await events.stop();
}

/** A misspelt sink must not stand in the way of a rollback. */
function sinkOf({ env, err }: AnnounceIo): FaroConfig | undefined {
  try {
    return readFaroConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    err(`${error.message}\nthe change is made; nobody was told\n`);
    return undefined;
  }
}
