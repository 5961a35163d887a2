import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { operationLogVersion } from '../../consistency/client-log/operation-log.ts';
import { epochMs, type Operation, toLogLine } from '../load/operation.ts';
import type { ArmResult } from '../result.ts';
import type { Measurement } from './round.ts';

/** Keeps what a round was made of, for whoever doubts a figure: the driver's log, and the histogram in HDR's own format. */
export function writeRaw(
  directory: string,
  { scenario, name, control }: ArmResult,
  { result, operations, again, histogram, window }: Measurement,
): void {
  const round = `${scenario}.${name.replaceAll(/[^a-z-]+/gi, '')}${control ? '-copy' : ''}.${result.round}`;
  const about = { scenario, arm: name, round: result.round, window: window.map(epochMs) };
  writeOperationLog(join(directory, 'raw', `${round}.operations.ndjson.gz`), about, [...operations, ...again]);
  writeFileSync(join(directory, 'raw', `${round}.latency-us.hdr`), `${encodeIntoCompressedBase64(histogram)}\n`);
}

/** The format is consistency/client-log/operation-log.ts, with what only a load knows: when it was due, how it must end, who paid. */
export function writeOperationLog(
  file: string,
  about: Readonly<Record<string, unknown>>,
  operations: readonly Operation[],
): void {
  const header = { log: 'sagashift-operations', version: operationLogVersion, ...about };
  const lines = operations.map((one) => ({
    ...toLogLine(one),
    ...{ dueAt: epochMs(one.intendedAt), expect: one.expect, engine: one.engine },
  }));
  const text = [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join('');
  writeFileSync(file, gzipSync(text, { level: 1 }));
}
