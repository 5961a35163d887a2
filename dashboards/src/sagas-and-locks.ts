import type { DashboardRow } from './dashboard.ts';
import { delivery, processes, queues } from './sagas-and-locks/hand-over-sections.ts';
import { locks, transactions } from './sagas-and-locks/lock-sections.ts';
import { funnel, steps } from './sagas-and-locks/saga-sections.ts';

export const sagasAndLocks: DashboardRow = {
  uid: 'sagashift-sagas-and-locks',
  title: 'Sagashift: sagas and locks',
  description: 'What the sagas do step by step, what waits for what, and what reached the outside.',
  sections: [funnel, steps, locks, transactions, queues, delivery, processes],
};
