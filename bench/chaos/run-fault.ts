import { setTimeout as sleep } from 'node:timers/promises';
import { verify } from '../../consistency/verifier.ts';
import { verifyClientLog } from '../../consistency/client-log/verify-client-log.ts';
import type { Services } from '../../runtime/services/services.ts';
import type { OrderPlan } from '../dataset/plan.ts';
import { askAgain } from '../load/ask-again.ts';
import { requestTimeoutMs } from '../load/loads.ts';
import { isFinal, type Operation, toLogLine } from '../load/operation.ts';
import { settledOrders } from '../measure/outcome-sql.ts';
import { drain } from '../run/drain.ts';
import { surprisesOf, unknownEnds } from '../run/told.ts';
import { askUntilTold, untold } from './ask-until-told.ts';
import type { FaultResult, Violation } from './chaos-result.ts';
import type { Armed, Fault } from './faults.ts';
import type { Hit } from './injections.ts';
import { manyAreOpen, payAtOnce, payAtRate } from './paying.ts';
import { openAt, openNow, recoveryOf, sagaTimes } from './recovery.ts';
import type { Stack } from './stack.ts';
import { timelineOf } from './timeline.ts';

export interface FaultRun {
  readonly fault: Fault;
  readonly stack: Stack;
  readonly restart: Services['restart'];
  readonly orders: readonly OrderPlan[];
  readonly ratePerSecond: number;
  /** Payments go on for so long after the fault has come and what people do about it has been done. */
  readonly loadAfterSeconds: number;
  /** From the seed. */
  readonly injectAfterSeconds: number;
  /** Draws who is asked again. */
  readonly seed: number;
  /** What has been found in this database before: it is not this fault's. */
  readonly known: ReadonlyMap<string, number>;
}

export interface Verified {
  readonly result: FaultResult;
  readonly score: { readonly examined: number; readonly touched: number };
  /** Answers that are not what the books or the order's data say: no row of the books is wrong, and an order is. */
  readonly toldWrong: number;
  /** All that was asked and told. */
  readonly log: readonly Operation[];
  /** By invariant, for the next fault. */
  readonly found: ReadonlyMap<string, number>;
}

interface Injected {
  readonly operations: readonly Operation[];
  readonly hit: Hit;
  readonly loadFrom: number;
  readonly loadTo: number;
}

/** Of a burst: while the last of them come, the first are final already. */
const openShare = 0.55;

/** Payments come at their rate; the fault comes; what is open ends; the books and the clients' log are held against each other. */
export async function runFault(run: FaultRun, signal: AbortSignal): Promise<Verified> {
  const { fault, stack, orders } = run;
  const armed = fault.armed?.(stack.style) ?? null;
  if (armed !== null) {
    const nth = Math.round(run.injectAfterSeconds * run.ratePerSecond * armed.perPayment);
    await stack.replace(armed.kind, { fault: { point: armed.point, nth } }, signal);
  }
  if (fault.burst !== undefined) await stack.replace('worker', { boundaryMs: fault.burst.boundaryMs }, signal);
  const { operations, hit, loadFrom, loadTo } = await injectUnderLoad(run, armed, signal);
  const drained = await drain(stack.pool, 0, signal);
  const [from, to] = [orders[0]?.orderId ?? 0, orders.at(-1)?.orderId ?? 0];
  const { at: faultAt, replacedAt = faultAt } = hit;
  const sagas = await sagaTimes(stack.pool, from, to);
  const recovery = recoveryOf(sagas, { faultAt, replacedAt, loadFrom, loadTo });
  const unknown = unknownEnds(operations, await settledOrders(stack.pool, from, to));
  let quiet = drained.drained;
  const ask = async (of: readonly Operation[]): Promise<readonly Operation[]> => {
    const told = await askAgain({ urls: stack.urls, operations: of, seed: run.seed, requestTimeoutMs }, signal);
    quiet = (await drain(stack.pool, 0, signal)).drained;
    return told;
  };
  const log = drained.drained ? await askUntilTold(operations, ask) : operations;
  const judged = await judge(run, log, quiet, signal);
  const result = {
    fault: fault.name,
    style: stack.style,
    title: fault.title,
    proves: fault.proves,
    openAtInjection: hit.open ?? openAt(sagas, hit.at).length,
    afterSeconds: hit.at === 0 ? 0 : (hit.at - loadFrom) / 1_000,
    goalSeconds: fault.goalSeconds,
    payments: operations.length,
    answers: answersOf(operations, log, unknown.paid),
    ...recovery,
    violations: judged.violations,
    timeline: timelineOf(sagas, { faultAt, loadFrom, loadTo }),
  };
  return { ...judged, log, result: { ...result, failures: failuresOf(result, drained.drained, stack.deaths()) } };
}

function answersOf(
  operations: readonly Operation[],
  log: readonly Operation[],
  turnedOutPaid: number,
): FaultResult['answers'] {
  const final = operations.filter(isFinal).length;
  return { final, askedAgain: operations.length - final, turnedOutPaid, unresolved: untold(operations, log).length };
}

/** Ends with every request answered. When something fails, the load ends with it. */
async function injectUnderLoad(run: FaultRun, armed: Armed | null, signal: AbortSignal): Promise<Injected> {
  const { fault, stack, orders } = run;
  const failed = new AbortController();
  const stopped = AbortSignal.any([signal, failed.signal]);
  const burst = Math.min(fault.burst?.payments ?? 0, Math.floor(orders.length / 2));
  const load = { urls: stack.urls, tx: stack.pool, ratePerSecond: run.ratePerSecond };
  try {
    const { at: loadFrom } = await openNow(stack.pool);
    let loadEnd = Infinity;
    const steady = orders.slice(0, orders.length - burst);
    const paying = payAtRate({ ...load, orders: steady }, () => performance.now() >= loadEnd, stopped);
    paying.catch(() => undefined); // awaited below; the injection may fail first
    if (armed === null) await sleep(run.injectAfterSeconds * 1_000, undefined, { signal });
    const atOnce = payAtOnce({ ...load, orders: orders.slice(orders.length - burst) }, stopped);
    atOnce.catch(() => undefined); // awaited below, too
    if (burst > 0) await manyAreOpen(stack.pool, burst * openShare, signal);
    const hit = await fault.inject({ stack, restart: run.restart, armed: armed?.kind ?? null }, signal);
    loadEnd = performance.now() + run.loadAfterSeconds * 1_000;
    const { operations, loadTo } = await paying;
    return { operations: [...operations, ...(await atOnce)], hit, loadFrom, loadTo };
  } finally {
    failed.abort();
  }
}

async function judge(
  { stack, known }: FaultRun,
  log: readonly Operation[],
  quiet: boolean,
  signal: AbortSignal,
): Promise<Pick<Verified, 'score' | 'found' | 'toldWrong'> & { readonly violations: readonly Violation[] }> {
  const report = await verify(stack.databaseUrl, { mode: 'drained', expectEngines: [stack.style], signal });
  const clients = await verifyClientLog(stack.databaseUrl, log.map(toLogLine), {
    mode: quiet ? 'drained' : 'live',
    signal,
  });
  const fresh = report.perInvariant.flatMap(({ code, sentence: title, violations: all, sample }) => {
    const violations = all - (known.get(code) ?? 0);
    return violations > 0 ? [{ code, title, violations, sample }] : [];
  });
  const told = clients.perInvariant
    .filter(({ violations }) => violations > 0)
    .map(({ code, sentence: title, violations, sample }) => ({ code, title, violations, sample }));
  const answers = [...told, ...wrongEnds(log)];
  return {
    score: report.score,
    toldWrong: answers.reduce((sum, { violations }) => sum + violations, 0),
    found: new Map(report.perInvariant.map(({ code, violations }) => [code, violations])),
    violations: [...fresh, ...answers],
  };
}

/** How an order must end is known from its data: no fault may turn a payment into a refusal, or the other way round. */
function wrongEnds(operations: readonly Operation[]): readonly Violation[] {
  const wrong = surprisesOf(operations);
  if (wrong.length === 0) return [];
  const sample = wrong
    .slice(0, 5)
    .map(({ orderId, outcome, code, expect }) => `order ${orderId}: ${code ?? outcome}, not ${expect}`);
  return [{ code: 'END', title: 'Every payment ends as its order says it must.', violations: wrong.length, sample }];
}

/** Why a fault was not survived; empty: it was. */
export function failuresOf(
  { openAtInjection, notFinal, answers, violations }: Omit<FaultResult, 'failures'>,
  drained: boolean,
  deaths: readonly string[],
): string[] {
  return [
    ...(openAtInjection > 0 ? [] : ['not injected: no saga was open when it came, or it did not come']),
    ...(notFinal > 0 ? [`${notFinal} sagas were not final in time`] : []),
    ...(drained || notFinal > 0 ? [] : ['what it had to deliver was not delivered in time']),
    ...(answers.unresolved > 0 ? [`${answers.unresolved} clients were never told how their payment ended`] : []),
    ...violations.map(
      ({ code, title, violations: n, sample }) => `VIOLATED ${code}: ${title} ${n} times, e.g. ${sample.join(', ')}`,
    ),
    ...deaths,
  ];
}
