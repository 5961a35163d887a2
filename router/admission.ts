export interface AdmissionLimits {
  /** Payments in work at once, answered or not. */
  readonly payments: number;
  /** Of one user: a client gone wild takes nobody else's place. */
  readonly paymentsPerUser: number;
}

/** Counts the payments in work. A 202 keeps its place until the payment is final. */
export interface Admission {
  /** Whether there is room for one more; `enter` must be followed by `leave`. */
  enter(userId: number): 'entered' | 'full' | 'user full' | 'closed';
  leave(userId: number): void;
  inWork(): number;
  /** Lets nobody in any more; resolves with what is left when none is in work, or after `limitMs`. */
  drain(limitMs: number): Promise<number>;
}

export function createAdmission(limits: AdmissionLimits): Admission {
  const perUser = new Map<number, number>();
  let inWork = 0;
  let closed = false;
  let drained: () => void = () => undefined;
  return {
    enter(userId) {
      if (closed) return 'closed';
      if (inWork >= limits.payments) return 'full';
      const ofUser = perUser.get(userId) ?? 0;
      if (ofUser >= limits.paymentsPerUser) return 'user full';
      perUser.set(userId, ofUser + 1);
      inWork += 1;
      return 'entered';
    },
    leave(userId) {
      const ofUser = perUser.get(userId) ?? 0;
      if (ofUser > 1) perUser.set(userId, ofUser - 1);
      else perUser.delete(userId);
      inWork -= 1;
      if (inWork === 0) drained();
    },
    inWork: () => inWork,
    async drain(limitMs) {
      closed = true;
      if (inWork === 0) return 0;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      return inWork;
    },
  };
}
