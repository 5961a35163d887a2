import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { endProcess, freePort, hasExited, identify, isAlive, pidScope } from './processes.ts';

const sleeper = (script = 'sleep 60') => spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });

describe('processes', () => {
  test('a process is the same only with its start time', () => {
    const me = identify(process.pid);
    expect(me).toBeDefined();
    expect(isAlive(me!)).toBe(true);
    expect(isAlive({ pid: process.pid, startedAt: 'some other time' })).toBe(false);
    expect(identify(2 ** 22 + 1)).toBeUndefined();
  });

  test('is ended by the signal asked for', async () => {
    const child = sleeper('exec sleep 60');
    const id = identify(child.pid!)!;
    const exit = once(child, 'exit');
    expect(hasExited(child)).toBe(false);
    await endProcess(id, 'SIGTERM');
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect([isAlive(id), hasExited(child)]).toEqual([false, true]);
    await expect(endProcess(id, 'SIGTERM')).resolves.toBeUndefined();
  });

  test('is killed when it does not listen', async () => {
    const child = sleeper(`trap '' TERM; echo deaf; while :; do sleep 0.05; done`);
    await once(child.stdout, 'data');
    const exit = once(child, 'exit');
    await endProcess(identify(child.pid!)!, 'SIGTERM', 100);
    expect(await exit).toEqual([null, 'SIGKILL']);
  });

  test('somebody who has got the pid meanwhile is not touched', async () => {
    const child = sleeper('exec sleep 60');
    await endProcess({ pid: child.pid!, startedAt: 'before' }, 'SIGKILL');
    expect(hasExited(child)).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  test('a free port can be listened on', async () => {
    const server = createServer();
    server.listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    expect(server.listening).toBe(false);
  });

  test('the scope of pids is the same for one process', () => {
    expect(pidScope()).toBe(pidScope());
    expect(pidScope()).not.toBe('');
  });
});
