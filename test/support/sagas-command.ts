import { runSagas } from '../../scripts/sagas-command.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Terminal {
  readonly tty?: boolean;
  readonly signal?: AbortSignal;
  readonly onOut?: (text: string) => void;
}

/** `npm run sagas` in this process. */
export async function sagas(
  databaseUrl: string | undefined,
  argv: readonly string[],
  { tty = false, signal = new AbortController().signal, onOut = () => undefined }: Terminal = {},
): Promise<Ran> {
  let [out, err] = ['', ''];
  const code = await runSagas(argv, {
    env: { USER: 'kim', ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) },
    out: (text) => {
      out += text;
      onOut(text);
    },
    err: (text) => (err += text),
    tty,
    interrupted: () => signal,
  });
  return { code, out, err };
}
