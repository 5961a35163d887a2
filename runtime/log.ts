import pino, { type DestinationStream, type Logger } from 'pino';

export type { Logger };

/** JSON lines on stderr: stdout belongs to what a caller reads, the line that says a process is ready. */
export function createLog(
  name: string,
  level = 'info',
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  return pino(
    {
      name,
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      // URLs carry passwords.
      redact: { paths: secrets.flatMap((key) => [key, `*.${key}`]), censor: '[hidden]' },
    },
    destination,
  );
}

const secrets = ['databaseUrl', 'redisUrl', 'password', 'token', 'authorization', 'connectionString', 'apiKey'];
