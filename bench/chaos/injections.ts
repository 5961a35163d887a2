import { setTimeout as sleep } from 'node:timers/promises';
import { clockJumps } from '../../runtime/fault-points.ts';
import { openRedis } from '../../runtime/redis.ts';
import type { Services } from '../../runtime/services/services.ts';
import type { Pool } from '../../runtime/database.ts';
import { endSessions, openNow } from './recovery.ts';
import type { ProcessKind, Stack } from './stack.ts';

/** What a fault may do something to. */
export interface Target {
  readonly stack: Stack;
  readonly restart: Services['restart'];
  /** The process that has been armed, if one has. */
  readonly armed: ProcessKind | null;
}

export interface Hit {
  /** In ms of the database's clock; 0: it did not come. */
  readonly at: number;
  /** Sagas open at that instant; null: nobody could count them then, but the sagas' own times say. */
  readonly open: number | null;
  /** When what had to be replaced was there again, if something had to. */
  readonly replacedAt?: number;
}

/**
 * Makes a fault happen and does what people would do about it, e.g. starts another process. Resolves with the sagas that were open at
 * that instant; with none when it did not happen.
 */
export type Injection = (target: Target, signal: AbortSignal) => Promise<Hit>;

/** Longer than a worker may be silent, than any boundary may take and than BullMQ waits for a stalled job. */
export const pauseMs = 6_000;
/** An armed process that did not meet its fault by then never came to the point. */
const armedLimitMs = 15_000;
const pollMs = 2;
const notInjected: Hit = { open: 0, at: 0 };

const replaced = async (then: Hit, pool: Pool): Promise<Hit> => ({
  ...then,
  replacedAt: (await openNow(pool)).at,
});

/** SIGKILL by the process itself, at its point; then another one is started. */
export const ownDeath: Injection = async ({ stack, armed }, signal) => {
  if (armed === null) return notInjected;
  const dead = stack.process(armed);
  const met = await happened(() => dead.died() !== undefined && stack.metAt(armed) !== undefined, signal);
  if (!met) return notInjected;
  const then = await hitBy(stack, armed);
  await dead.kill(); // it is dead, and that was wanted
  await stack.replace(armed, {}, signal);
  return replaced(then, stack.pool);
};

/** A fault that a process survives. */
export const ownFault: Injection = async ({ stack, armed }, signal) =>
  armed !== null && (await happened(() => stack.metAt(armed) !== undefined, signal))
    ? hitBy(stack, armed)
    : notInjected;

/** Hit where the clock goes ahead; payments come while it is behind, too, and when it is right again. */
export const clockJump: Injection = async (target, signal) => {
  const hit = await ownFault(target, signal);
  if (hit !== notInjected) await sleep(clockJumps.eachMs * clockJumps.aheadMs.length, undefined, { signal });
  return hit;
};

/** Its process knows best when it was; told by the database's clock, which need not be this machine's. */
async function hitBy(stack: Stack, armed: ProcessKind): Promise<Hit> {
  const asked = Date.now();
  const { at } = await openNow(stack.pool);
  const ahead = at - (asked + Date.now()) / 2;
  return { open: null, at: (stack.metAt(armed) ?? asked) + ahead };
}

async function happened(seen: () => boolean, signal: AbortSignal): Promise<boolean> {
  const until = performance.now() + armedLimitMs;
  while (!seen() && performance.now() < until) await sleep(pollMs, undefined, { signal });
  return seen();
}

/** Counted with the worker gone: nobody moves a saga in between. */
export const killWorker: Injection = async ({ stack }, signal) => {
  await stack.process('worker').kill();
  const then = await openNow(stack.pool);
  await stack.replace('worker', {}, signal);
  return replaced(then, stack.pool);
};

/** Another worker comes while the first one stands still; both work on when it wakes. */
export const pauseWorker: Injection = async ({ stack }, signal) => {
  const { pid } = stack.process('worker');
  process.kill(pid, 'SIGSTOP');
  try {
    const then = await openNow(stack.pool);
    const waking = performance.now() + pauseMs;
    const paused = await stack.addWorker(signal);
    const hit = await replaced(then, stack.pool);
    await sleep(Math.max(0, waking - performance.now()), undefined, { signal });
    process.kill(pid, 'SIGCONT');
    await paused.stop(); // which waits for what it believes to have in hand
    return hit;
  } catch (error) {
    process.kill(pid, 'SIGCONT'); // else nobody could stop it but by SIGKILL
    throw error;
  }
};

export const endBackends: Injection = async ({ stack }) => {
  const { ended, ...then } = await endSessions(stack.pool);
  return ended > 0 ? then : notInjected;
};

export const restartServer =
  (server: 'postgres' | 'redis'): Injection =>
  async ({ stack, restart }) => {
    const again = restart[server];
    if (again === undefined) return notInjected;
    const then = await openNow(stack.pool);
    await again();
    return replaced(then, stack.pool);
  };

export const flushRedis: Injection = async ({ stack, restart }) => {
  if (restart.redis === undefined) return notInjected; // somebody else's: it is not ours to empty
  const redis = openRedis(stack.redisUrl, 'sagashift-bench-chaos');
  try {
    await redis.ping();
    const then = await openNow(stack.pool);
    await redis.flushall();
    return then;
  } finally {
    redis.disconnect();
  }
};
