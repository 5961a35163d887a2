import type { Side } from './payment-engine.ts';

/** An engine is a row of five choices; every plan, report, dashboard and test knows it by its name. */
export interface EngineRow {
  readonly name: string;
  readonly side: Side;
  /** How the five steps are grouped into transactions, see `parseCut`. */
  readonly cut: string;
  readonly locks: 'redlock and rows' | 'rows';
  readonly access: 'Sequelize entities' | 'set-based SQL';
  readonly batching: 'one payment per transaction' | 'natural batches';
  readonly handOver: 'in process' | 'BullMQ, one orchestrator' | 'BullMQ, one queue per domain';
  readonly outside: 'call inside the transaction' | 'delivery log';
}

export const engines = [
  {
    name: 'legacy',
    side: 'legacy',
    cut: 'vcbsp',
    locks: 'redlock and rows',
    access: 'Sequelize entities',
    batching: 'one payment per transaction',
    handOver: 'in process',
    outside: 'call inside the transaction',
  },
  {
    name: 'legacy-lean',
    side: 'legacy',
    cut: 'vcbsp',
    locks: 'rows',
    access: 'set-based SQL',
    batching: 'one payment per transaction',
    handOver: 'in process',
    outside: 'delivery log',
  },
  {
    name: 'orchestration',
    side: 'saga',
    cut: 'vc-b-s-p',
    locks: 'rows',
    access: 'set-based SQL',
    batching: 'natural batches',
    handOver: 'BullMQ, one orchestrator',
    outside: 'delivery log',
  },
  {
    name: 'choreography',
    side: 'saga',
    cut: 'vc-b-s-p',
    locks: 'rows',
    access: 'set-based SQL',
    batching: 'natural batches',
    handOver: 'BullMQ, one queue per domain',
    outside: 'delivery log',
  },
] as const satisfies readonly EngineRow[];

export type EngineName = (typeof engines)[number]['name'];
