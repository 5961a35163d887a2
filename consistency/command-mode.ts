import type { Option } from 'commander';
import type { CommandIo as OperatorIo } from '../runtime/operator-command.ts';

export interface CommandIo extends OperatorIo {
  readonly signal?: AbortSignal;
  /** Whether `err` is a terminal, where a line can be written over. Default: no. */
  readonly isTerminal?: boolean;
}

/** 0 every invariant holds, 1 violated, 2 usage, 3 nothing of ours to examine, 4 no verdict because of a fault. */
export const exitCodes = { ok: 0, violated: 1, usage: 2, invalid: 3, unreachable: 4 } as const;

export type Flags = Readonly<Record<string, unknown>>;

/** One thing that `npm run verify` can do. The first mode whose flag was given is done; the one without a flag is what is done else. */
export interface CommandMode {
  /** Name of its flag as commander stores it, e.g. `fromEvents` of `--from-events`. */
  readonly flag?: string;
  /** Its flag, and those that only it knows: given without it they are wrong usage. */
  readonly options: readonly Option[];
  /** Whether the environment asks for it when no flag does. Default: no. */
  wanted?(env: NodeJS.ProcessEnv): boolean;
  /** Whether it works without a database to look at. Default: no. */
  readonly withoutDatabase?: boolean;
  /** Resolves with the exit code. What is thrown is explained by the command, and ends with 3 or 4. */
  run(databaseUrl: string, flags: Flags, io: CommandIo): Promise<number>;
}
