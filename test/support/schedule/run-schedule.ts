import { microTransactions } from '../../../domain/cuts.ts';
import type { Tx } from '../../../domain/ports.ts';
import { rescueSagas } from '../../../eventdriven/saga/rescue-sql.ts';
import { turnBack } from '../sagas.ts';
import type { Draw } from './draw.ts';
import { deliver, type Message } from './message.ts';
import { holdARow, lapse } from './monolith.ts';
import { learn, takeOver, turn, type View, type Views, viewsOf } from './views.ts';
import type { World } from './world.ts';

/** An actor has one connection for each boundary; the monolith has one too. */
export interface Cast {
  readonly actors: readonly (readonly Tx[])[];
  readonly monolith: Tx;
}

/**
 * Random actions of two workers on one world: next step, step again, the same saga twice in a batch, request lost, rolled back,
 * reply lost, late message, a saga turned back, taken over under a new epoch; beside them a monolith that holds rows and lets
 * reservations lapse. One actor replays by its seed; several race. Returns the messages that are still under way.
 */
export async function runSchedule(cast: Cast, world: World, draw: Draw, actions: number): Promise<readonly Message[]> {
  const alone = cast.actors.length === 1;
  const workers = [0, 1].map((n) => ({
    name: world.engine === 'orchestration' ? `w${n}` : null,
    views: viewsOf(world.sagas),
  }));
  const late: Message[] = [];
  let left = actions;
  const actor = async (connections: readonly Tx[]): Promise<void> => {
    const first = connections[0] as Tx;
    while (left-- > 0) {
      const worker = workers[draw.chance(0.6) ? 0 : 1] as (typeof workers)[number];
      const due = late[draw.below(late.length)];
      const action = draw.below(100);
      if (action < 8) await claim(first, world, worker.views, draw);
      else if (action < 15) await abort(first, worker.views, draw);
      else if (action < 18) await expire(first, world, worker.views, draw);
      else if (action < 21 && alone) await lapse(cast.monolith, draw.pick(world.orders) ?? 0);
      else if (action < 33 && due !== undefined) await deliver(connections, due);
      else {
        const message = draft(world, worker, draw);
        if (message === undefined) continue;
        if (draw.chance(0.2)) late.push(message);
        // A request that seems lost may only be slow: those that were never worked on are the most dangerous.
        if (draw.chance(0.12)) late.push(message);
        else await send(connections, message, worker.views, draw, alone ? cast.monolith : undefined, world);
      }
    }
  };
  const beside = async (): Promise<void> => {
    while (left > 0) {
      if (draw.chance(0.05)) await lapse(cast.monolith, draw.pick(world.orders) ?? 0);
      else await holdARow(cast.monolith, world, draw, () => Promise.resolve());
    }
  };
  await Promise.all([...cast.actors.map(actor), ...(alone ? [] : [beside()])]);
  return late;
}

/** What a worker would send next: what stands at the same boundary goes together. */
function draft(
  { engine }: World,
  { name, views }: { name: string | null; views: Views },
  draw: Draw,
): Message | undefined {
  const ready = [...views.values()].filter((view) => !view.stopped && draw.chance(0.8));
  const first = draw.pick(ready);
  if (first === undefined) return undefined;
  const again = draw.chance(0.2) ? 1 : 0; // a step back in its own direction: it sends what it has sent before
  const { back } = first;
  const at = back ? Math.min(microTransactions.length - 1, first.at + again) : Math.max(0, first.at - again);
  const fits = (view: View) =>
    view.back === back &&
    (back ? view.at <= at : view.at >= at) &&
    (view.saga.facts !== undefined || (at === 0 && !back));
  const sagas = ready.filter(fits).map((view) => view.saga);
  const [twice] = sagas;
  if (twice === undefined) return undefined;
  if (draw.chance(0.1)) sagas.push(twice);
  return { at, op: back ? 'undo' : 'execute', sagas, engine, worker: name };
}

async function send(
  connections: readonly Tx[],
  message: Message,
  views: Views,
  draw: Draw,
  holder: Tx | undefined,
  world: World,
): Promise<void> {
  const rolledBack = draw.chance(0.08);
  const held = holder !== undefined && message.op === 'execute' && draw.chance(0.1);
  const wait = !held && draw.chance(0.5);
  const go = () => deliver(connections, message, { rolledBack, wait });
  const outcomes = held ? await holdARow(holder, world, draw, go) : await go();
  if (outcomes === undefined || draw.chance(0.12)) return; // not committed, or the reply is lost
  message.sagas.forEach((saga, i) => {
    const view = views.get(saga.sagaId);
    if (view?.saga.epoch === saga.epoch) learn(view, message, outcomes[i]);
  });
}

/** The rescuer of a worker claims what is due: some saga whose retry has just become due. */
async function claim(db: Tx, world: World, views: Views, draw: Draw): Promise<void> {
  await db.query(
    `update saga_state set next_run_at = now() where saga_id = $1 and status in ('RUNNING', 'COMPENSATING')`,
    [draw.pick(world.sagas)?.sagaId],
  );
  await sweep(db, world, views);
}

/** The deadline of some saga passes, whether it has begun, is in work or is final; the rescuer finds it if there is something to find. */
async function expire(db: Tx, world: World, views: Views, draw: Draw): Promise<void> {
  await db.query('update saga_state set deadline_at = now() where saga_id = $1', [draw.pick(world.sagas)?.sagaId]);
  await sweep(db, world, views);
}

async function sweep(db: Tx, world: World, views: Views): Promise<void> {
  const rescued = await rescueSagas(db, {
    engine: world.engine,
    worker: 'w1',
    versions: [1],
    active: [],
    maxCount: 10,
    silentMs: 60_000,
    unownedMs: 60_000,
  });
  for (const one of rescued) takeOver(views, one);
}

/** Somebody turns a saga back that could still go forward. */
async function abort(db: Tx, views: Views, draw: Draw): Promise<void> {
  const view = draw.pick([...views.values()].filter((one) => one.saga.facts !== undefined));
  if (view !== undefined && (await turnBack(db, view.saga.sagaId))) turn(view);
}
