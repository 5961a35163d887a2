import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import type { ArmResult } from '../result.ts';
import type { Measurement } from './round.ts';

const columns = 'orderId,userId,couponId,expected,dueMs,startedMs,endedMs,status,outcome,code,paymentId,engine';

/** Keeps what a round was made of, for whoever doubts a figure: the driver's log, and the histogram in HDR's own format. */
export function writeRaw(
  directory: string,
  arm: ArmResult,
  { result, operations, histogram, window }: Measurement,
): void {
  const name = join(
    directory,
    'raw',
    `${arm.scenario}.${arm.name.replaceAll(/[^a-z-]+/gi, '')}${arm.control ? '-copy' : ''}.${result.round}`,
  );
  const lines = operations.map((one) =>
    [
      one.orderId,
      one.userId,
      one.couponId ?? '',
      one.expect,
      (one.intendedAt - window[0]).toFixed(3), // 0 is the start of the window
      (one.startedAt - window[0]).toFixed(3),
      (one.endedAt - window[0]).toFixed(3),
      one.status,
      one.outcome,
      one.code ?? '',
      one.paymentId ?? '',
      one.engine ?? '',
    ].join(','),
  );
  writeFileSync(`${name}.operations.csv.gz`, gzipSync(`${[columns, ...lines].join('\n')}\n`, { level: 1 }));
  writeFileSync(`${name}.latency-us.hdr`, `${encodeIntoCompressedBase64(histogram)}\n`);
}
