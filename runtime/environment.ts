import type { z } from 'zod';

/** The environment can't be used as it is. The message names each variable, what is wrong with it and what it takes. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly exitCode = 2;
}

/** The one variable whose emptiness says something: a schedule of nothing. */
export const onlySet = (env: NodeJS.ProcessEnv): Record<string, string | undefined> => ({
  ...Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== '')),
  ...(env['SAGASHIFT_NIGHTLY_CRON'] === '' && { SAGASHIFT_NIGHTLY_CRON: 'off' }),
});

export function parse<Schema extends z.ZodType>(
  schema: Schema,
  given: Readonly<Record<string, unknown>>,
  complaints: string[],
): z.infer<Schema> {
  const parsed = schema.safeParse(given);
  for (const { path, message } of parsed.error?.issues ?? []) complaints.push(`${path.join('.')}: ${message}`);
  if (!parsed.success || complaints.length > 0) {
    throw new ConfigError(`the environment can't be used:\n${complaints.map((line) => `  ${line}`).join('\n')}`);
  }
  return parsed.data;
}
