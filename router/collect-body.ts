import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { collectLimits } from './collect-limits.ts';
import { readBytes, refuse } from './json-body.ts';
import { RequestProblem } from './problems.ts';

const unpack = promisify(gunzip);
// No charset is looked at beyond this: JSON is UTF-8. Nothing but JSON: what a page may send to a strange origin without
// being asked for leave is forms and plain text.
const jsonType = /^application\/json\s*(?:;|$)/i;

/** The text of a post, unpacked. Throws a RequestProblem: 415, 413 (unpacked, too), 400. */
export async function readCollected(req: IncomingMessage): Promise<string> {
  const type = req.headers['content-type'];
  if (type === undefined || !jsonType.test(type))
    throw refuse(req, unsupported(`content-type is ${type ?? 'missing'}`));
  const encoding = req.headers['content-encoding'] ?? 'identity';
  if (!['identity', 'gzip'].includes(encoding)) throw refuse(req, unsupported(`content-encoding is ${encoding}`));
  const bytes = await readBytes(req, collectLimits.bodyBytes);
  return (encoding === 'gzip' ? await unpacked(bytes) : bytes).toString('utf8');
}

const unsupported = (why: string): RequestProblem => new RequestProblem('UNSUPPORTED_MEDIA_TYPE', why);

/** Stops at the limit: a kilobyte can unpack to a megabyte. */
async function unpacked(bytes: Buffer): Promise<Buffer> {
  try {
    return await unpack(bytes, { maxOutputLength: collectLimits.bodyBytes });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new RequestProblem('BODY_TOO_LARGE', `the limit is ${collectLimits.bodyBytes} bytes, unpacked`);
    throw new RequestProblem('MALFORMED_REQUEST', 'the body is not gzip');
  }
}
