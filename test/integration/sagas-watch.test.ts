import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { beat } from '../../eventdriven/saga/rescue-sql.ts';
import { openSagasStage } from '../support/open-sagas.ts';
import { sagas } from '../support/sagas-command.ts';

const on = openSagasStage();
const { clear, saga, six } = on;

describe('watch', () => {
  beforeEach(clear);
  async function watched(argv: string[], tty: boolean, looks: number, between = async (): Promise<void> => undefined) {
    const stop = new AbortController();
    let seen = 0;
    let side = Promise.resolve();
    const onOut = (): void => {
      seen += 1;
      if (seen === 1) side = between();
      if (seen === looks) stop.abort();
    };
    const ran = await sagas(on.db.url, ['watch', ...argv], { tty, signal: stop.signal, onOut });
    await side;
    return ran;
  }

  test('counts every second until it is interrupted, and ends well', async () => {
    await six();
    const { code, out } = await watched([], false, 2, async () => {
      await saga();
    });
    expect(code).toBe(0);
    const [first, second] = out.split('\n') as [string, string];
    expect(first).toMatch(
      /^\S+Z {2}open 3: running 2, compensating 1, oldest 1h 0m {2}attention 1 {2}given up 1 {2}workers 0$/,
    );
    expect(second).toContain('open 4: running 3,');
  });

  test('draws a screen on a terminal, by style, status and step', async () => {
    await six();
    await beat(on.db.pool, 'w1', 'orchestrator', [3, 99]);
    await beat(on.db.pool, 'w2', 'order payment');
    const { out } = await watched([], true, 1);
    expect(out.startsWith('\u001B[H')).toBe(true);
    expect(out.endsWith('\u001B[J')).toBe(true);
    expect(out).toContain('workers: orchestration 1, choreography 1');
    expect(out).toMatch(/orchestration +COMPENSATING +confirmStock +1 +\S+ +1 +1\D/);
    expect(out).toMatch(/FAILED +confirmStock +1 +\S+ +0 +1\D/);
    await on.db.pool.query('truncate saga_state');
    expect((await watched([], true, 1)).out).toContain('no open sagas');
    expect(JSON.parse((await watched(['--json'], true, 1)).out)).toMatchObject({
      counts: [],
      workers: { orchestration: 1 },
    });
  });

  test('goes on when the database is away for a moment, and says so', async () => {
    const { code, out, err } = await watched([], false, 2, async () => {
      await on.db.pool.query('alter table saga_state rename to elsewhere');
      // Gone before it goes on: else its earlier question would pass for the one that fails.
      await on.db.pool.query(
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'sagashift-sagas' and datname = current_database()`,
      );
      while (
        (
          await on.db.pool.query(
            `select from pg_stat_activity where application_name = 'sagashift-sagas' and query like '%saga_state%' and datname = current_database() and state = 'idle'`,
          )
        ).length === 0
      );
      await on.db.pool.query('alter table elsewhere rename to saga_state');
    });
    expect([code, out.split('\n')]).toEqual([
      0,
      [expect.stringContaining('open 0'), expect.stringContaining('open 0'), ''],
    ]);
    expect(err).toContain('is not one of Sagashift');
  });

  test('as a process ends with 0 on Ctrl-C', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/sagas.ts', 'watch'], {
      env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: on.db.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    expect(line.toString()).toContain('open 0');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
