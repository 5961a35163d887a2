import { runVerify } from '../../consistency/command.ts';

export interface Verified {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `npm run verify` in this process, on a database. */
export async function verifyCommand(
  url: string,
  argv: readonly string[] = [],
  signal?: AbortSignal,
): Promise<Verified> {
  let [out, err] = ['', ''];
  const io = {
    env: {},
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    ...(signal && { signal }),
  };
  const code = await runVerify(['--database-url', url, ...argv], io);
  return { code, out, err };
}
