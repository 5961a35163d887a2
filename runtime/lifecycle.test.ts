import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, test } from '@jest/globals';
import { announceReady, runUntilSignal, stopInReverse } from './lifecycle.ts';

describe('the life of a process', () => {
  test('parts stop in reverse order, all of them, and the first failure is told', async () => {
    const stopped: string[] = [];
    const part = (name: string, fails = false) => ({
      stop: async () => {
        stopped.push(name);
        if (fails) throw new Error(`${name} failed`);
      },
    });
    await expect(stopInReverse([part('a'), part('b', true), part('c', true)])).rejects.toThrow('c failed');
    expect(stopped).toEqual(['c', 'b', 'a']);
    await expect(stopInReverse([part('d')])).resolves.toBeUndefined();
  });

  test('a signal stops what was started', async () => {
    let stopped = 0;
    const before = process.listenerCount('SIGTERM');
    const running = runUntilSignal(async () => ({
      stop: async () => {
        stopped += 1;
      },
    }));
    // To ourselves and only in word: the runner of the tests listens too.
    process.listeners('SIGTERM').at(-1)?.('SIGTERM');
    process.listeners('SIGTERM').at(-1)?.('SIGTERM'); // The parent's, right after the terminal's.
    await running;
    expect(stopped).toBe(1);
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  test('a start that fails is told and leaves no listener', async () => {
    const before = process.listenerCount('SIGINT');
    await expect(runUntilSignal(() => Promise.reject(new Error('no database')))).rejects.toThrow('no database');
    expect(process.listenerCount('SIGINT')).toBe(before);
  });

  test('a second signal leaves a stop that hangs', async () => {
    const module = new URL('./lifecycle.ts', import.meta.url).href;
    const script = `
      import { runUntilSignal } from ${JSON.stringify(module)};
      await runUntilSignal(async () => { setInterval(() => {}, 1000); console.log('up'); return { stop: () => new Promise(() => { console.log('stopping'); }) }; });`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface(child.stdout)) {
      if (line === 'up') child.kill('SIGTERM');
      if (line === 'stopping') {
        const again = setInterval(() => child.kill('SIGTERM'), 100);
        child.once('exit', () => {
          clearInterval(again);
        });
        break;
      }
    }
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(1);
  });

  test('a process says when it is ready in one line of JSON', () => {
    const lines: string[] = [];
    announceReady('router', 'http://127.0.0.1:1', (line) => lines.push(line));
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { ready: true, name: 'router', url: 'http://127.0.0.1:1', pid: process.pid },
    ]);
    expect(lines[0]).toMatch(/^[^\n]*\n$/);
  });
});
