import { microTransactions } from '../../../domain/cuts.ts';
import type { Tx } from '../../../domain/ports.ts';
import { reactionsOf, reactionTo } from '../../../eventdriven/choreography/reactions.ts';
import { react, type Said } from '../../../eventdriven/choreography/reactor.ts';
import { goBack, goForward } from '../../../eventdriven/orchestration/orchestrator.ts';
import { requested } from '../../../eventdriven/saga/doorbell.ts';
import { type RescuedSaga, rescueSagas } from '../../../eventdriven/saga/rescue-sql.ts';
import { doors } from '../sagas.ts';
import type { World } from './world.ts';

const reactions = reactionsOf(microTransactions);

/** The crash is over: a rescuer brings everything that is open to its end, as the world's engine would. */
export async function finish(db: Tx, world: World): Promise<void> {
  const worker = world.engine === 'orchestration' ? 'finisher' : null;
  const { lanes } = doors(db, { engine: world.engine, worker });

  const orchestrate = async ({ saga, status, currentStep }: RescuedSaga): Promise<unknown> => {
    const position = lanes.findIndex((lane) => lane.boundary.name === currentStep) + 1;
    return status === 'RUNNING' ? goForward(lanes, saga, position) : goBack(lanes, saga, null);
  };
  const dance = async ({ saga, status, currentStep }: RescuedSaga): Promise<unknown> => {
    const passed = microTransactions.find((boundary) => boundary.name === currentStep)?.events.passed;
    let said: Pick<Said, 'topic' | 'saga'> = {
      topic: status === 'RUNNING' ? (passed ?? requested) : 'order.rejected',
      saga,
    };
    for (;;) {
      const reaction = reactionTo(reactions, said.topic);
      const lane = lanes.find((one) => one.boundary === reaction?.boundary);
      const next = reaction && lane && (await react(reaction, lane, said.saga));
      if (!next || next.end !== null) return next?.end;
      said = next;
    }
  };

  await db.query(
    `update saga_state set next_run_at = now() where order_id = any($1::bigint[]) and status in ('RUNNING', 'COMPENSATING')`,
    [world.orders],
  );
  const rescued = await rescueSagas(db, {
    engine: world.engine,
    worker: 'finisher',
    versions: [1],
    active: [],
    maxCount: 100,
    silentMs: 60_000,
    unownedMs: 60_000,
  });
  for (const one of rescued) {
    const end = await (world.engine === 'orchestration' ? orchestrate(one) : dance(one));
    if (!end) throw new Error(`saga ${one.saga.sagaId} was rescued and did not come to an end`);
  }
}
