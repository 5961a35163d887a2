import { z } from 'zod';
import { parseCut } from '../domain/cuts.ts';
import { steps } from '../domain/steps.ts';

// How the values of environment variables are written. A message says what was wrong and what would do.

const words = (value: string): boolean | undefined =>
  ['1', 'true', 'on', 'yes'].includes(value.toLowerCase())
    ? true
    : ['0', 'false', 'off', 'no'].includes(value.toLowerCase())
      ? false
      : undefined;

export const flag = z.string().transform((value, ctx) => {
  const on = words(value);
  if (on !== undefined) return on;
  ctx.addIssue({ code: 'custom', message: `'${value}' is neither true nor false` });
  return z.NEVER;
});

export const whole = (min: number, max: number) =>
  z.string().transform((value, ctx) => {
    const n = Number(value);
    if (/^\d{1,15}$/.test(value) && n >= min && n <= max) return n;
    ctx.addIssue({ code: 'custom', message: `'${value}' is not a whole number from ${min} to ${max}` });
    return z.NEVER;
  });

export const url = (example: string, protocols: readonly string[]) =>
  z
    .string({ error: `is not set: give it as ${example}, or use \`npm start\`, which brings its own` })
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
      error: `is not a URL like ${example}`,
    });

export const oneOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, { error: ({ input }) => `'${String(input)}' is none of ${names.join(', ')}` });

export const cut = z.string().superRefine((value, ctx) => {
  try {
    parseCut(value);
  } catch (error) {
    ctx.addIssue({ code: 'custom', message: (error as TypeError).message });
  }
});

const maxAddedMs = 60_000;
export const addedMs = z.string().transform((value, ctx) => {
  const added: Record<string, number> = {};
  for (const part of value.split(',')) {
    const [name = '', ms = ''] = part.split('=').map((word) => word.trim());
    if (!steps.some((step) => step.name === name) || !/^\d+(\.\d+)?$/.test(ms) || Number(ms) > maxAddedMs) {
      ctx.addIssue({
        code: 'custom',
        message: `'${part}' is not STEP=MILLISECONDS with a step of ${stepNames} and at most ${maxAddedMs} ms`,
      });
      return z.NEVER;
    }
    added[name] = Number(ms);
  }
  return added;
});
const stepNames = steps.map((step) => step.name).join(', ');

export const targetUrls = z.string().transform((value, ctx) => {
  const urls: Record<string, string> = {};
  for (const part of value.split(',')) {
    const [, name = '', to = ''] = /^\s*([\w.-]{1,64})=(\S+?)\s*$/.exec(part) ?? [];
    if (!URL.canParse(to) || !['http:', 'https:'].includes(new URL(to).protocol)) {
      ctx.addIssue({
        code: 'custom',
        message: `'${part}' is not TARGET=URL like inventory=http://127.0.0.1:8090/events`,
      });
      return z.NEVER;
    }
    urls[name] = to;
  }
  return urls;
});

/** What fits into a header; the message does not repeat it. */
export const secret = z.string().regex(/^[\x21-\x7e]{8,512}$/, { error: 'takes 8 to 512 visible ASCII characters' });

/** Five fields, or six with seconds first. Whether each makes sense is for the scheduler to say; `off` is none. */
export const cron = z.string().regex(/^(off|[\w*,/?#-]{1,100}( [\w*,/?#-]{1,100}){4,5})$/, {
  error: ({ input }) => `'${String(input)}' is neither a pattern like '30 3 * * *' nor off`,
});

export const timeZone = z.string().refine(isTimeZone, {
  error: ({ input }) => `'${String(input)}' is not a time zone like Asia/Seoul`,
});

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

export const http = url('http://127.0.0.1:8090', ['http:', 'https:']);
