import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultPoint } from '../../runtime/injected-fault.ts';
import { clockJumps } from '../../runtime/fault-points.ts';
import { openRedis } from '../../runtime/redis.ts';
import type { Services } from '../../runtime/services/services.ts';
import type { Pool } from '../../runtime/database.ts';
import { endSessions, openNow } from './recovery.ts';
import type { ProcessKind, Stack, Style } from './stack.ts';

/** What a fault may do something to. */
export interface Target {
  readonly stack: Stack;
  readonly restart: Services['restart'];
  /** The process that has been armed, if one has. */
  readonly armed: ProcessKind | null;
}

/** The point at which a process of ours meets a fault, and the payments that come there, per payment that is asked for. */
export interface Armed {
  readonly kind: ProcessKind;
  readonly point: FaultPoint;
  readonly perPayment: number;
}

export interface Hit {
  /** In ms of the database's clock; 0: it did not come. */
  readonly at: number;
  /** Sagas open at that instant; null: nobody could count them then, but the sagas' own times say. */
  readonly open: number | null;
  /** When what had to be replaced was there again, if something had to. */
  readonly replacedAt?: number;
}

interface FaultRow {
  readonly name: string;
  readonly title: string;
  /** What it shows when it is survived. */
  readonly proves: string;
  /** In `--quick`, in the style that comes next. */
  readonly quick: boolean;
  /** A server that it ends or empties: it has to be our own. */
  readonly needs?: 'postgres' | 'redis';
  readonly armed?: (style: Style) => Armed;
  /** Payments that come all at once, just before it. */
  readonly burst?: number;
  /** Every saga that ended after it should have done so within this, 99 in 100. */
  readonly goalSeconds: number;
  /**
   * Makes it happen and what people would do about it, e.g. start another process. Resolves with the sagas that were open at
   * that instant; with none when it did not happen.
   */
  readonly inject: (target: Target, signal: AbortSignal) => Promise<Hit>;
}

/** Longer than a worker may be silent, than any boundary may take and than BullMQ waits for a stalled job. */
const pauseMs = 6_000;
/** An armed process that did not meet its fault by then never came to the point. */
const armedLimitMs = 15_000;
const pollMs = 2;
const notInjected: Hit = { open: 0, at: 0 };

const replaced = async (then: Hit, pool: Pool): Promise<Hit> => ({
  ...then,
  replacedAt: (await openNow(pool)).at,
});

/** SIGKILL by the process itself, at its point; then another one is started. */
const ownDeath: FaultRow['inject'] = async ({ stack, armed }, signal) => {
  if (armed === null) return notInjected;
  const dead = stack.process(armed);
  const met = await happened(() => dead.died() !== undefined && stack.metAt(armed) !== undefined, signal);
  if (!met) return notInjected;
  const then = await hitBy(stack, armed);
  await dead.kill(); // it is dead, and that was wanted
  await stack.replace(armed, null, signal);
  return replaced(then, stack.pool);
};

/** A fault that a process survives. */
const ownFault: FaultRow['inject'] = async ({ stack, armed }, signal) =>
  armed !== null && (await happened(() => stack.metAt(armed) !== undefined, signal))
    ? hitBy(stack, armed)
    : notInjected;

/** Hit where the clock goes ahead; payments come while it is behind, too, and when it is right again. */
const clockJump: FaultRow['inject'] = async (target, signal) => {
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
const killWorker: FaultRow['inject'] = async ({ stack }, signal) => {
  await stack.process('worker').kill();
  const then = await openNow(stack.pool);
  await stack.replace('worker', null, signal);
  return replaced(then, stack.pool);
};

/** Another worker comes while the first one stands still; both work on when it wakes. */
const pauseWorker: FaultRow['inject'] = async ({ stack }, signal) => {
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

const endBackends: FaultRow['inject'] = async ({ stack }) => {
  const { ended, ...then } = await endSessions(stack.pool);
  return ended > 0 ? then : notInjected;
};

const restartServer =
  (server: 'postgres' | 'redis'): FaultRow['inject'] =>
  async ({ stack, restart }) => {
    const again = restart[server];
    if (again === undefined) return notInjected;
    const then = await openNow(stack.pool);
    await again();
    return replaced(then, stack.pool);
  };

const flushRedis: FaultRow['inject'] = async ({ stack, restart }) => {
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

const afterCrash = 5;
const afterServer = 10;
const boundaries = 4;
const worker = (point: FaultPoint, perPayment: number) => (): Armed => ({ kind: 'worker', point, perPayment });
const router = (point: FaultPoint) => (): Armed => ({ kind: 'router', point, perPayment: 1 });
/** Who sends most jobs: in the choreography each boundary's word to the next is one. */
const sender = (point: FaultPoint) => (style: Style) =>
  style === 'choreography' ? worker(point, boundaries - 1)() : router(point)();

const rows = [
  {
    name: 'worker-kill',
    title: 'SIGKILL of the saga worker; another one is started',
    proves: 'A saga is in Postgres, not in a worker: what one had in hand another finds and ends.',
    quick: true,
    goalSeconds: afterCrash,
    inject: killWorker,
  },
  {
    name: 'worker-kill-before-commit',
    title: 'the worker dies with a boundary done and not committed',
    proves: 'A boundary is done whole or not at all: what was not committed is done again, once.',
    quick: true,
    armed: worker('boundary-before-commit', boundaries),
    goalSeconds: afterCrash,
    inject: ownDeath,
  },
  {
    name: 'worker-kill-after-commit',
    title: 'the worker dies after a commit of which nobody has been told',
    proves: 'The receipt answers for what has been done, so nobody does it again.',
    quick: false,
    armed: worker('boundary-after-commit', boundaries),
    goalSeconds: afterCrash,
    inject: ownDeath,
  },
  {
    name: 'router-kill-before-enqueue',
    title: 'the router dies with sagas accepted and the bell not rung',
    proves: 'Accepted is committed: a saga of which no worker was told is found all the same.',
    quick: true,
    armed: router('accept-before-enqueue'),
    goalSeconds: afterCrash,
    inject: ownDeath,
  },
  {
    name: 'router-kill-after-enqueue',
    title: 'the router dies with the bell rung and nobody answered',
    proves: 'Who was not answered asks again, and is told how the one payment ended.',
    quick: false,
    armed: router('accept-after-enqueue'),
    goalSeconds: afterCrash,
    inject: ownDeath,
  },
  {
    name: 'reply-lost',
    title: 'the word that sagas have ended does not reach the router',
    proves: 'An answer needs no message to arrive: the router reads the end of a saga from Postgres.',
    quick: false,
    armed: worker('reply-lost', 1),
    goalSeconds: afterCrash,
    inject: ownFault,
  },
  {
    name: 'commit-timeout',
    title: 'boundaries commit and the worker sees a lost connection',
    proves: 'A COMMIT without an answer is unknown, not a no: the receipt decides.',
    quick: true,
    armed: worker('commit-timeout', boundaries),
    goalSeconds: afterCrash,
    inject: ownFault,
  },
  {
    name: 'postgres-backend-kill',
    title: 'every session of router and worker is ended',
    proves: 'Connections come back by themselves, and what was in them is done again or known by its receipt.',
    quick: true,
    goalSeconds: afterCrash,
    inject: endBackends,
  },
  {
    name: 'postgres-restart',
    title: 'Postgres is shut down at once and recovers from its log',
    proves: 'Payments ride out a restart of Postgres, and what was acknowledged outlives its crash.',
    quick: false,
    needs: 'postgres',
    goalSeconds: afterServer,
    inject: restartServer('postgres'),
  },
  {
    name: 'redis-flush',
    title: 'Redis is emptied',
    proves: 'Redis holds nothing that counts: queues, locks and messages may all be gone.',
    quick: true,
    needs: 'redis',
    goalSeconds: afterServer,
    inject: flushRedis,
  },
  {
    name: 'redis-restart',
    title: 'Redis is killed and comes back empty',
    proves: 'Queues and subscriptions come back by themselves.',
    quick: false,
    needs: 'redis',
    goalSeconds: afterServer,
    inject: restartServer('redis'),
  },
  {
    name: 'worker-pause',
    title: `SIGSTOP of the worker, with many sagas open, for ${pauseMs / 1_000} s; another one takes over; SIGCONT`,
    proves: 'A worker that wakes up too late is fenced: two of them at once do nothing twice.',
    quick: false,
    burst: 1_900,
    goalSeconds: afterCrash,
    inject: pauseWorker,
  },
  {
    name: 'duplicate-jobs',
    title: 'every job comes twice at once, and again 1.5 s later',
    proves: 'A job is a wake-up call: it may come again, even after its saga has ended.',
    quick: false,
    armed: sender('duplicate-jobs'),
    goalSeconds: afterCrash,
    inject: ownFault,
  },
  {
    name: 'reordered-jobs',
    title: 'jobs overtake each other by up to 240 ms',
    proves: 'What comes next stands in Postgres, not in the order of jobs.',
    quick: false,
    armed: sender('reordered-jobs'),
    goalSeconds: afterCrash,
    inject: ownFault,
  },
  {
    name: 'clock-jump',
    title: 'the clock of the worker goes an hour ahead, then to an hour behind, then is right again',
    proves: "Nobody decides by the clock of a worker: deadlines, silence and retries are the database's.",
    quick: true,
    armed: worker('clock-jump', boundaries),
    goalSeconds: afterCrash,
    inject: clockJump,
  },
] as const satisfies readonly FaultRow[];

export type FaultName = (typeof rows)[number]['name'];
export interface Fault extends FaultRow {
  readonly name: FaultName;
}
export const faults: readonly Fault[] = rows;
