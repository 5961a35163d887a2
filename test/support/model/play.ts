import type { Cut } from '../../../domain/cuts.ts';
import { paymentDefinitions } from '../../../domain/saga-definitions.ts';
import { reactionsOf, reactionTo, type Topic } from '../../../eventdriven/choreography/reactions.ts';
import { react } from '../../../eventdriven/choreography/reactor.ts';
import { goBack, goForward } from '../../../eventdriven/orchestration/orchestrator.ts';
import { requested, type Style } from '../../../eventdriven/saga/doorbell.ts';
import type { Lane } from '../../../eventdriven/saga/lane.ts';
import type { Saga } from '../../../eventdriven/saga/saga.ts';
import { payAndConfirm, payFirst } from '../pay-first.ts';
import { type Draw, drawOf } from '../schedule/draw.ts';
import { type Answered, type ModelMutant, ModelStore } from './store.ts';

/** A call of a boundary on its way: it may arrive once, twice, late or never, and so may its answer. */
interface Request {
  apply(): Answered;
  answer(out: Answered['out']): void;
  fail(): void;
}

interface Play {
  readonly store: ModelStore;
  readonly draw: Draw;
  readonly cut: Cut;
  readonly style: Style;
  readonly mutant: ModelMutant | undefined;
  /** Somebody waits for their answers. */
  readonly waiting: Request[];
  /** Nobody does any more; they arrive all the same. */
  readonly late: Request[];
  readonly walks: Set<Promise<void>>;
  readonly wrong: string[];
}

const definitions = [...paymentDefinitions, payFirst, payAndConfirm];

/**
 * One schedule: the orchestrator or the reactions as they are, over boundaries that obey the rules of the SQL. Returns what is
 * wrong at its end. The same seed plays the same schedule.
 */
export async function play(seed: number, style: Style, mutant?: ModelMutant): Promise<readonly string[]> {
  const draw = drawOf(seed);
  const { cut } = draw.pick(definitions) ?? { cut: [] };
  const refusing = new Set(cut.filter(() => draw.chance(0.15)).map(({ no }) => no));
  const store = new ModelStore(cut, refusing, mutant);
  const on: Play = { store, draw, cut, style, mutant, waiting: [], late: [], walks: new Set(), wrong: [] };
  const sagas = Array.from({ length: 1 + draw.below(3) }, (_, i) => store.accept(i + 1));
  for (const saga of sagas) walk(on, 'w0', saga, false, 'accepted');
  for (let action = 5 + draw.below(30); action > 0; action--) {
    await act(on, sagas);
    await turnOver();
  }
  await end(on, sagas);
  return [...on.wrong, ...store.violations()];
}

/** Lets whoever was answered go on to what it asks next. */
const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function act(on: Play, sagas: readonly Saga[]): Promise<void> {
  const { store, draw, waiting, late } = on;
  const one = draw.pick(sagas) as Saga;
  const action = draw.below(100);
  if (action < 6) store.abandon(one.sagaId);
  else if (action < 14) claim(on, one.sagaId, draw.chance(0.5), draw.chance(0.5) ? 'w0' : 'w1');
  else if (action < 18 && store.turn(one.sagaId)) walk(on, 'w0', one, true, 'accepted');
  else if (action < 22)
    walk(on, 'w0', one, false, 'accepted'); // its wake-up call comes twice
  else if (action < 30) note(on, late.splice(draw.below(late.length), 1)[0]?.apply());
  else arrive(on, waiting.splice(draw.below(waiting.length), 1)[0]);
  return Promise.resolve();
}

function arrive(on: Play, request: Request | undefined): void {
  if (request === undefined) return;
  const fate = on.draw.below(100);
  if (fate < 22) {
    if (fate < 8)
      on.late.push(request); // slow: whoever asked gives up before it arrives
    else if (fate < 16) note(on, request.apply()); // done, and the answer is lost
    request.fail(); // or lost on its way, or rolled back
    return;
  }
  if (fate < 30) on.late.push(request); // delivered twice
  request.answer(note(on, request.apply()));
}

function note(on: Play, answered: Answered | undefined): Answered['out'] {
  if (answered?.wrong !== undefined) on.wrong.push(answered.wrong);
  return answered?.out ?? { outcome: 'fenced' };
}

function claim(on: Play, sagaId: number, expired: boolean, worker: string): boolean {
  const claimed = on.store.claim(sagaId, on.style === 'orchestration' ? worker : null, expired);
  if (claimed !== null) walk(on, worker, claimed.saga, claimed.back, claimed.step);
  return claimed !== null;
}

/** What a worker does with a saga it has been given. */
function walk(on: Play, name: string, saga: Saga, back: boolean, step: string): void {
  const owner = on.style === 'orchestration' ? name : null;
  const lanes = on.cut.map((_, i) => laneOf(on, i, owner));
  const work =
    on.style === 'orchestration' ? conduct(on.cut, lanes, saga, back, step) : dance(on.cut, lanes, saga, back, step);
  const walking: Promise<void> = work
    .then(() => undefined)
    .catch(() => {
      const blind = on.mutant === 'fault taken for a refusal';
      if (blind && on.store.turn(saga.sagaId, true)) walk(on, name, saga, true, step);
      else on.store.defer(saga);
    })
    .finally(() => on.walks.delete(walking));
  on.walks.add(walking);
}

function conduct(cut: Cut, lanes: readonly Lane[], saga: Saga, back: boolean, step: string): Promise<unknown> {
  const position = cut.findIndex(({ name }) => name === step) + 1;
  return back ? goBack(lanes, saga, null) : goForward(lanes, saga, position);
}

/** All domains, one after the other: each envelope is heard at once. */
async function dance(cut: Cut, lanes: readonly Lane[], saga: Saga, back: boolean, step: string): Promise<void> {
  const reactions = reactionsOf(cut);
  const passed = cut.find(({ name }) => name === step)?.events.passed;
  let topic: Topic = back ? 'order.rejected' : (passed ?? requested);
  for (let one = saga; ;) {
    const reaction = reactionTo(reactions, topic);
    const lane = lanes.find(({ boundary }) => boundary === reaction?.boundary);
    const said = reaction && lane && (await react(reaction, lane, one));
    if (!said) return;
    [topic, one] = [said.topic, said.saga];
  }
}

function laneOf(on: Play, i: number, worker: string | null): Lane {
  const { cut, store, mutant } = on;
  const boundary = cut[i] as Cut[number];
  const undone = mutant === 'undo in the order of doing' ? (cut[cut.length - 1 - i] as Cut[number]) : boundary;
  const ask = <Out>(apply: () => Answered): Promise<Out> =>
    new Promise((resolve, reject) => {
      const fail = () => {
        reject(new Error('no answer'));
      };
      on.waiting.push({ apply, fail, answer: (out) => resolve(out as Out) });
    });
  return {
    boundary,
    execute: (saga) => ask(() => store.execute(boundary, saga, worker)),
    undo: async (saga) => {
      const asked = ask<Awaited<ReturnType<Lane['undo']>>>(() => store.undo(undone, saga, worker));
      return mutant === 'compensation swallowed' ? asked.catch(() => ({ outcome: 'ok', code: null }) as const) : asked;
    },
    drained: () => Promise.resolve(),
  };
}

/** No more faults: what is under way arrives, a rescuer comes round as often as it takes, and what was late arrives last. */
async function end(on: Play, sagas: readonly Saga[]): Promise<void> {
  for (let round = 0; round < 60; round++) {
    for (const request of on.waiting.splice(0)) request.answer(note(on, request.apply()));
    await turnOver();
    if (on.walks.size > 0) continue;
    for (const { sagaId } of sagas) on.store.abandon(sagaId);
    const claimed = on.store.open().filter((id) => claim(on, id, false, 'w2'));
    if (claimed.length === 0) break;
    await turnOver();
  }
  for (const request of on.late.splice(0)) note(on, request.apply());
}
