import type { IncomingMessage } from 'node:http';
import type { Problem } from '../../runtime/problem.ts';

/** A request turned away: what its sender is told. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

const maxBodyBytes = 1024 * 1024;

export async function readBody(req: IncomingMessage): Promise<string> {
  if (Number(req.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Not destroyed on the early way out: that would close the connection before the 413 is read.
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const tooLarge = (): Refused =>
  new Refused({ status: 413, code: 'TOO_LARGE', title: 'Body too large', detail: `at most ${maxBodyBytes} bytes` });
