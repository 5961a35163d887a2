import { engineNames } from './engine-names.ts';
import type { Invariant, Subject } from './invariant.ts';
import { order } from './order.ts';

/** A saga that fails is tried again after up to half a minute, and turned back at its deadline: minutes behind it nobody is at work on it. */
export const defaultPatienceSeconds = 300;
/** What a pass may set for its transaction. */
export const patienceSetting = 'sagashift.open_saga_seconds';
const allowedSeconds = `coalesce(nullif(current_setting('${patienceSetting}', true), '')::int, ${defaultPatienceSeconds})`;

/** A saga with its receipts. Sets of boundaries are bit masks: bit n is boundary n. */
const saga: Subject = {
  name: 'saga',
  key: 'saga',
  tables: ['saga_state', 'saga_step_execution', 'orders', 'payment_route'],
  sql: (within) => `
    select coalesce(s.saga_id, e.saga_id) as id, s.order_id, s.saga_type, s.status, s.failure_code, s.event_count, s.pruned_at is not null as pruned,
      case when s.status in ('RUNNING', 'COMPENSATING') then extract(epoch from now() - coalesce(s.deadline_at, s.created_at)) else 0 end as late_seconds,
      ${allowedSeconds} as allowed_seconds,
      o.id is not null as has_order, o.status as order_status, o.engine, r.side,
      coalesce(e.done, 0) as done, coalesce(e.done_mask, 0) as done_mask, coalesce(e.failed, 0) as failed,
      coalesce(e.undone, 0) as undone, coalesce(e.undone_mask, 0) as undone_mask, coalesce(e.undos, 0) as undos
    from (select * from saga_state where ${within('saga_id')}) s
    full join (
      select saga_id, count(*) filter (where op = 'EXECUTE' and status = 'SUCCESS') as done,
        bit_or(1 << step_no) filter (where op = 'EXECUTE' and status = 'SUCCESS') as done_mask,
        count(*) filter (where op = 'EXECUTE' and status <> 'SUCCESS') as failed,
        count(*) filter (where op = 'COMPENSATE' and status = 'COMPENSATED') as undone,
        bit_or(1 << step_no) filter (where op = 'COMPENSATE' and status = 'COMPENSATED') as undone_mask,
        count(*) filter (where op = 'COMPENSATE') as undos
      from saga_step_execution where ${within('saga_id')} group by saga_id) e on e.saga_id = s.saga_id
    left join orders o on o.id = s.order_id
    left join payment_route r on r.order_id = s.order_id`,
};

export const sagaInvariants: readonly Invariant[] = [
  {
    code: 'G1',
    class: 'I',
    severity: 'process',
    sentence:
      'An order paid by a saga engine has one saga of that engine and a route to the saga side; others have none.',
    remedy: 'Two sides worked on one order, or an accepting transaction was split.',
    binds: 'all',
    examines: 'worked on',
    checks: [
      { subject: order, applies: `engine in ${engineNames.sagas}`, wrong: 'saga_type is distinct from engine' },
      { subject: order, applies: `engine in ${engineNames.notSagas}`, wrong: 'saga_type is not null' },
      {
        subject: saga,
        wrong: `not has_order or side is distinct from 'saga' or (engine is not null and engine is distinct from saga_type)`,
      },
    ],
  },
  {
    code: 'G2',
    class: 'I',
    severity: 'process',
    sentence: 'A saga’s completed boundaries are 1, 2, .. n, each once.',
    remedy: 'A boundary ran out of turn: fencing or dispatch is wrong.',
    binds: 'sagas',
    examines: 'worked on',
    checks: [
      {
        subject: saga,
        applies: 'pruned is not true',
        wrong: 'status is null or done_mask is distinct from (2 << done::int) - 2',
      },
      // Its receipts have been given up, all of them and none before its end.
      {
        subject: saga,
        applies: 'pruned',
        wrong: `done + failed + undos > 0 or status not in ('COMPLETED', 'COMPENSATED')`,
      },
    ],
  },
  {
    code: 'G3',
    class: 'T',
    severity: 'process',
    sentence: 'A COMPLETED saga ran all its boundaries, failed and undid none, and its order is PAID.',
    remedy:
      'Look at the saga by `npm run sagas -- show ID`: a boundary without its receipt ran outside of its transaction, and a status without its payment was set by hand.',
    binds: 'sagas',
    examines: 'paid',
    checks: [
      {
        subject: saga,
        applies: `status = 'COMPLETED' and not pruned`,
        wrong: `done = 0 or done is distinct from event_count or failed > 0 or undos > 0 or order_status is distinct from 'PAID'`,
      },
      { subject: saga, applies: `status = 'COMPLETED' and pruned`, wrong: `order_status is distinct from 'PAID'` },
    ],
  },
  {
    code: 'G4',
    class: 'T',
    severity: 'process',
    sentence:
      'A COMPENSATED saga undid each boundary it had completed, exactly once, and its order is refused for the saga’s reason.',
    remedy:
      'The missing receipt names the boundary that was not undone: `npm run sagas -- show ID`, then `npm run verify -- --repair`, which gives back what P5 names.',
    binds: 'sagas',
    examines: 'refused',
    checks: [
      {
        subject: saga,
        applies: `status = 'COMPENSATED' and not pruned`,
        wrong: `undone is distinct from done or undone_mask is distinct from done_mask or order_status is distinct from refusal_status(failure_code)`,
      },
      {
        subject: saga,
        applies: `status = 'COMPENSATED' and pruned`,
        wrong: 'order_status is distinct from refusal_status(failure_code)',
      },
    ],
  },
  {
    code: 'G5',
    class: 'L',
    severity: 'process',
    sentence: 'No saga is open for longer than the declared bound after its deadline.',
    remedy:
      'Nobody works on it, or its undo keeps failing: see `npm run sagas -- show ID` for its last error, and whether a worker runs.',
    binds: 'sagas',
    examines: 'worked on',
    checks: [{ subject: saga, wrong: 'late_seconds > allowed_seconds' }],
  },
  {
    code: 'G6',
    class: 'Q',
    severity: 'process',
    sentence: 'When drained, no saga is open.',
    remedy: '`npm run sagas -- list` shows open ones and why.',
    binds: 'sagas',
    examines: 'worked on',
    checks: [{ subject: saga, wrong: `status not in ('COMPLETED', 'COMPENSATED', 'FAILED')` }],
  },
  {
    code: 'G7',
    class: 'T',
    severity: 'process',
    sentence: 'A saga that a person gave up left its order final: nothing is held for it for ever.',
    remedy:
      '`npm run sagas -- show ID` says what is open; `retry` it once the cause is mended, or close its books by hand: [operations](operations.md#give-up).',
    binds: 'sagas',
    examines: 'worked on',
    checks: [
      {
        subject: saga,
        // Once its books were closed by hand the order is final, and bound by what is asked of any such order.
        wrong: `status is not distinct from 'FAILED' and (order_status is null or order_status in ('PENDING', 'PAYING'))`,
      },
    ],
  },
];
