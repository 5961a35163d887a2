import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { businessEvents, openEvents, silentEvents } from './telemetry.ts';

const run = promisify(execFile);
const options = { app: 'test', session: 's', say: () => undefined };

describe('business events', () => {
  test('go nowhere unless a sink is configured', async () => {
    const events = await openEvents(undefined, options);
    expect(events).toBe(silentEvents);
    events.push('rollback.effective', { router: 'r', version: 1 });
    await events.flush(AbortSignal.abort());
    await events.stop();
  });

  test('Faro is loaded by who has a sink, by nobody else', async () => {
    const script = (sink: string): string => `
      import { createRequire } from 'node:module';
      import { openEvents } from '${new URL('telemetry.ts', import.meta.url).href}';
      const events = await openEvents(${sink}, { app: 'a', session: 's', say: () => {} });
      await events.stop();
      console.log(Object.keys(createRequire('/x.js').cache).some((file) => file.includes('faro-core')));`;
    const loaded = async (sink: string): Promise<string> =>
      (await run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script(sink)])).stdout.trim();
    expect(await loaded('undefined')).toBe('false');
    expect(await loaded(`{ url: 'http://127.0.0.1:1/collect' }`)).toBe('true');
  });

  test('each is in the documentation, with its attributes, and nothing else is', () => {
    const text = readFileSync(new URL('../docs/observability.md', import.meta.url), 'utf8');
    const section = text.slice(text.indexOf('## Faro'));
    const rows = [...section.matchAll(/^\| `([\w.]+)` +\| .* \| ((?:`\w+`(?:, )?)+) *\|$/gm)];
    const documented = rows.map(([, name, attributes]) => [
      name,
      [...(attributes ?? '').matchAll(/`(\w+)`/g)].map(([, attribute]) => attribute),
    ]);
    expect(Object.fromEntries(documented)).toEqual(businessEvents);
  });
});
