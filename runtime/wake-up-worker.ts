import { type Job, Worker, type WorkerOptions } from 'bullmq';

/** BullMQ's sign for a job that nobody locks. */
const unlocked = '0';

/**
 * Says whether jobs wait, and when none does takes the sign away by which a taken job calls for more workers. In one script:
 * whoever adds a job after it puts the sign up again, so nobody sleeps through a job.
 */
const look = {
  name: 'sagashift:jobsWait',
  definition: {
    numberOfKeys: 2,
    lua: `local waiting = redis.call('LLEN', KEYS[1])
      if waiting == 0 then redis.call('ZREM', KEYS[2], '0') end
      return waiting`,
  },
};

/**
 * BullMQ's worker for jobs that are only a wake-up call: 38 Redis commands for a payment that comes alone, where BullMQ's own
 * takes 53. A job is not locked, for it is done as soon as it has been heard and may be heard twice (4 commands less). Where no
 * job waits none is fetched together with the end of the one before (6), and the worker does not wake itself to find out that
 * there is none (8, for 3 that look). While jobs do wait, each is fetched with the end of the one before, as BullMQ does it.
 * Not for jobs with a priority: those do not stand in the list that is looked at.
 */
export class WakeUpWorker<Data> extends Worker<Data> {
  #busy = false;
  #defined = false;

  constructor(name: string, handle: (job: Job<Data>) => Promise<unknown>, options: WorkerOptions) {
    super(name, handle, { ...options, skipLockRenewal: true });
  }

  /** Whether more jobs waited when it last ended one. Asks nobody, so it can be asked while Redis is away. */
  get jobsWait(): boolean {
    return this.#busy;
  }

  protected override moveToActive(_token: string, name?: string): Promise<Job<Data>> {
    return super.moveToActive(unlocked, name);
  }

  override async processJob(job: Job<Data>, token: string, mayFetch = () => true): Promise<Job<Data> | undefined> {
    let looking: Promise<boolean> | undefined;
    const next = await super.processJob(job, token, () => {
      if (this.#busy) return mayFetch();
      looking = this.#jobsWait(); // on its way together with the end of this job
      return false;
    });
    this.#busy = looking === undefined ? next !== undefined : await looking;
    if (looking === undefined) return next ?? undefined;
    // Without a job: the queue is drained, so what comes next is to wait for a call. With jobs there, the next is fetched.
    return this.#busy ? undefined : this.nextJobFromJobData();
  }

  /** True, too, when Redis is away: BullMQ's own way finds out, and tells. */
  async #jobsWait(): Promise<boolean> {
    try {
      const client = await this.backend.client;
      if (!this.#defined) client.defineCommand(look.name, look.definition);
      this.#defined = true;
      return Number(await client.runCommand(look.name, [this.keys['wait'], this.keys['marker']])) > 0;
    } catch {
      return true;
    }
  }
}
