import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UsageError } from './options.ts';
import { type Result, resultSchema, schemaVersion } from './result.ts';

/** Written whole or not at all: a reader, or a crash, never meets half a file. */
export function writeFileWhole(file: string, content: string | Uint8Array): void {
  const draft = join(dirname(file), `.${basename(file)}.${process.pid}`);
  writeFileSync(draft, content);
  renameSync(draft, file);
}

export function saveResult(directory: string, result: Result): void {
  writeFileWhole(join(directory, 'result.json'), `${JSON.stringify(result, null, 1)}\n`);
}

/** Throws a UsageError that says what is wrong with the file. */
export function readResult(file: string): Result {
  if (!existsSync(file)) throw new UsageError(`There is no file ${file}`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`);
  }
  const parsed = resultSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const version = (content as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (version !== schemaVersion)
    throw new UsageError(`${file} is of version ${String(version)}; this program reads ${schemaVersion}`);
  const [issue] = parsed.error.issues;
  throw new UsageError(
    `${file} is not a result of a run: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown shape'}`,
  );
}

const ours = new Set(['result.json', 'report.html', 'raw', 'chaos.json']);

/** Makes the directory of a run, or throws a UsageError when something that is not an earlier result lies there. */
export function prepareOutput(directory: string): void {
  if (existsSync(directory)) {
    const strangers = readdirSync(directory).filter((name) => !ours.has(name));
    if (strangers.length > 0) {
      throw new UsageError(
        `--out ${directory} holds other files (${strangers.slice(0, 3).join(', ')}): give an empty directory or an earlier result`,
      );
    }
  }
  mkdirSync(join(directory, 'raw'), { recursive: true });
}
