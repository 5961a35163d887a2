import type { FaultPoint } from '../../runtime/injected-fault.ts';
import {
  clockJump,
  endBackends,
  flushRedis,
  type Injection,
  killWorker,
  ownDeath,
  ownFault,
  pauseMs,
  pauseWorker,
  restartServer,
} from './injections.ts';
import type { ProcessKind, Style } from './stack.ts';

/** The point at which a process of ours meets a fault, and the payments that come there, per payment that is asked for. */
export interface Armed {
  readonly kind: ProcessKind;
  readonly point: FaultPoint;
  readonly perPayment: number;
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
  /** Payments that come all at once, just before it, to a worker whose boundaries take so long that they are open then. */
  readonly burst?: { readonly payments: number; readonly boundaryMs: number };
  /** Every saga that ended after it should have done so within this, 99 in 100. */
  readonly goalSeconds: number;
  readonly inject: Injection;
}

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
    burst: { payments: 1_900, boundaryMs: 150 },
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
