import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { createLog } from './log.ts';

function captured() {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return { lines, destination };
}

describe('the log', () => {
  test('writes one JSON line each, named and timed, without secrets', () => {
    const { lines, destination } = captured();
    const log = createLog('router', 'info', destination);
    log.info({ databaseUrl: 'postgres://u:secret@h/x', config: { redisUrl: 'redis://:secret@h', port: 1 } }, 'up');
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(line).toMatchObject({
      name: 'router',
      msg: 'up',
      databaseUrl: '[hidden]',
      config: { redisUrl: '[hidden]', port: 1 },
    });
    expect(String(line['time'])).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(lines.join('')).not.toContain('secret');
  });

  test('keeps to its level', () => {
    const { lines, destination } = captured();
    createLog('router', 'warn', destination).info('too quiet');
    expect(lines).toEqual([]);
  });

  test('goes to stderr at level info unless told otherwise', () => {
    expect(createLog('x').level).toBe('info');
  });
});
