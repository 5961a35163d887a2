import type { Environment } from '../result.ts';
import type { FaultName } from './faults.ts';
import type { FigureName, Figures } from './figures/figures.ts';
import type { Recovery } from './recovery.ts';
import type { Style } from './stack.ts';
import type { Timeline } from './timeline.ts';

export interface Violation {
  readonly code: string;
  readonly title: string;
  readonly violations: number;
  readonly sample: readonly string[];
}

/** What one fault did to one style. */
export interface FaultResult extends Recovery {
  readonly fault: FaultName;
  readonly style: Style;
  /** What it is, and what it shows when it is survived. */
  readonly title: string;
  readonly proves: string;
  /** Sagas that were open at that instant; 0: it hit none, and nothing is shown by it. */
  readonly openAtInjection: number;
  /** When it came, after the start of the load. */
  readonly afterSeconds: number;
  readonly goalSeconds: number;
  readonly payments: number;
  /**
   * What the clients were told: answered at first, and by asking again when everything was quiet. Of those who asked again
   * some turned out to have been paid before.
   */
  readonly answers: {
    readonly final: number;
    readonly askedAgain: number;
    readonly turnedOutPaid: number;
    readonly unresolved: number;
  };
  readonly violations: readonly Violation[];
  /** Null: the fault did not come. */
  readonly timeline: Timeline | null;
  /** Why it does not pass; empty: it does. */
  readonly failures: readonly string[];
}

export interface NotRun {
  readonly fault: FaultName;
  readonly style: Style;
  readonly why: string;
}

/** `chaos.json`. */
export interface ChaosResult {
  readonly schemaVersion: '1.1.0';
  readonly run: {
    readonly id: string;
    readonly seed: number;
    readonly command: string;
    readonly quick: boolean;
    readonly commit: string | null;
    readonly dirty: boolean | null;
    readonly ratePerSecond: number;
    readonly sabotage: string | null;
    readonly startedAt: string;
    seconds: number;
    state: 'running' | 'complete' | 'interrupted' | 'failed';
  };
  servers: { readonly postgres: string; readonly redis: string };
  /** Null: no server could be asked. */
  environment: (Omit<Environment, 'fdatasyncPerSecond' | 'fdatasyncWhere'> & { readonly busy: boolean }) | null;
  readonly planned: number;
  readonly results: FaultResult[];
  readonly notRun: NotRun[];
  readonly figuresPlanned: readonly FigureName[];
  figures: Figures;
  /** Orders of all styles that an engine worked on, and those that some violation touches. */
  readonly score: { examined: number; touched: number; lowerBound95: number };
  readonly troubles: string[];
}

/**
 * 0: every fault that could be injected was survived, and no books were broken by what the figures were measured on. 1: one was not, or
 * they were. 3: not everything that was planned and could be was done.
 */
export function exitCodeOfChaos({ run, results, notRun, planned, figures, figuresPlanned }: ChaosResult): 0 | 1 | 3 {
  if (results.some(({ failures }) => failures.length > 0)) return 1;
  if (figureViolations(figures).length > 0 || run.state === 'failed') return 1;
  const allFaults = results.length + notRun.length === planned;
  const something = results.length + figuresPlanned.length > 0;
  return run.state === 'complete' && allFaults && something ? 0 : 3;
}

/** Of the databases that figures were measured on. */
export const figureViolations = ({ cost, memory }: Figures): readonly string[] =>
  [...cost, ...memory].flatMap(({ style, violations }) => violations.map((one) => `VIOLATED ${one} (${style})`));
