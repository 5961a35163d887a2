import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';
import { type ClientEntry, OperationLogError, operationLogHeader, operationLogLine } from './operation-log.ts';

/** A line is a few hundred characters; a file of another kind may have none that ends. */
const longestLine = 65_536;

/**
 * Reads an operation log, plain or gzipped, a line at a time. Throws an OperationLogError that says what is wrong and in which
 * line. An empty file is a log of nothing.
 */
export async function* readOperationLog(file: string): AsyncGenerator<ClientEntry> {
  let number = 0;
  for await (const line of linesOf(await openLog(file), file)) {
    number += 1;
    if (number === 1) checkHeader(line, file);
    else yield entryOf(line, `${file}, line ${number}`);
  }
}

async function openLog(file: string): Promise<Readable> {
  const handle = await open(file).catch((cause: unknown) => {
    throw new OperationLogError(`${file} cannot be read`, { cause });
  });
  try {
    const start = Buffer.alloc(2);
    await handle.read(start, 0, 2, 0);
    const bytes = createReadStream('', { fd: handle, start: 0 });
    return start.equals(gzipMagic) ? gunzipped(bytes) : bytes;
  } catch (cause) {
    await handle.close();
    throw new OperationLogError(`${file} cannot be read`, { cause });
  }
}

const gzipMagic = Buffer.from([0x1f, 0x8b]);

function gunzipped(bytes: Readable): Readable {
  const text = createGunzip();
  bytes.once('error', (error) => text.destroy(error));
  text.once('close', () => bytes.destroy());
  return bytes.pipe(text);
}

async function* linesOf(bytes: Readable, file: string): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let [rest, number] = ['', 0];
  try {
    for await (const chunk of bytes) {
      const lines = (rest + decoder.write(chunk as Buffer)).split('\n');
      rest = lines.pop() ?? '';
      number += lines.length;
      if (rest.length > longestLine)
        throw new OperationLogError(`${file}, line ${number + 1}: longer than ${longestLine} characters`);
      yield* lines;
    }
  } catch (cause) {
    if (cause instanceof OperationLogError) throw cause;
    throw new OperationLogError(`${file} cannot be read to its end, after line ${number}`, { cause });
  } finally {
    bytes.destroy();
  }
  if (rest !== '') throw new OperationLogError(`${file}, line ${number + 1}: the last line is cut`);
}

function checkHeader(line: string, file: string): void {
  const header = parse(line, `${file}, line 1`);
  if (operationLogHeader.safeParse(header).success) return;
  const { log, version } = (header ?? {}) as { readonly log?: unknown; readonly version?: unknown };
  throw new OperationLogError(
    log === 'sagashift-operations'
      ? `${file} is an operation log of version ${JSON.stringify(version)}; this program reads ${operationLogHeader.shape.version.value}`
      : `${file}, line 1: not the header of an operation log`,
  );
}

function entryOf(line: string, where: string): ClientEntry {
  const parsed = operationLogLine.safeParse(parse(line, where));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new OperationLogError(`${where}: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}`);
  }
  const { orderId, userId, couponId, outcome, paymentId, code, status, invokedAt, endedAt } = parsed.data;
  return { orderId, userId, couponId, outcome, paymentId, code, status, invokedAt, endedAt };
}

function parse(line: string, where: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw new OperationLogError(`${where}: not JSON: ${line.slice(0, 80)}`);
  }
}
